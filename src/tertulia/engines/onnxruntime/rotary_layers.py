"""The layers of a rotary decoder: read from a checkpoint and put into a graph, one by one."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tertulia.engines.onnxruntime.graph import ACTIVATIONS, Graph
from tertulia.engines.onnxruntime.heads import Attention, Linear, Norm
from tertulia.engines.onnxruntime.style import Shape, Style
from tertulia.engines.onnxruntime.weights import Checkpoint, Floats

RMS = ("rms", "rms1")


@dataclass(frozen=True, slots=True)
class Layers:
    """A graph that grows by a layer at a time.

    tables  names of cosines and sines, by the names of rotations
    """

    graph: Graph
    checkpoint: Checkpoint
    shape: Shape
    style: Style
    tables: Mapping[str, tuple[str, str]]

    def attention(self, layer: int, x: str, said: str) -> tuple[str, str]:
        """What has been added up so far, and what this layer's attention adds to it.

        said  what the layer before adds to x; "" before the first
        """
        path, style, sizes = f"model.layers.{layer}", self.style, self.shape.heads
        normed, x = self.joined(x, said, named(path, style.before[0]))
        read = self.packed if style.packed else self.apart
        query, key, value = read(f"{path}.self_attn")
        attention = Attention(
            query=query,
            key=key,
            value=value,
            out=self.linear(f"{path}.self_attn.o_proj", self.shape.width, sizes.count * sizes.size),
            norms=self.head_norms(f"{path}.self_attn") if style.head_norms else None,
            rotation=self.tables.get(style.rotated[layer]),
            window=style.sliding[layer],
            scale=style.scale,
            cap=style.cap,
        )
        mixed = attention.into(self.graph, normed, sizes, layer)
        return x, self.normed(mixed, named(path, style.after[0]))

    def gated(self, layer: int, x: str, said: str) -> tuple[str, str]:
        """The same for down(activation(gate(x)) * up(x))."""
        path, style, inner = f"model.layers.{layer}", self.style, self.shape.inner
        normed, x = self.joined(x, said, named(path, style.before[1]))
        if style.packed:
            both = self.linear(f"{path}.mlp.gate_up_proj", 2 * inner, self.shape.width)
            gate, up = both.part(0, inner), both.part(inner, 2 * inner)
        else:
            gate = self.linear(f"{path}.mlp.gate_proj", inner, self.shape.width)
            up = self.linear(f"{path}.mlp.up_proj", inner, self.shape.width)
        opened = ACTIVATIONS[style.activation](self.graph, gate.into(self.graph, normed))
        product = self.graph.op("Mul", opened, up.into(self.graph, normed))
        down = self.linear(f"{path}.mlp.down_proj", self.shape.width, inner)
        return x, self.normed(down.into(self.graph, product), named(path, style.after[1]))

    def joined(self, x: str, said: str, norm: str) -> tuple[str, str]:
        """The norm of x + said, or that sum where there is no norm, and the sum itself."""
        if not said:
            return self.normed(x, norm), x
        if not norm:
            total = self.graph.op("Add", x, said)
            return total, total
        weight, bias = self.weights(norm)
        if self.style.norm in RMS:
            return self.graph.skip_rms_norm(x, said, weight, self.shape.eps)
        return self.graph.skip_layer_norm(x, said, weight, bias, self.shape.eps)

    def normed(self, x: str, norm: str) -> str:
        if not norm:
            return x
        weight, bias = self.weights(norm)
        if self.style.norm in RMS:
            return self.graph.rms_norm(x, weight, self.shape.eps)
        return self.graph.layer_norm(x, weight, bias, self.shape.eps)

    def weights(self, norm: str) -> tuple[Floats, Floats]:
        """A norm's weight and bias, [width]; RMS norms do not use the bias."""
        width = self.shape.width
        none = np.zeros(width, np.float32)
        if self.style.norm == "bare":
            return none + 1, none
        weight = self.checkpoint.vector(f"{norm}.weight", width)
        if self.style.norm == "rms1":
            weight = weight + 1
        layer = self.style.norm == "layer"
        return weight, self.checkpoint.vector(f"{norm}.bias", width) if layer else none

    def apart(self, path: str) -> tuple[Linear, Linear, Linear]:
        """Queries, keys and values from a matrix each."""
        sizes = self.shape.heads
        query = self.linear(f"{path}.q_proj", sizes.count * sizes.size, self.shape.width)
        key = self.linear(f"{path}.k_proj", sizes.groups * sizes.size, self.shape.width)
        value = self.linear(f"{path}.v_proj", sizes.groups * sizes.size, self.shape.width)
        return query, key, value

    def packed(self, path: str) -> tuple[Linear, Linear, Linear]:
        """The same from one matrix."""
        sizes = self.shape.heads
        first = sizes.count * sizes.size
        second = first + sizes.groups * sizes.size
        last = second + sizes.groups * sizes.size
        every = self.linear(f"{path}.qkv_proj", last, self.shape.width)
        return every.part(0, first), every.part(first, second), every.part(second, last)

    def head_norms(self, path: str) -> tuple[Norm, Norm]:
        """Norms of queries and keys: as wide as a head, or as all heads together."""
        sizes = self.shape.heads
        found = []
        for name, count in (("q_norm", sizes.count), ("k_norm", sizes.groups)):
            across = 1 if self.style.head_norms == "each" else count
            weight = self.checkpoint.vector(f"{path}.{name}.weight", across * sizes.size)
            weight = weight + 1 if self.style.norm == "rms1" else weight
            found.append(Norm(weight=weight, eps=self.shape.eps))
        return found[0], found[1]

    def linear(self, path: str, out: int, into: int) -> Linear:
        biased = path.rpartition(".")[2] in self.style.biased
        return Linear(
            weights=self.checkpoint.matrix(f"{path}.weight", (out, into)),
            bias=self.checkpoint.vector(f"{path}.bias", out) if biased else None,
        )


def named(path: str, norm: str) -> str:
    """A norm's name in the checkpoint; "" for none."""
    return f"{path}.{norm}" if norm else ""
