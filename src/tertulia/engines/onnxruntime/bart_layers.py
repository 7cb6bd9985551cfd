"""The graphs that BART, Marian, BlenderBot and Meena have in common: layer norms, biases, GELU."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from tertulia.engines.onnxruntime import cross_attention, step
from tertulia.engines.onnxruntime.config import Config
from tertulia.engines.onnxruntime.cross_attention import Projections
from tertulia.engines.onnxruntime.graph import ACTIVATIONS, Graph
from tertulia.engines.onnxruntime.heads import Heads, Linear, heads
from tertulia.engines.onnxruntime.weights import Checkpoint, Floats, Matrix

Part = Callable[[int, str], str]
Norm = tuple[Floats, Floats, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Sizes of an encoder's or a decoder's layers."""

    name: str
    layers: int
    inner: int
    heads: Heads

    @property
    def scale(self) -> float:
        """Of products of queries and keys."""
        return float(self.heads.size**-0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Sizes of one checkpoint, and what differs between the families.

    before  each part of a layer has its norm before it, and a last one follows all layers
            (BlenderBot); the sum of a part and what it read is normed otherwise
    """

    encoder: Stack
    decoder: Stack
    width: int
    vocabulary: int
    eps: float
    activation: str
    before: bool = False


@dataclass(frozen=True, slots=True)
class Layers:
    """A checkpoint's layers, read for a graph that grows by one at a time.

    prefix  of the names of arrays
    """

    graph: Graph
    checkpoint: Checkpoint
    shape: Shape
    stack: Stack
    prefix: str = "model."

    def projections(self, layer: int, kind: str) -> Projections:
        """Those of self_attn or encoder_attn."""
        width = self.shape.width

        def linear(name: str) -> Linear:
            return self.linear(f"layers.{layer}.{kind}.{name}_proj", width, width)

        return Projections(query=linear("q"), key=linear("k"), value=linear("v"), out=linear("out"))

    def inner(self, layer: int, x: str) -> str:
        """The two linear layers with their activation between."""
        width, inner = self.shape.width, self.stack.inner
        wide = self.linear(f"layers.{layer}.fc1", inner, width).into(self.graph, x)
        active = ACTIVATIONS[self.shape.activation](self.graph, wide)
        return self.linear(f"layers.{layer}.fc2", width, inner).into(self.graph, active)

    def linear(self, path: str, out: int, into: int) -> Linear:
        path = f"{self.prefix}{self.stack.name}.{path}"
        return Linear(
            weights=self.checkpoint.matrix(f"{path}.weight", (out, into)),
            bias=self.checkpoint.vector(f"{path}.bias", out),
        )

    def norm(self, path: str) -> Norm:
        """A layer norm's weight, bias and epsilon."""
        path, width = f"{self.prefix}{self.stack.name}.{path}", self.shape.width
        weight = self.checkpoint.vector(f"{path}.weight", width)
        return weight, self.checkpoint.vector(f"{path}.bias", width), self.shape.eps

    def into(self, x: str, parts: Mapping[str, Part]) -> str:
        """All layers over x, each made of these parts, which go by the names of their norms."""
        every = [
            (f"layers.{layer}.{name}", layer, part)
            for layer in range(self.stack.layers)
            for name, part in parts.items()
        ]
        if self.shape.before:
            return self.normed_before(x, every)
        for name, layer, part in every:
            x, _ = self.graph.skip_layer_norm(x, part(layer, x), *self.norm(name))
        return x

    def normed_before(self, x: str, every: list[tuple[str, int, Part]]) -> str:
        graph = self.graph
        normed = graph.layer_norm(x, *self.norm(every[0][0]))
        after = [name for name, _, _ in every[1:]] + ["layer_norm"]
        for (_, layer, part), name in zip(every, after, strict=True):
            normed, x = graph.skip_layer_norm(x, part(layer, normed), *self.norm(name))
        return normed


def encode(layers: Layers, *, normed: bool) -> None:
    """The encoder's graph: x becomes keys and values of every layer of the decoder.

    normed  x has a norm of its own before the first layer
    """
    graph, shape, stack = layers.graph, layers.shape, layers.stack
    x = graph.input("x", "float32", 1, "tokens", shape.width)
    if normed:
        x = graph.layer_norm(x, *layers.norm("layernorm_embedding"))

    def attention(layer: int, x: str) -> str:
        parts = layers.projections(layer, "self_attn")
        return cross_attention.of_source(graph, x, parts, stack.heads, stack.scale)

    read = layers.into(x, {"self_attn_layer_norm": attention, "final_layer_norm": layers.inner})
    decoder = Layers(graph, layers.checkpoint, shape, shape.decoder, layers.prefix)
    for layer in range(shape.decoder.layers):
        parts = decoder.projections(layer, "encoder_attn")
        cross_attention.keep_source(graph, read, parts, shape.decoder.heads, layer)


def decode(layers: Layers, head: Matrix, bias: Floats | None = None, *, normed: bool) -> None:
    """The decoder's graph.

    bias    [vocabulary], added to logits
    normed  as for `encode`
    """
    graph, shape, stack = layers.graph, layers.shape, layers.stack
    x = step.begin(graph, shape.width)
    cross_attention.begin(graph, stack.heads, biased=False)
    if normed:
        x = graph.layer_norm(x, *layers.norm("layernorm_embedding"))

    def said(layer: int, x: str) -> str:
        parts = layers.projections(layer, "self_attn")
        return cross_attention.over_said(graph, x, parts, stack.heads, stack.scale, layer)

    def source(layer: int, x: str) -> str:
        parts = layers.projections(layer, "encoder_attn")
        return cross_attention.over_source(graph, x, parts, stack.heads, stack.scale, layer)

    parts = {
        "self_attn_layer_norm": said,
        "encoder_attn_layer_norm": source,
        "final_layer_norm": layers.inner,
    }
    step.end(graph, layers.into(x, parts), head, bias=bias)


def shape(config: Config, *, activation: str, eps: float, before: bool = False) -> Shape:
    """Sizes as BART's config.json names them."""
    width = config.whole("d_model")

    def stack(name: str) -> Stack:
        count = config.whole(f"{name}_attention_heads")
        if width % count:
            raise config.refusal(f"{name}_attention_heads", count, f"a divisor of {width}")
        return Stack(
            name=name,
            layers=config.whole(f"{name}_layers"),
            inner=config.whole(f"{name}_ffn_dim"),
            heads=heads(config, count=count, groups=count, size=width // count),
        )

    return Shape(
        encoder=stack("encoder"),
        decoder=stack("decoder"),
        width=width,
        vocabulary=config.whole("vocab_size"),
        eps=eps,
        activation=activation,
        before=before,
    )


def sinusoids(places: int, width: int) -> Floats:
    """Sines, then cosines, [places, width] (Vaswani et al. 2017, 3.5, in Marian's order)."""
    turns = np.power(10_000.0, -2 * (np.arange(width) // 2) / width)
    angles = np.arange(places)[:, None] * turns
    whole: Floats = np.concatenate((np.sin(angles[:, 0::2]), np.cos(angles[:, 1::2])), axis=1)
    return whole.astype(np.float32)
