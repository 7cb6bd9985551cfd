"""Building blocks of decoder graphs: nodes, constants, linear layers in either arithmetic."""

from collections.abc import Mapping, Sequence
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
        return self.op("MatMul", x, self.constant(weights.floats().T), to=to)

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
            self.constant(weights.rows.T),
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

    def model(self) -> tuple[bytes, Mapping[str, NDArray[np.generic]]]:
        """The model, and the constants to hand over beside it."""
        whole = wire.model(self.nodes, self.inputs, self.outputs, self.constants)
        return whole, self.outside
