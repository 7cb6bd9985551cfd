"""A decoder ready to run: one call reads new tokens of some rows over their keys and values."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from tertulia.engines.onnxruntime.embedding import Embedding, Ids, WordNorm
from tertulia.engines.onnxruntime.encoder import Encoder
from tertulia.engines.onnxruntime.graph import Graph
from tertulia.engines.onnxruntime.session import Session
from tertulia.engines.onnxruntime.weights import Floats, Matrix

HIDDEN = np.float32(-1e9)
"""Added to a product of query and key that must not count: its exponential is 0 to the last bit."""


@dataclass(frozen=True, slots=True)
class Decoder:
    """What a family gives: a graph and the sizes the loop needs.

    groups     key/value heads
    head       numbers in each of them
    window     positions
    scale      what rows of the embedding are multiplied by, as in Vaswani et al. (2017), 3.4
    positions  [window, width], added to these rows; None where the graph turns or biases instead
    norm       of these rows, before positions are added
    bias       [heads, window], added to products of queries and keys by how far the key is before
               the query; None where positions are embedded or turned
    encoder    of the sources whose keys and values the graph also looks at; None for a decoder
               that has only its prompt
    """

    graph: Graph
    embedding: Matrix
    layers: int
    groups: int
    head: int
    window: int
    scale: float = 1.0
    positions: Floats | None = None
    norm: WordNorm | None = None
    bias: Floats | None = None
    encoder: Encoder | None = None

    @property
    def vocabulary(self) -> int:
        return len(self.embedding.rows)

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Of keys and values: twice the layers, groups, head."""
        return 2 * self.layers, self.groups, self.head

    @property
    def weight_bytes(self) -> int:
        graphs = [self.graph] if self.encoder is None else [self.graph, self.encoder.graph]
        return sum(array.nbytes for graph in graphs for array in graph.outside.values())

    @property
    def bytes_per_token(self) -> int:
        """Keys and values of one position in float32."""
        return 2 * self.layers * self.groups * self.head * 4


@dataclass(frozen=True, slots=True)
class Across:
    """What rows see of their sources.

    room     [2 * layers, rows, groups, positions, head]; behind a row's own length there are as
             many positions as it has new tokens, which are overwritten
    lengths  [rows], tokens of each source
    """

    room: Floats
    lengths: NDArray[np.int32]


class Network:
    """A decoder's graph, opened by ONNX Runtime."""

    def __init__(self, decoder: Decoder, threads: int) -> None:
        self.decoder = decoder
        self.embedding = Embedding(
            decoder.embedding, decoder.scale, decoder.positions, decoder.norm
        )
        self.session = Session(decoder.graph, threads, in_turns=decoder.encoder is not None)

    def run(
        self,
        ids: Ids,
        kept: NDArray[np.int32],
        room: Floats,
        places: Sequence[int] | None = None,
        across: Across | None = None,
    ) -> Floats:
        """Logits [asked, vocabulary] after new tokens.

        ids     [rows, tokens], one more stretch of each row
        kept    [rows], positions already in room
        room    [2 * layers, rows, groups, positions, head], keys and values, written in place:
                keys of layer n at 2n, values at 2n + 1
        places  which of the rows * tokens positions are asked for; the last of each row otherwise
        across  the rows' sources, where there is an encoder
        """
        rows, tokens = ids.shape
        total = (kept + tokens).astype(np.int32)
        asked = np.arange(1, rows + 1) * tokens - 1 if places is None else np.asarray(places)
        logits = np.empty((len(asked), self.decoder.vocabulary), np.float32)
        binding = self.session.binding()
        self.bind(binding, "past_", "", room[:, :rows])
        binding.bind_cpu_input("x", self.embedding.look_up(ids, kept))
        binding.bind_cpu_input("places", asked.astype(np.int64))
        binding.bind_cpu_input("lengths", total - 1)
        binding.bind_cpu_input("longest", np.array(total.max(), np.int32))
        if self.decoder.bias is not None:
            binding.bind_cpu_input("bias", before(self.decoder.bias, kept, tokens))
        if across is not None:
            self.bind_across(binding, across, tokens)
        binding.bind_output("logits", "cpu", 0, np.float32, logits.shape, logits.ctypes.data)
        self.session.run(binding, f"a step of {rows} rows")
        return logits

    def bind(self, binding: onnxruntime.IOBinding, past: str, present: str, room: Floats) -> None:
        """Keys and values of every layer, read and written in the same place."""
        for layer in range(self.decoder.layers):
            for n, kind in enumerate(("key", "value")):
                array = room[2 * layer + n]
                place = ("cpu", 0, np.float32, array.shape, array.ctypes.data)
                binding.bind_input(f"{past}{kind}{layer}", *place)
                binding.bind_output(f"{present}{kind}{layer}", *place)

    def bind_across(self, binding: onnxruntime.IOBinding, across: Across, tokens: int) -> None:
        """Sources, each with positions behind it that hide themselves.

        The kernel knows rows of different lengths only where new keys come with the queries, and
        lets a query see its own and earlier ones. So a key of zeros comes with each new token,
        behind the source, where every query is told not to look.
        """
        rows, longest = len(across.lengths), int(across.lengths.max()) + tokens
        hidden = np.arange(longest) >= across.lengths[:, None]
        bias = np.where(hidden, HIDDEN, np.float32(0))[:, None, None]
        nothing = np.zeros((rows, tokens, self.decoder.groups * self.decoder.head), np.float32)
        self.bind(binding, "past_source_", "source_", across.room[:, :rows])
        binding.bind_cpu_input("source_lengths", across.lengths + np.int32(tokens - 1))
        binding.bind_cpu_input("source_longest", np.array(longest, np.int32))
        binding.bind_cpu_input("source_bias", np.repeat(bias, tokens, axis=2))
        binding.bind_cpu_input("nothing", nothing)


def before(bias: Floats, kept: NDArray[np.int32], tokens: int) -> Floats:
    """Biases of every new token's query over its row, [rows, heads, tokens, positions].

    bias  as `Decoder` has it; keys behind a query get that of the query's own
    kept  [rows], positions before the new tokens
    """
    queries = kept[:, None] + np.arange(tokens)
    keys = np.arange(int(kept.max()) + tokens)
    far = np.maximum(queries[:, :, None] - keys, 0)
    return np.ascontiguousarray(np.take(bias, far, axis=1).swapaxes(0, 1))
