"""Safetensors files: written one array after the other, read through a memory map.

    8 bytes      length of the header, little-endian
    header       JSON: name -> dtype, shape, data_offsets; blanks make its length a multiple of 8
    arrays       little-endian, in the order of the header, without gaps

No array is held whole because of this file, and a file that was not finished is not there.
Source: the format's own description, github.com/huggingface/safetensors.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from tertulia.errors import CheckpointError

Array = NDArray[np.generic]

LARGEST_HEADER = 100_000_000
BLOCK_BYTES = 16 << 20
METADATA = {"format": "pt"}
"""What transformers asks of a file before it opens one."""

DTYPES: Mapping[str, np.dtype[np.generic]] = {
    "BOOL": np.dtype("?"),
    "U8": np.dtype("u1"),
    "I8": np.dtype("i1"),
    "U16": np.dtype("<u2"),
    "I16": np.dtype("<i2"),
    "U32": np.dtype("<u4"),
    "I32": np.dtype("<i4"),
    "U64": np.dtype("<u8"),
    "I64": np.dtype("<i8"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
}
"""numpy has no bfloat16: its bits are read and written as whole numbers."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a header says of one array, before there is a file.

    dtype  one of DTYPES
    """

    dtype: str
    shape: tuple[int, ...]

    @property
    def bytes(self) -> int:
        return prod(self.shape) * DTYPES[self.dtype].itemsize


@dataclass(frozen=True, slots=True)
class Stored:
    """One array of a file.

    start  of its first byte, counted from the beginning of the file
    """

    file: Path
    entry: Entry
    start: int

    def mapped(self) -> Array:
        """The array in the file; pages are read when they are touched."""
        kind = DTYPES[self.entry.dtype]
        if not self.entry.bytes:
            return np.empty(self.entry.shape, kind)
        return np.memmap(self.file, kind, "r", self.start, self.entry.shape)


@dataclass(slots=True)
class Writer:
    """A file that is being written; made by `writing`.

    left  what has not come yet, in the order in which it must come
    """

    path: Path
    file: IO[bytes]
    left: dict[str, Entry]

    def append(self, name: str, array: Array) -> None:
        """The next array, whole; it may be a memory map, and need not be contiguous."""
        if name in self.left and array.shape != self.left[name].shape:
            raise ValueError(f"{name} is {array.shape}, {self.left[name].shape} was declared")
        self.extend(name, blocks(array))

    def extend(self, name: str, pieces: Iterable[Array]) -> None:
        """The next array, in pieces that follow each other in row-major order."""
        if next(iter(self.left), None) != name:
            raise ValueError(f"{name} is not the next of the arrays that were declared")
        entry, written = self.left.pop(name), 0
        for piece in pieces:
            if piece.dtype != DTYPES[entry.dtype]:
                raise ValueError(f"{name} is {piece.dtype}, {entry.dtype} was declared")
            with cured(self.path):
                written += self.file.write(np.ascontiguousarray(piece).data)
        if written != entry.bytes:
            raise ValueError(f"{name} has {written} bytes, {entry.bytes} were declared")


@contextmanager
def writing(path: Path, entries: Mapping[str, Entry]) -> Iterator[Writer]:
    """A file of these arrays, which are appended inside in this order.

    It has its name only once it is whole and on the disk: until then, and when anything fails,
    there is no such file, or the one that was there before.

    Raises CheckpointError when there is no room for it, or the folder cannot be written.
    """
    first = first_bytes(entries)
    check_room(path, len(first) + sum(entry.bytes for entry in entries.values()))
    with cured(path):
        number, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            with cured(path):
                file.write(first)
            writer = Writer(path, file, dict(entries))
            yield writer
            if writer.left:
                raise ValueError(f"{next(iter(writer.left))} was declared and never appended")
            with cured(path):
                file.flush()
                os.fsync(file.fileno())
        with cured(path):
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def first_bytes(entries: Mapping[str, Entry]) -> bytes:
    """What comes before the arrays."""
    table: dict[str, object] = {"__metadata__": METADATA}
    end = 0
    for name, entry in entries.items():
        first, end = end, end + entry.bytes
        table[name] = {
            "dtype": entry.dtype,
            "shape": list(entry.shape),
            "data_offsets": [first, end],
        }
    header = json.dumps(table, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header


def check_room(path: Path, needed: int) -> None:
    with cured(path):
        free = shutil.disk_usage(path.parent).free
    if free < needed:
        raise CheckpointError(
            f"{path} needs {needed / 1e9:.1f} GB and its disk has {free / 1e9:.1f} GB left: free "
            "some space there, or name another folder"
        )


@contextmanager
def cured(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as failed:
        raise CheckpointError(
            f"{path} cannot be written ({failed.strerror}): free some space there, or name "
            "another folder"
        ) from failed


def blocks(array: Array) -> Iterator[Array]:
    """The array in pieces of about BLOCK_BYTES, along its first axis."""
    rows = len(array) if array.ndim else 0
    step = max(1, BLOCK_BYTES * rows // max(1, array.nbytes))
    if not rows or step >= rows:
        yield array
        return
    for start in range(0, rows, step):
        yield array[start : start + step]


def stored(file: Path) -> dict[str, Stored]:
    """The arrays of one file by name, in its order.

    Raises CheckpointError for a file that is cut short, or whose header lies.
    """
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            if size < 8 or length > min(size - 8, LARGEST_HEADER):
                raise damaged(file, f"its header says {length} bytes, in a file of {size}")
            table = json.loads(opened.read(length))
    except OSError as failed:
        raise CheckpointError(f"{file} cannot be read ({failed.strerror})") from failed
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as failed:
        raise damaged(file, "its header is not JSON") from failed
    if not isinstance(table, dict):
        raise damaged(file, "its header is not a JSON object")
    table.pop("__metadata__", None)
    return {name: described(file, name, each, 8 + length, size) for name, each in table.items()}


def described(file: Path, name: str, entry: object, start: int, end: int) -> Stored:
    """One entry of a header; the file's arrays lie from start to end."""
    match entry:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [int(first), int(last)]}:
            whole = all(type(each) is int and each >= 0 for each in shape)
            if whole and dtype in DTYPES and 0 <= first <= last <= end - start:
                found = Entry(dtype, tuple(shape))
                if found.bytes == last - first:
                    return Stored(file, found, start + first)
    raise damaged(file, f"its entry {name!r} does not fit {end - start} bytes of arrays")


def damaged(file: Path, what: str) -> CheckpointError:
    return CheckpointError(f"{file} is damaged or no safetensors file, {what}: fetch it again")
