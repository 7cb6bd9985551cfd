"""One array as one of another type, a few blocks of it in memory at a time."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tertulia.checkpoints.int8 import COLUMNS, SUFFIX, Floats, by_column, by_row, columns
from tertulia.checkpoints.safetensors import Array, Entry, Stored, Writer
from tertulia.errors import CheckpointError

BLOCK_BYTES = 4 << 20
FLOAT_TYPES = ("F64", "F32", "F16", "BF16")

Told = Callable[[str, int], None]
"""Hears the name of an array and how many more of its bytes are written."""


class Held(Protocol):
    """An array in a file, of safetensors or of torch."""

    @property
    def entry(self) -> Entry: ...

    def mapped(self) -> Array: ...


@dataclass(frozen=True, slots=True)
class Turned:
    """A matrix [out, in] that is held as [in, out]."""

    held: Held

    @property
    def entry(self) -> Entry:
        return replace(self.held.entry, shape=self.held.entry.shape[::-1])

    def mapped(self) -> Array:
        return self.held.mapped().T


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An array to be written as another type.

    scale  of an int8 matrix, [rows] or [1, columns]
    """

    name: str
    held: Held
    scale: Held | None = None

    def blocks(self) -> Iterator[Floats]:
        """The array in float32, some rows at a time."""
        dtype = self.held.entry.dtype
        scale = None if self.scale is None else self.scale.mapped().astype(np.float32)
        for first, block in stretches(self.held):
            some = floats(block, dtype)
            if scale is not None:
                per_row = scale.ndim == 1
                some = some * (scale[first : first + len(block), None] if per_row else scale)
            yield some


def append(source: Source, entries: dict[str, Entry], file: Writer, told: Told) -> None:
    """Puts an array into a file as `entries` has it, and its scales behind it when it is int8 now.

    Raises CheckpointError for NaN and infinity.
    """
    name, kept = source.name, list[Floats]()
    pieces: Iterable[Array]
    if name + COLUMNS in entries:
        shape = source.held.entry.shape
        pieces = turned(by_row(source.blocks(), kept), (shape[0], shape[1]))
        write(file, name, name + COLUMNS, pieces, told)
        if name not in entries:
            file.append(name + SUFFIX, np.concatenate(kept))
            return
        kept.clear()
    entry, scale = entries[name], entries.get(name + SUFFIX)
    if entry.dtype == "F32":
        pieces = map(finite, source.blocks())
    elif entry.dtype == "BF16":
        pieces = map(bfloat16, source.blocks())
    elif scale is None:
        pieces = (block for _, block in stretches(source.held))
    elif len(scale.shape) == 1:
        pieces = by_row(source.blocks(), kept)
    else:
        pieces = by_column(source.blocks, entry.shape[1], kept)
    write(file, name, name, pieces, told)
    if scale is not None:
        file.append(name + SUFFIX, np.concatenate(kept))


def turned(rows: Iterable[NDArray[np.int8]], shape: tuple[int, int]) -> Iterator[Array]:
    """One piece: a matrix is turned whole, in eight bits."""
    yield columns(rows, shape)


def write(file: Writer, name: str, under: str, pieces: Iterable[Array], told: Told) -> None:
    """Puts the pieces of an array into a file, under its name there."""
    try:
        file.extend(under, heard(name, pieces, told))
    except FloatingPointError as error:
        raise CheckpointError(
            f"{name} {error}: the model is damaged, or was cut down to float16; fetch it again"
        ) from error


def heard(name: str, pieces: Iterable[Array], told: Told) -> Iterator[Array]:
    for piece in pieces:
        yield piece
        told(name, piece.nbytes)


def floats(block: Array, dtype: str) -> Floats:
    """A block of an array in float32; no copy of what is that already."""
    if dtype == "BF16":
        return (block.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return block.astype(np.float32, copy=False)


def finite(block: Floats) -> Floats:
    if not np.isfinite(block).all():
        raise FloatingPointError("holds NaN or infinity")
    return block


def bfloat16(block: Floats) -> NDArray[np.uint16]:
    """The upper halves of floats, rounded to the nearest, half to even."""
    bits = np.ascontiguousarray(finite(block)).view(np.uint32)
    half = np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    return ((bits + half) >> np.uint32(16)).astype(np.uint16)


def stretches(held: Held) -> Iterator[tuple[int, Array]]:
    """(number of its first row, some rows), along the first axis."""
    entry = held.entry
    rows = entry.shape[0] if entry.shape else 0
    step = max(1, BLOCK_BYTES * rows // max(1, entry.bytes))
    if step >= rows:
        yield 0, held.mapped()
        return
    for first in range(0, rows, step):
        yield first, some_rows(held, first, min(rows, first + step))


def some_rows(held: Held, first: int, last: int) -> Array:
    """Rows of an array; of safetensors no others are mapped, so that no others stay in memory."""
    if not isinstance(held, Stored):
        return held.mapped()[first:last]
    row = held.entry.bytes // held.entry.shape[0]
    entry = replace(held.entry, shape=(last - first, *held.entry.shape[1:]))
    return replace(held, entry=entry, start=held.start + first * row).mapped()
