"""A graph opened by ONNX Runtime."""

import onnxruntime

from tertulia.engines.onnxruntime.graph import Graph
from tertulia.engines.onnxruntime.opening import sparing
from tertulia.errors import EngineError


class Session:
    """One graph, ready to run, and the constants it reads.

    in_turns  another one runs between its runs: then its threads sleep meanwhile, instead of
              waiting for work on the cores that the other's need; by itself it would be slower
    """

    def __init__(self, graph: Graph, threads: int, *, in_turns: bool = False) -> None:
        model, outside = graph.model()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        # The graphs are made of fused kernels already: looking for more took longer than reading
        # the weights and kept copies of them (docs/log.md).
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        # On processors without VNNI the int8 kernels would otherwise overflow 16 bits.
        options.add_session_config_entry("session.x64quantprecision", "1")
        if in_turns:
            options.add_session_config_entry("session.force_spinning_stop", "1")
        # Packed weights come from the system, not from an arena that grows by doubling.
        options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
        # The session reads these arrays where they are: they must live as long as it does.
        self.constants = [
            onnxruntime.OrtValue.ortvalue_from_numpy(each) for each in outside.values()
        ]
        options.add_external_initializers(list(outside), self.constants)
        try:
            with sparing(outside.values()):
                self.session = onnxruntime.InferenceSession(
                    model, options, providers=["CPUExecutionProvider"]
                )
        except Exception as failed:  # noqa: BLE001 - its errors share no narrower base
            raise EngineError(f"ONNX Runtime refuses the graph: {failed}") from failed

    def binding(self) -> onnxruntime.IOBinding:
        """Where inputs are and outputs go, still empty."""
        return self.session.io_binding()

    def run(self, binding: onnxruntime.IOBinding, doing: str) -> None:
        """Run it once.

        doing  what that is, in an error's words
        """
        try:
            self.session.run_with_iobinding(binding)
        except Exception as failed:  # noqa: BLE001 - its errors share no narrower base
            raise EngineError(f"ONNX Runtime failed in {doing}: {failed}") from failed
