"""Building blocks of decoder graphs: nodes, constants, linear layers in either arithmetic."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tertulia.engines.onnxruntime import wire
from tertulia.engines.onnxruntime.weights import Floats, Matrix

SMALL = 256
"""Bytes up to which a constant travels inside the graph; larger ones are handed over in memory."""

MICROSOFT = "com.microsoft"


@dataclass(slots=True)
class Graph:
    """A graph in the making; values are names.

    int8  linear layers multiply whole numbers; otherwise they are in float32
    """

    int8: bool
    nodes: list[bytes] = field(default_factory=list)
    inputs: list[bytes] = field(default_factory=list)
    outputs: list[bytes] = field(default_factory=list)
    constants: list[bytes] = field(default_factory=list)
    outside: dict[str, NDArray[np.generic]] = field(default_factory=dict)
    quantised: dict[str, tuple[str, str]] = field(default_factory=dict)
    named: int = 0

    def name(self) -> str:
        self.named += 1
        return f"v{self.named}"

    def input(self, name: str, dtype: str, *shape: int | str) -> str:
        self.inputs.append(wire.value(name, dtype, shape))
        return name

    def output(self, name: str, dtype: str, *shape: int | str) -> None:
        self.outputs.append(wire.value(name, dtype, shape))

    def constant(self, array: NDArray[np.generic] | np.generic) -> str:
        name, whole = self.name(), np.ascontiguousarray(array).reshape(np.shape(array))
        outside = whole.nbytes > SMALL
        self.constants.append(wire.tensor(name, whole, outside=outside))
        if outside:
            self.outside[name] = whole
        return name

    def op(
        self,
        kind: str,
        *inputs: str,
        domain: str = "",
        to: str = "",
        **attributes: wire.Attribute,
    ) -> str:
        """One node with one output, which is named `to` where that is given."""
        out = to or self.name()
        self.nodes.append(wire.node(kind, inputs, [out], domain, attributes))
        return out

    def ops(
        self, kind: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: wire.Attribute
    ) -> None:
        """One node of ONNX Runtime's own with several outputs."""
        self.nodes.append(wire.node(kind, inputs, outputs, MICROSOFT, attributes))

    def linear(self, x: str, weights: Matrix, bias: Floats | None = None, to: str = "") -> str:
        """Rows x [..., in] times weights [out, in], plus bias [out]: [..., out]."""
        last = "" if bias is not None else to
        y = self.whole(x, weights.int8(), last) if self.int8 else self.real(x, weights, last)
        return y if bias is None else self.op("Add", y, self.constant(bias), to=to)

    def real(self, x: str, weights: Matrix, to: str) -> str:
        floats = Matrix(weights.floats())
        return self.op("MatMul", x, self.constant(floats.turned()), to=to)

    def whole(self, x: str, weights: Matrix, to: str) -> str:
        """Whole-number products, which add up to the same in any order.

        A scale for each row of x, not for the batch, so a reply never depends on its neighbours;
        a row of x is first divided by its largest, then by a fixed 1/127.
        """
        assert weights.scale is not None
        largest, rows = self.quantised.get(x) or self.quantise(x)
        product = self.op(
            "MatMulIntegerToFloat",
            rows,
            self.constant(weights.turned()),
            self.constant(np.float32(1 / 127)),
            self.constant(weights.scale),
            self.constant(np.uint8(128)),
            self.constant(np.zeros(len(weights.scale), np.int8)),
            domain=MICROSOFT,
        )
        return self.op("Mul", product, largest, to=to)

    def quantise(self, x: str) -> tuple[str, str]:
        """The largest magnitude of each row, and the rows as whole numbers around 128."""
        axis, tiny = self.constant(np.array([-1])), self.constant(np.float32(1e-9))
        peak = self.op("ReduceMax", self.op("Abs", x), axis, keepdims=1)
        largest = self.op("Max", peak, tiny)
        unit, middle = self.constant(np.float32(1 / 127)), self.constant(np.uint8(128))
        rows = self.op("QuantizeLinear", self.op("Div", x, largest), unit, middle)
        self.quantised[x] = largest, rows
        return largest, rows

    def layer_norm(self, x: str, weight: Floats, bias: Floats, eps: float) -> str:
        """Rows with their mean taken off, over their standard deviation (arXiv:1607.06450)."""
        inputs = x, self.constant(weight), self.constant(bias)
        return self.op("LayerNormalization", *inputs, axis=-1, epsilon=eps)

    def rms_norm(self, x: str, weight: Floats, eps: float) -> str:
        """Rows over the root of their mean square (arXiv:1910.07467)."""
        return self.op(
            "SimplifiedLayerNormalization", x, self.constant(weight), axis=-1, epsilon=eps
        )

    def skip_layer_norm(
        self, x: str, said: str, weight: Floats, bias: Floats, eps: float
    ) -> tuple[str, str]:
        """The layer norm of x + said, and the sum itself."""
        return self.skip("SkipLayerNormalization", eps, x, said, weight, bias)

    def skip_rms_norm(self, x: str, said: str, weight: Floats, eps: float) -> tuple[str, str]:
        """The RMS norm of x + said, and the sum itself."""
        return self.skip("SkipSimplifiedLayerNormalization", eps, x, said, weight)

    def skip(self, kind: str, eps: float, x: str, said: str, *weights: Floats) -> tuple[str, str]:
        normed, total = self.name(), self.name()
        inputs = [x, said, *(self.constant(each) for each in weights)]
        self.ops(kind, inputs, [normed, "", "", total], epsilon=eps)
        return normed, total

    def relu(self, x: str) -> str:
        return self.op("Relu", x)

    def gelu(self, x: str) -> str:
        """Times Phi(x), by the error function (arXiv:1606.08415)."""
        return self.op("Gelu", x)

    def gelu_new(self, x: str) -> str:
        """GELU by its tanh approximation, which GPT-2 was trained with."""
        return self.op("FastGelu", x, domain=MICROSOFT)

    def silu(self, x: str) -> str:
        """Times sigmoid(x)."""
        return self.op("QuickGelu", x, domain=MICROSOFT, alpha=1.0)

    def softcap(self, x: str, cap: float, to: str = "") -> str:
        """Values below cap: cap tanh(x / cap), as in Gemma 2 (arXiv:2408.00118)."""
        most = self.constant(np.float32(cap))
        return self.op("Mul", self.op("Tanh", self.op("Div", x, most)), most, to=to)

    def model(self) -> tuple[bytes, Mapping[str, NDArray[np.generic]]]:
        """The model, and the constants to hand over beside it."""
        whole = wire.model(self.nodes, self.inputs, self.outputs, self.constants)
        return whole, self.outside


ACTIVATIONS: Mapping[str, Callable[[Graph, str], str]] = {
    "relu": Graph.relu,
    "gelu": Graph.gelu,
    "gelu_new": Graph.gelu_new,
    "gelu_pytorch_tanh": Graph.gelu_new,
    "silu": Graph.silu,
    "swish": Graph.silu,
}
"""By the names that config.json uses (transformers, activations.py)."""
