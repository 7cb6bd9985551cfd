"""An encoder ready to run: a source's ids become the keys and values that a decoder looks at."""

from dataclasses import dataclass

import numpy as np

from tertulia.engines.onnxruntime.cache import Sources
from tertulia.engines.onnxruntime.embedding import Embedding, Ids
from tertulia.engines.onnxruntime.graph import Graph
from tertulia.engines.onnxruntime.session import Session
from tertulia.engines.onnxruntime.weights import Floats


@dataclass(frozen=True, slots=True)
class Encoder:
    """What a family gives: a graph, and what the loop needs besides its decoder's sizes.

    window  tokens of a source at the most
    start   what its decoder begins with
    forced  how many of these generate() counts among the new tokens (forced_bos_token_id)
    bias    [heads, 2 * window - 1], added to products of queries and keys by how far the key is
            behind the query, from window - 1 before it on; None where positions are embedded
    """

    graph: Graph
    embedding: Embedding
    window: int
    start: tuple[int, ...]
    forced: int = 0
    bias: Floats | None = None


class Reader:
    """An encoder's graph, opened, and what it made of sources that may come again.

    sizes  [2 * layers, groups, head] of the decoder's keys and values
    """

    def __init__(
        self, encoder: Encoder, sizes: tuple[int, int, int], threads: int, sources: Sources
    ) -> None:
        self.encoder, self.sizes, self.sources = encoder, sizes, sources
        self.session = Session(encoder.graph, threads, in_turns=True)

    def read(self, ids: Ids) -> tuple[Floats, bool]:
        """Keys and values of a source, [2 * layers, groups, tokens, head]; whether they were kept.

        A source is always read whole and alone, so they do not depend on what else there is.
        """
        room = self.sources.find(ids)
        if room is not None:
            return room, True
        room = self.encode(ids)
        self.sources.add(ids, room)
        return room, False

    def encode(self, ids: Ids) -> Floats:
        halves, groups, head = self.sizes
        room = np.empty((halves, groups, len(ids), head), np.float32)
        binding = self.session.binding()
        rows = self.encoder.embedding.look_up(ids[None], np.zeros(1, np.int32))
        binding.bind_cpu_input("x", rows)
        if self.encoder.bias is not None:
            binding.bind_cpu_input("bias", between(self.encoder.bias, len(ids)))
        for layer in range(halves // 2):
            for n, kind in enumerate(("key", "value")):
                array = room[2 * layer + n]
                shape = (1, *array.shape)
                binding.bind_output(
                    f"{kind}{layer}", "cpu", 0, np.float32, shape, array.ctypes.data
                )
        self.session.run(binding, f"an encoder over {len(ids)} tokens")
        return room


def between(bias: Floats, tokens: int) -> Floats:
    """Biases of every query (row) and key (column) of a source, [1, heads, tokens, tokens].

    bias  as `Encoder` has it
    """
    window = (bias.shape[1] + 1) // 2
    places = np.arange(tokens)
    whole: Floats = np.take(bias, places[None, :] - places[:, None] + window - 1, axis=1)
    return whole[None]
