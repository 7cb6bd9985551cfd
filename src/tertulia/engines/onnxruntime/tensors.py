"""Safetensors files as numpy arrays, memory-mapped, their headers checked.

The format is eight bytes of header length, a JSON header, the arrays; reading it ourselves keeps
the file mapped, knows bfloat16 and answers a lying header with its place.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tertulia.errors import CheckpointError

Floats = NDArray[np.float32]
MAX_HEADER = 100_000_000
DTYPES: Mapping[str, np.dtype[np.generic]] = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
    "I8": np.dtype("i1"),
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """Where one array lies.

    start  of its first byte, counted from the beginning of the file
    """

    file: Path
    dtype: str
    shape: tuple[int, ...]
    start: int

    def mapped(self) -> NDArray[np.generic]:
        """The array in the file; pages are read when they are touched."""
        if prod(self.shape) == 0:
            return np.empty(self.shape, DTYPES[self.dtype])
        return np.memmap(self.file, DTYPES[self.dtype], "r", self.start, self.shape)

    def rows(self, first: int, last: int) -> "Tensor":
        """Some of the rows of a matrix."""
        row = prod(self.shape[1:]) * DTYPES[self.dtype].itemsize
        return replace(self, shape=(last - first, *self.shape[1:]), start=self.start + first * row)

    def floats(self) -> Floats:
        """The array in float32: the file's own pages where it is that already."""
        return as_floats(self.mapped(), self.dtype)


def as_floats(array: NDArray[np.generic], dtype: str) -> Floats:
    """An array of one of DTYPES in float32; no copy of what is that already."""
    if dtype == "BF16":
        return (array.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return array.astype(np.float32, copy=False)


def header(file: Path) -> dict[str, Tensor]:
    """The arrays of one safetensors file; raises CheckpointError for a header that lies."""
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            if size < 8 or length > min(size - 8, MAX_HEADER):
                raise CheckpointError(
                    f"{file}: the header says it has {length} bytes in a file of {size}: it is cut "
                    "short or not safetensors; fetch it again"
                )
            table = json.loads(opened.read(length))
    except OSError as failed:
        raise CheckpointError(
            f"{file} cannot be read ({failed.strerror}): weights must be safetensors"
        ) from failed
    except (ValueError, RecursionError) as failed:
        if isinstance(failed, CheckpointError):
            raise
        raise CheckpointError(f"{file}: the header is not JSON: fetch it again") from failed
    if not isinstance(table, dict):
        raise CheckpointError(f"{file}: the header is not a JSON object: fetch it again")
    table.pop("__metadata__", None)
    end, start = size - 8 - length, 8 + length
    found = {name: described(file, name, entry, end, start) for name, entry in table.items()}
    return {name: tensor for name, tensor in found.items() if tensor.dtype in DTYPES}


def described(file: Path, name: str, entry: object, end: int, start: int) -> Tensor:
    """One entry of a header, checked against the file.

    end    bytes of arrays in the file
    start  where they begin
    """
    match entry:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [int(first), int(last)]}:
            whole = all(type(each) is int and each >= 0 for each in shape)
            if whole and 0 <= first <= last <= end:
                kind = DTYPES.get(dtype)
                if kind is None or prod(shape) * kind.itemsize == last - first:
                    return Tensor(file, dtype, tuple(shape), start + first)
    raise CheckpointError(
        f"{file}: the header's entry {name!r} does not fit the file's {end} bytes of weights: it "
        "is damaged or cut short; fetch it again"
    )
