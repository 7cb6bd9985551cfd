"""Checkpoints as numpy arrays: safetensors files, memory-mapped, their headers checked.

The format is eight bytes of header length, a JSON header, the arrays; reading it ourselves keeps
the file mapped, knows bfloat16 and answers a lying header with its place.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Matrix:
    """A linear layer's weights.

    rows   [out, in], float32, or int8 to be multiplied by its row's scale
    scale  [out], float32; None when rows are floats
    """

    rows: NDArray[np.generic]
    scale: Floats | None = None

    def floats(self) -> Floats:
        """[out, in] in float32."""
        if self.scale is None:
            return self.rows.astype(np.float32, copy=False)
        return self.rows.astype(np.float32) * self.scale[:, None]

    def int8(self) -> "Matrix":
        """The same with rows of int8: symmetric, the largest of a row becomes 127."""
        if self.scale is not None:
            return self
        scale = np.abs(self.rows).max(axis=1).astype(np.float32) / np.float32(127)
        scale[scale == 0] = 1
        return Matrix(np.rint(self.rows / scale[:, None]).astype(np.int8), scale)

    def above(self, *others: "Matrix") -> "Matrix":
        """This matrix with others below it: one layer that gives all their outputs."""
        every = (self, *others)
        if any(each.scale is None for each in every):
            return Matrix(np.concatenate([each.floats() for each in every]))
        scales = [each.scale for each in every if each.scale is not None]
        return Matrix(np.concatenate([each.rows for each in every]), np.concatenate(scales))


class Checkpoint:
    """The arrays of a model folder by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = read_json(folder / "config.json")
        self.tensors: dict[str, Tensor] = {}
        for file in files(folder):
            self.tensors.update(header(file))

    def __contains__(self, name: str) -> bool:
        return name in self.tensors

    def vector(self, name: str, size: int) -> Floats:
        """A norm's or a bias's numbers, [size]."""
        tensor = self.tensor(name, (size,))
        if tensor.dtype == "I8":
            raise CheckpointError(f"{tensor.file}: {name} is I8, must be a float type")
        return as_floats(tensor)

    def matrix(self, name: str, shape: tuple[int, int]) -> Matrix:
        """A layer's weights, [out, in] = shape, with their scales where they are int8."""
        tensor = self.tensor(name, shape)
        if tensor.dtype == "I8":
            return Matrix(tensor.mapped(), self.vector(f"{name}_scale", shape[0]))
        return Matrix(as_floats(tensor))

    def tensor(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """The array of that name; raises CheckpointError when there is none of that shape."""
        tensor = self.tensors.get(name)
        if tensor is None:
            raise CheckpointError(f"{self.folder}: no weights named {name}; is it the whole model?")
        if tensor.shape != shape:
            raise CheckpointError(
                f"{tensor.file}: {name} has shape {list(tensor.shape)}, and config.json asks for "
                f"{list(shape)}: take both from the same model"
            )
        return tensor


def as_floats(tensor: Tensor) -> Floats:
    mapped = tensor.mapped()
    if tensor.dtype == "BF16":
        return (mapped.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return mapped.astype(np.float32, copy=False)


def read_json(path: Path) -> Mapping[str, object]:
    """A JSON object; raises CheckpointError with the path when there is none."""
    try:
        table = json.loads(path.read_bytes())
    except OSError as failed:
        raise CheckpointError(
            f"{path} cannot be read ({failed.strerror}): a model is a folder with config.json, "
            "tokenizer.json and model.safetensors"
        ) from failed
    except (ValueError, RecursionError) as failed:
        raise CheckpointError(f"{path} is not JSON ({failed}): fetch the model again") from failed
    if not isinstance(table, dict):
        raise CheckpointError(f"{path} holds no JSON object: fetch the model again")
    return table


def files(folder: Path) -> list[Path]:
    """The safetensors files of a model: one, or those its index names."""
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        return [folder / "model.safetensors"]
    names = read_json(index).get("weight_map")
    if not isinstance(names, dict) or not names:
        raise CheckpointError(f"{index} has no weight_map: fetch the model again")
    for name in names.values():
        if not isinstance(name, str) or Path(name).name != name or "\\" in name:
            raise CheckpointError(
                f"{index} names the file {name!r}, which is not in the model's own folder: do not "
                "trust this model"
            )
    return [folder / name for name in sorted(set(names.values()))]


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
