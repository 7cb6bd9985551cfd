"""model.bin, looked through before CTranslate2 opens it: a file that lies can end its process.

    uint32       version of the format
    string       kind of the model; uint32, the kind's revision
    uint32       count of arrays, then each: string, its name; uint8, its rank; uint32 a side;
                 uint8, its type; uint32, its bytes; the bytes
    uint32       count of second names, then each: string, the name; string, that of the array

Little-endian; a string is a uint16 with its length, its bytes, and a zero at the end.
Source: ctranslate2/specs/model_spec.py, _serialize.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import BinaryIO

from tertulia.errors import CheckpointError

FILE = "model.bin"
VERSION = 6
REVISIONS = {"TransformerSpec": 7, "TransformerDecoderSpec": 8}
TYPES = {0: ("float32", 4), 1: ("int8", 1), 2: ("int16", 2), 3: ("int32", 4), 4: ("float16", 2)}
FORMATS = {"float32": "<f", "int8": "<b", "int16": "<h", "int32": "<i", "float16": "<e"}
MOST_ARRAYS = 100_000


@dataclass(frozen=True, slots=True)
class Array:
    """One array, without its numbers; value is that of a single number."""

    shape: tuple[int, ...]
    dtype: str
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file holds: the kind of its model, and its arrays under all their names."""

    kind: str
    arrays: Mapping[str, Array]


def contents(folder: Path) -> Contents:
    """What model.bin holds; raises CheckpointError when it is cut short or its header lies."""
    path = folder / FILE
    try:
        if not path.is_file():
            raise CheckpointError(
                f"{folder} has no {FILE}: make one with `tertulia convert SRC DST --for "
                "ctranslate2`"
            )
        with path.open("rb") as file:
            return Reader(path, file, path.stat().st_size).contents()
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be read ({error.strerror}); convert it again"
        ) from error


@dataclass(slots=True)
class Reader:
    """A file from its beginning to its end."""

    path: Path
    file: BinaryIO
    size: int

    def contents(self) -> Contents:
        version = self.number("<I")
        if version != VERSION:
            raise self.damaged(f"its version is {version}, not {VERSION}")
        kind = self.string()
        revision = self.number("<I")
        if REVISIONS.get(kind) != revision:
            raise self.damaged(f"it is a {kind[:40]!r} of revision {revision}, which is unknown")
        arrays = dict(self.array() for _ in range(self.count()))
        for _ in range(self.count()):
            name, meant = self.string(), self.string()
            if meant not in arrays or name in arrays:
                raise self.damaged(f"its second name {name[:80]!r} has no array")
            arrays[name] = arrays[meant]
        if self.file.tell() != self.size:
            raise self.damaged(f"it has {self.size - self.file.tell()} bytes behind its end")
        return Contents(kind, arrays)

    def array(self) -> tuple[str, Array]:
        name = self.string()
        shape = tuple(self.number("<I") for _ in range(self.number("<B")))
        kind, told = self.number("<B"), self.number("<I")
        if kind not in TYPES:
            raise self.damaged(f"{name[:80]!r} has the unknown type {kind}")
        dtype, bytes_each = TYPES[kind]
        left = self.size - self.file.tell()
        if told != prod(shape) * bytes_each or told > left:
            raise self.damaged(f"{name[:80]!r} is {list(shape)} {dtype} in {told} of {left} bytes")
        if shape:
            self.file.seek(told, 1)
            return name, Array(shape, dtype)
        return name, Array(shape, dtype, struct.unpack(FORMATS[dtype], self.read(told))[0])

    def count(self) -> int:
        found = self.number("<I")
        if found > MOST_ARRAYS:
            raise self.damaged(f"it promises {found} arrays")
        return found

    def number(self, form: str) -> int:
        found: int = struct.unpack(form, self.read(struct.calcsize(form)))[0]
        return found

    def string(self) -> str:
        found = self.read(self.number("<H"))
        if not found.endswith(b"\0"):
            raise self.damaged("a name in it has no end")
        return found[:-1].decode("utf-8", "replace")

    def read(self, count: int) -> bytes:
        found = self.file.read(count)
        if len(found) != count:
            raise self.damaged(f"it ends at byte {self.size}, in the middle")
        return found

    def damaged(self, what: str) -> CheckpointError:
        return CheckpointError(
            f"{self.path} is damaged or was not made by `tertulia convert --for ctranslate2`, "
            f"{what}: convert the model again"
        )
