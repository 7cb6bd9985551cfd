"""Attention of encoders, and of decoders over what they said and over their sources.

Heads lie in the cache as `heads` lays them out: zeros fill them up to what the kernel takes.
"""

from dataclasses import dataclass

import numpy as np

from tertulia.engines.onnxruntime.graph import MICROSOFT, Graph
from tertulia.engines.onnxruntime.heads import Heads, Linear


@dataclass(frozen=True, slots=True, kw_only=True)
class Projections:
    """One attention's layers: query, key and value give heads, out takes them."""

    query: Linear
    key: Linear
    value: Linear
    out: Linear

    def laid(self, sizes: Heads) -> "Projections":
        """The same with heads as the cache has them."""
        plain = sizes.layout(0)
        return Projections(
            query=sizes.laid(self.query, plain),
            key=sizes.laid(self.key, plain),
            value=sizes.laid(self.value, plain),
            out=Linear(weights=sizes.gathered(self.out.weights), bias=self.out.bias),
        )


def of_source(
    graph: Graph, x: str, parts: Projections, sizes: Heads, scale: float, bias: str = ""
) -> str:
    """An encoder's attention: x [1, tokens, width] sees itself, before and behind.

    bias  [1, heads, tokens, tokens], added to the products
    """
    mixed = graph.op(
        "MultiHeadAttention",
        parts.query.into(graph, x),
        parts.key.into(graph, x),
        parts.value.into(graph, x),
        *(("", "", bias) if bias else ()),
        domain=MICROSOFT,
        num_heads=sizes.count,
        scale=scale,
    )
    return parts.out.into(graph, mixed)


def keep_source(graph: Graph, x: str, parts: Projections, sizes: Heads, layer: int) -> None:
    """Outputs of an encoder: its last x as the keys and values of one layer of the decoder."""
    laid, split = parts.laid(sizes), graph.constant(np.array([0, 0, sizes.count, sizes.room]))
    for kind, linear in (("key", laid.key), ("value", laid.value)):
        heads = graph.op("Reshape", linear.into(graph, x), split)
        graph.op("Transpose", heads, to=f"{kind}{layer}", perm=[0, 2, 1, 3])
        graph.output(f"{kind}{layer}", "float32", 1, sizes.count, "tokens", sizes.room)


def over_said(
    graph: Graph, x: str, parts: Projections, sizes: Heads, scale: float, layer: int, bias: str = ""
) -> str:
    """A decoder's attention over kept keys and values, which it adds to.

    bias  [rows, heads, tokens, positions], added to the products
    """
    laid = parts.laid(sizes)
    packed = laid.query.above(laid.key, laid.value).into(graph, x)
    past = [f"past_key{layer}", f"past_value{layer}", "lengths", "longest"]
    mixed = kept(
        graph, [packed, "", "", *past, *(("", "", "", bias) if bias else ())], sizes, scale, layer
    )
    return laid.out.into(graph, mixed)


def over_source(
    graph: Graph, x: str, parts: Projections, sizes: Heads, scale: float, layer: int
) -> str:
    """A decoder's attention over what an encoder made; see decoder.Network.bind_across."""
    laid = parts.laid(sizes)
    past = [f"past_source_key{layer}", f"past_source_value{layer}"]
    inputs = [laid.query.into(graph, x), "nothing", "nothing", *past]
    inputs += ["source_lengths", "source_longest", "", "", "", "source_bias"]
    return laid.out.into(graph, kept(graph, inputs, sizes, scale, layer, "source_"))


def kept(
    graph: Graph, inputs: list[str], sizes: Heads, scale: float, layer: int, whose: str = ""
) -> str:
    """The kernel that reads and writes one layer's keys and values in their place."""
    room, mixed = ("rows", sizes.count, f"{whose}room", sizes.room), graph.name()
    for kind in ("key", "value"):
        graph.input(f"past_{whose}{kind}{layer}", "float32", *room)
        graph.output(f"{whose}{kind}{layer}", "float32", *room)
    graph.ops(
        "GroupQueryAttention",
        inputs,
        [mixed, f"{whose}key{layer}", f"{whose}value{layer}"],
        num_heads=sizes.count,
        kv_num_heads=sizes.count,
        scale=scale,
    )
    return mixed


def begin(graph: Graph, sizes: Heads, *, biased: bool) -> None:
    """The inputs that decoder.Network.bind_across binds besides keys and values.

    biased  the attention over what was said gets a bias, too
    """
    graph.input("source_lengths", "int32", "rows")
    graph.input("source_longest", "int32")
    graph.input("source_bias", "float32", "rows", 1, "tokens", "source_positions")
    graph.input("nothing", "float32", "rows", "tokens", sizes.count * sizes.room)
    if biased:
        graph.input("bias", "float32", "rows", sizes.count, "tokens", "positions")
