"""A decoder ready to run: one call reads new tokens of some rows over their keys and values."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from tertulia.engines.onnxruntime.graph import Graph
from tertulia.engines.onnxruntime.weights import Floats, Matrix
from tertulia.errors import EngineError

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Decoder:
    """What a family gives: a graph and the sizes the loop needs.

    groups     key/value heads
    head       numbers in each of them
    window     positions
    scale      what rows of the embedding are multiplied by, as in Vaswani et al. (2017), 3.4
    positions  [window, width], added to these rows; None where the graph turns or biases instead
    """

    graph: Graph
    embedding: Matrix
    layers: int
    groups: int
    head: int
    window: int
    scale: float = 1.0
    positions: Floats | None = None

    @property
    def vocabulary(self) -> int:
        return len(self.embedding.rows)

    @property
    def weight_bytes(self) -> int:
        return sum(array.nbytes for array in self.graph.outside.values())

    @property
    def bytes_per_token(self) -> int:
        """Keys and values of one position in float32."""
        return 2 * self.layers * self.groups * self.head * 4


class Network:
    """A decoder's graph, opened by ONNX Runtime."""

    def __init__(self, decoder: Decoder, threads: int) -> None:
        self.decoder = decoder
        self.embedding = decoder.embedding
        model, outside = decoder.graph.model()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        # On processors without VNNI the int8 kernels would otherwise overflow 16 bits.
        options.add_session_config_entry("session.x64quantprecision", "1")
        # The session reads these arrays where they are: they must live as long as it does.
        self.constants = [
            onnxruntime.OrtValue.ortvalue_from_numpy(each) for each in outside.values()
        ]
        options.add_external_initializers(list(outside), self.constants)
        try:
            self.session = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"]
            )
        except Exception as failed:  # noqa: BLE001 - its errors share no narrower base
            raise EngineError(f"ONNX Runtime refuses the graph: {failed}") from failed

    def embed(self, ids: Ids, kept: NDArray[np.int32]) -> Floats:
        """What the first layer reads: [rows, tokens, width].

        ids   [rows, tokens]
        kept  [rows], positions before them
        """
        x = self.embedding.rows[ids].astype(np.float32)
        if self.embedding.scale is not None:
            x *= self.embedding.scale[ids][..., None]
        if self.decoder.scale != 1.0:
            x *= np.float32(self.decoder.scale)
        if self.decoder.positions is not None:
            x += self.decoder.positions[kept[:, None] + np.arange(ids.shape[1])]
        return x

    def run(
        self, ids: Ids, kept: NDArray[np.int32], room: Floats, places: Sequence[int] | None = None
    ) -> Floats:
        """Logits [asked, vocabulary] after new tokens.

        ids     [rows, tokens], one more stretch of each row
        kept    [rows], positions already in room
        room    [2 * layers, rows, groups, positions, head], keys and values, written in place:
                keys of layer n at 2n, values at 2n + 1
        places  which of the rows * tokens positions are asked for; the last of each row otherwise
        """
        rows, tokens = ids.shape
        total = (kept + tokens).astype(np.int32)
        asked = np.arange(1, rows + 1) * tokens - 1 if places is None else np.asarray(places)
        logits = np.empty((len(asked), self.decoder.vocabulary), np.float32)
        binding = self.session.io_binding()
        for layer in range(self.decoder.layers):
            for n, kind in enumerate(("key", "value")):
                array = room[2 * layer + n, :rows]
                place = ("cpu", 0, np.float32, array.shape, array.ctypes.data)
                binding.bind_input(f"past_{kind}{layer}", *place)
                binding.bind_output(f"{kind}{layer}", *place)
        binding.bind_cpu_input("x", self.embed(ids, kept))
        binding.bind_cpu_input("places", asked.astype(np.int64))
        binding.bind_cpu_input("lengths", total - 1)
        binding.bind_cpu_input("longest", np.array(total.max(), np.int32))
        binding.bind_output("logits", "cpu", 0, np.float32, logits.shape, logits.ctypes.data)
        try:
            self.session.run_with_iobinding(binding)
        except Exception as failed:  # noqa: BLE001 - its errors share no narrower base
            raise EngineError(f"ONNX Runtime failed in a step of {rows} rows: {failed}") from failed
        return logits
