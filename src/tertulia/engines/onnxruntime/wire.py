"""An ONNX model as bytes: the few messages of its protobuf schema that our graphs are made of.

Field numbers are those of onnx.proto3 (ONNX 1.17, IR version 10). Tests read the bytes back with
the onnx package, which is not needed to run: importing it takes longer than loading our model.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Attribute = float | int | str | Sequence[int]
IR_VERSION = 10
OPSETS = (("", 21), ("com.microsoft", 1))
TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7}
"""TensorProto.DataType by numpy's name."""


def number(field: int, value: int) -> bytes:
    """A field with a whole number; negative ones in 64-bit two's complement."""
    return varint(field << 3) + varint(value & 0xFFFF_FFFF_FFFF_FFFF)


def message(field: int, content: bytes | str) -> bytes:
    """A field with a length and that many bytes: text, bytes or a message."""
    raw = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(raw)) + raw


def real(field: int, value: float) -> bytes:
    """A field with a float of 32 bits."""
    return varint(field << 3 | 5) + struct.pack("<f", value)


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def model(
    nodes: Iterable[bytes],
    inputs: Iterable[bytes],
    outputs: Iterable[bytes],
    initializers: Iterable[bytes],
) -> bytes:
    """A ModelProto."""
    graph = b"".join(
        [
            *(message(1, each) for each in nodes),
            message(2, "graph"),
            *(message(5, each) for each in initializers),
            *(message(11, each) for each in inputs),
            *(message(12, each) for each in outputs),
        ]
    )
    opsets = (message(8, message(1, name) + number(2, version)) for name, version in OPSETS)
    return number(1, IR_VERSION) + message(7, graph) + b"".join(opsets)


def node(
    kind: str,
    inputs: Iterable[str],
    outputs: Iterable[str],
    domain: str,
    attributes: Mapping[str, Attribute],
) -> bytes:
    """A NodeProto; an input that is left out is an empty name."""
    return b"".join(
        [
            *(message(1, each) for each in inputs),
            *(message(2, each) for each in outputs),
            message(4, kind),
            *(message(5, attribute(name, value)) for name, value in attributes.items()),
            message(7, domain),
        ]
    )


def attribute(name: str, value: Attribute) -> bytes:
    """An AttributeProto."""
    if isinstance(value, int):
        return message(1, name) + number(3, value) + number(20, 2)
    if isinstance(value, float):
        return message(1, name) + real(2, value) + number(20, 1)
    if isinstance(value, str):
        return message(1, name) + message(4, value) + number(20, 3)
    return message(1, name) + b"".join(number(8, each) for each in value) + number(20, 7)


def value(name: str, dtype: str, shape: Sequence[int | str]) -> bytes:
    """A ValueInfoProto; a size that varies is a name."""
    dims = (number(1, each) if isinstance(each, int) else message(2, each) for each in shape)
    told = b"".join(message(1, each) for each in dims)
    return message(1, name) + message(2, message(1, number(1, TYPES[dtype]) + message(2, told)))


def tensor(name: str, array: NDArray[np.generic], *, outside: bool) -> bytes:
    """A TensorProto; outside leaves its bytes to be handed over in memory."""
    dims = b"".join(number(1, size) for size in array.shape)
    about = dims + number(2, TYPES[array.dtype.name]) + message(8, name)
    if outside:
        where = message(1, "location") + message(2, "memory")
        return about + message(13, where) + number(14, 1)
    return about + message(9, np.ascontiguousarray(array).tobytes())
