"""Checkpoints by the names of their arrays, and matrices that a layer multiplies by."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tertulia.engines.onnxruntime.opening import give_back, mapped
from tertulia.engines.onnxruntime.tensors import Floats as Floats
from tertulia.engines.onnxruntime.tensors import Tensor, as_floats, header
from tertulia.errors import CheckpointError

BLOCK_BYTES = 1 << 20
"""Of float32 that are held at once while a matrix becomes int8."""

TURNED_ROWS = 32

COLUMNS = "_columns"
"""Behind the name of a matrix that lies in its file as [in, out]; see checkpoints/int8.py."""


class Stored:
    """Rows of a float type that stay in their file; those that are asked for come as float32.

    A stretch of rows is mapped for as long as it is used, so that reading a whole matrix row by
    row does not keep its pages.
    """

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self.shape = tensor.shape

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, asked: slice | NDArray[np.int64]) -> Floats:
        if isinstance(asked, slice):
            first, last, _ = asked.indices(len(self))
            return self.tensor.rows(first, last).floats()
        rows = self.whole[asked]
        return as_floats(rows, self.tensor.dtype)

    @cached_property
    def whole(self) -> NDArray[np.generic]:
        return self.tensor.mapped()


@dataclass(frozen=True, slots=True)
class Matrix:
    """A linear layer's weights.

    rows   [out, in], floats, or int8 to be multiplied by its row's scale
    scale  [out], float32; None when rows are floats
    beside the same rows as columns, [in, out], where a file has both
    """

    rows: NDArray[np.generic] | Stored
    scale: Floats | None = None
    beside: NDArray[np.generic] | None = None

    def floats(self) -> Floats:
        """[out, in] in float32."""
        rows = self.rows[:].astype(np.float32, copy=False)
        return rows if self.scale is None else rows * self.scale[:, None]

    def int8(self) -> "Matrix":
        """The same with rows of int8: symmetric, the largest of a row becomes 127.

        They lie in memory as columns, which is how kernels take them.
        """
        if self.scale is not None:
            return self
        size, width = self.rows.shape
        columns, scale = np.empty((width, size), np.int8), np.ones(size, np.float32)
        step = max(1, BLOCK_BYTES // (4 * max(1, width)))
        for first in range(0, size, step):
            some = slice(first, first + step)
            floats = self.rows[some].astype(np.float32, copy=False)
            largest = np.abs(floats).max(axis=1) / np.float32(127)
            scale[some] = np.where(largest > 0, largest, 1)
            steps = floats / scale[some, None]
            turn(np.rint(steps, out=steps).astype(np.int8), columns[:, some])
        return Matrix(columns.T, scale)

    def turned(self) -> NDArray[np.generic]:
        """The rows as columns, [in, out]: the file's own pages where they lie so."""
        if self.beside is not None:
            return self.beside
        rows = self.rows[:]
        if rows.T.flags.c_contiguous:
            return rows.T
        turned = np.empty((rows.shape[1], rows.shape[0]), rows.dtype)
        turn(rows, turned)
        give_back(mapped([rows]))
        return turned

    def above(self, *others: "Matrix") -> "Matrix":
        """This matrix with others below it: one layer that gives all their outputs."""
        every = (self, *others)
        if any(each.scale is None for each in every):
            return Matrix(np.concatenate([each.floats() for each in every]))
        scales = np.concatenate([each.scale for each in every if each.scale is not None])
        columns = [each.rows[:].T for each in every]
        if all(each.flags.c_contiguous for each in columns):
            return Matrix(np.concatenate(columns, axis=1).T, scales)
        return Matrix(np.concatenate([each.rows[:] for each in every]), scales)

    def part(self, first: int, last: int) -> "Matrix":
        """The rows from first to last."""
        scale = None if self.scale is None else self.scale[first:last]
        return Matrix(self.rows[first:last], scale)

    def picked(self, places: NDArray[np.int64]) -> "Matrix":
        """The rows of these numbers, with a row of zeros for each -1."""
        rows = self.rows[:][places]
        rows[places < 0] = 0
        return Matrix(rows, None if self.scale is None else self.scale[places])

    def columns(self, places: NDArray[np.int64]) -> "Matrix":
        """The columns of these numbers, with a column of zeros for each -1."""
        rows = self.rows[:][:, places]
        rows[:, places < 0] = 0
        return Matrix(rows, self.scale)


def turn(rows: NDArray[np.generic], columns: NDArray[np.generic]) -> None:
    """Copy rows [out, in] into columns [in, out].

    Few rows at once stay in the nearest cache, which is five times as fast as all of them.
    """
    for first in range(0, len(rows), TURNED_ROWS):
        columns[:, first : first + TURNED_ROWS] = rows[first : first + TURNED_ROWS].T


class Checkpoint:
    """The arrays of a model folder by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = read_json(folder / "config.json")
        self.tensors: dict[str, Tensor] = {}
        for file in files(folder):
            self.tensors.update(header(file))

    def __contains__(self, name: str) -> bool:
        return name in self.tensors or name + COLUMNS in self.tensors

    def vector(self, name: str, size: int) -> Floats:
        """A norm's or a bias's numbers, [size]."""
        tensor = self.tensor(name, (size,))
        if tensor.dtype == "I8":
            raise CheckpointError(f"{tensor.file}: {name} is I8, must be a float type")
        return tensor.floats()

    def matrix(self, name: str, shape: tuple[int, int]) -> Matrix:
        """A layer's weights, [out, in] = shape, with their scales where they are int8.

        Columns of int8, as `tertulia convert` writes them, are turned back without a copy.
        """
        columns = self.turned_int8(name, shape)
        if columns is not None and name not in self.tensors:
            return Matrix(columns.T, self.vector(f"{name}_scale", shape[0]))
        tensor = self.tensor(name, shape)
        if tensor.dtype == "I8":
            return Matrix(tensor.mapped(), self.vector(f"{name}_scale", shape[0]), columns)
        return Matrix(Stored(tensor))

    def turned_int8(self, name: str, shape: tuple[int, int]) -> NDArray[np.generic] | None:
        """The columns of a matrix [out, in] = shape, [in, out]; None where the file has none."""
        if name + COLUMNS not in self.tensors:
            return None
        columns = self.tensor(name + COLUMNS, shape[::-1])
        if columns.dtype != "I8":
            raise CheckpointError(f"{columns.file}: {name}{COLUMNS} is {columns.dtype}, not I8")
        return columns.mapped()

    def turned(self, name: str, shape: tuple[int, int]) -> Matrix:
        """Weights that were stored as [in, out] = shape, as [out, in].

        Their int8 has a scale for each output, [1, out]; after one for each input, [in], they are
        floats again.
        """
        scale = self.tensors.get(f"{name}_scale")
        if scale is None or scale.shape != (1, shape[1]):
            return Matrix(self.matrix(name, shape).floats().T)
        return Matrix(self.tensor(name, shape).mapped().T, scale.floats()[0])

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
