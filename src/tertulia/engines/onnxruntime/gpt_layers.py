"""The layers of GPT and GPT-2: heads without rotation, two linear layers with a GELU between."""

from dataclasses import dataclass

from tertulia.engines.onnxruntime.graph import ACTIVATIONS, Graph
from tertulia.engines.onnxruntime.heads import Attention, Heads, Linear
from tertulia.engines.onnxruntime.weights import Checkpoint, Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Sizes of one checkpoint.

    window  positions the model knows
    """

    layers: int
    width: int
    inner: int
    vocabulary: int
    window: int
    eps: float
    activation: str
    heads: Heads


@dataclass(frozen=True, slots=True)
class Layers:
    """A checkpoint's layers, read for a graph that grows by one at a time.

    prefix  of the names of arrays
    """

    graph: Graph
    checkpoint: Checkpoint
    shape: Shape
    prefix: str

    def attention(self, layer: int, x: str, scale: float | None = None) -> str:
        """The attention of x [rows, tokens, width]."""
        width, path = self.shape.width, f"{self.prefix}h.{layer}.attn"
        every = self.linear(f"{path}.c_attn", width, 3 * width)
        attention = Attention(
            query=every.part(0, width),
            key=every.part(width, 2 * width),
            value=every.part(2 * width, 3 * width),
            out=self.linear(f"{path}.c_proj", width, width),
            scale=scale,
            every=every,
        )
        return attention.into(self.graph, x, self.shape.heads, layer)

    def inner(self, layer: int, x: str) -> str:
        """The two linear layers with their activation between."""
        width, inner, path = self.shape.width, self.shape.inner, f"{self.prefix}h.{layer}.mlp"
        wide = self.linear(f"{path}.c_fc", width, inner).into(self.graph, x)
        active = ACTIVATIONS[self.shape.activation](self.graph, wide)
        return self.linear(f"{path}.c_proj", inner, width).into(self.graph, active)

    def norm(self, name: str) -> tuple[Floats, Floats, float]:
        """A layer norm's weight, bias and epsilon."""
        width, path = self.shape.width, f"{self.prefix}{name}"
        weight = self.checkpoint.vector(f"{path}.weight", width)
        return weight, self.checkpoint.vector(f"{path}.bias", width), self.shape.eps

    def linear(self, path: str, into: int, out: int) -> Linear:
        """A layer that was stored as [in, out]."""
        weights = self.checkpoint.turned(f"{path}.weight", (into, out))
        return Linear(weights=weights, bias=self.checkpoint.vector(f"{path}.bias", out))
