"""How many positions the attention kernel sees through a local window: asked of the kernel itself.

Kernels before github.com/microsoft/onnxruntime/pull/25927 see one more than a model that was
trained with the window; nothing in the graph tells them apart.
"""

from functools import cache

import numpy as np
import onnxruntime

from tertulia.engines.onnxruntime.graph import Graph
from tertulia.errors import EngineError


def local_window(positions: int) -> int:
    """The kernel's attribute for so many positions, the own one included.

    Raises EngineError for a kernel that would see one more.
    """
    if not counts_its_own_position():
        raise EngineError(
            f"onnxruntime {onnxruntime.__version__} sees one position more than the model's "
            f"sliding window of {positions}: pip install --upgrade onnxruntime"
        )
    return positions


@cache
def counts_its_own_position() -> bool:
    """Whether the third of three tokens misses the first through a window of two."""
    graph = Graph(int8=False)
    size = (1, 1, 3, 16)
    told = np.zeros((1, 3, 48), np.float32)
    told[0, 0, 32:] = 1  # the first token's value; queries and keys are zero, so all weigh the same
    x, empty = graph.input("x", "float32", *told.shape), graph.input("empty", "float32", *size)
    lengths = graph.constant(np.array([2], np.int32))
    longest = graph.constant(np.array(3, np.int32))
    graph.ops(
        "GroupQueryAttention",
        [x, "", "", empty, empty, lengths, longest],
        ["seen", "key", "value"],
        num_heads=1,
        kv_num_heads=1,
        local_window_size=2,
    )
    for name, shape in {"seen": (1, 3, 16), "key": size, "value": size}.items():
        graph.output(name, "float32", *shape)
    session = onnxruntime.InferenceSession(graph.model()[0], providers=["CPUExecutionProvider"])
    feed = {"x": told, "empty": np.zeros(size, np.float32)}
    return not session.run(["seen"], feed)[0][0, 2].any()
