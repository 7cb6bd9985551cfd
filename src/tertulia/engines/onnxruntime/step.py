"""What the graph of every step begins and ends with: its inputs, and logits where asked for."""

import numpy as np

from tertulia.engines.onnxruntime.graph import Graph
from tertulia.engines.onnxruntime.weights import Floats, Matrix


def begin(graph: Graph, width: int) -> str:
    """The inputs that decoder.Network binds; gives the name of x [rows, tokens, width]."""
    graph.input("places", "int64", "asked")
    graph.input("lengths", "int32", "rows")
    graph.input("longest", "int32")
    return graph.input("x", "float32", "rows", "tokens", width)


def end(graph: Graph, x: str, head: Matrix, cap: float = 0.0, bias: Floats | None = None) -> None:
    """The head [vocabulary, width], for those rows of x that are asked for.

    cap   soft cap of logits; none where it is 0
    bias  [vocabulary], added to logits before that
    """
    vocabulary, width = head.rows.shape
    flat = graph.op("Reshape", x, graph.constant(np.array([-1, width])))
    asked = graph.op("Gather", flat, "places", axis=0)
    logits = graph.linear(asked, head, bias, to="" if cap else "logits")
    if cap:
        graph.softcap(logits, cap, to="logits")
    graph.output("logits", "float32", "asked", vocabulary)
