"""The disk under SQLite in the hands of a test: every change of a file is noted, and can fail.

SQLite reaches its files through a table of functions (sqlite3_vfs and sqlite3_io_methods, see
https://www.sqlite.org/vfs.html). Here a copy of that table is the default one for a while; those of
its functions that change a file first ask the test. What is simulated is what the system tells: a
full disk (ENOSPC) is SQLITE_FULL to the caller, a broken one (EIO) SQLITE_IOERR_WRITE or _FSYNC.
"""

import ctypes
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, Structure, addressof, c_char_p, c_int, c_int64, c_void_p
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FULL, WRITE_FAILS, SYNC_FAILS, CANNOT_OPEN = 13, 778, 1034, 14
OPEN_READ_ONLY, OPEN_READ_WRITE, OPEN_CREATE = 0x1, 0x2, 0x4

OPEN = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, POINTER(c_int))
DELETE = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int)
WRITE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
TRUNCATE = CFUNCTYPE(c_int, c_void_p, c_int64)
SYNC = CFUNCTYPE(c_int, c_void_p, c_int)


class Vfs(Structure):
    _fields_ = [
        *(("iVersion", c_int), ("szOsFile", c_int), ("mxPathname", c_int), ("pNext", c_void_p)),
        *(("zName", c_char_p), ("pAppData", c_void_p), ("xOpen", c_void_p), ("xDelete", c_void_p)),
        *((f"other{n}", c_void_p) for n in range(14)),
    ]


class Methods(Structure):
    _fields_ = [
        *(("iVersion", c_int), ("xClose", c_void_p), ("xRead", c_void_p), ("xWrite", c_void_p)),
        *(("xTruncate", c_void_p), ("xSync", c_void_p), ("xFileSize", c_void_p)),
        *((f"other{n}", c_void_p) for n in range(12)),
    ]


@dataclass(frozen=True, slots=True)
class Change:
    """What SQLite did to a file.

    kind  "create", "write" (data at a place), "truncate" (to a size), "sync" or "delete"
    """

    kind: str
    file: str
    at: int = 0
    data: bytes = b""


Fault = Callable[[int, Change], int]
"""What becomes of the n-th change, counted from 0: SQLite's number of an error, or 0."""


def lacking() -> str:
    """Why SQLite's files cannot be taken in hand here; "" where they can."""
    try:
        return "" if library().sqlite3_vfs_register else "unreachable"
    except (AttributeError, OSError) as error:
        return f"this Python hides its SQLite library: {error}"


def library() -> Any:
    import _sqlite3

    found = ctypes.CDLL(_sqlite3.__file__)
    found.sqlite3_vfs_find.restype = c_void_p
    found.sqlite3_vfs_register.argtypes = [c_void_p, c_int]
    found.sqlite3_vfs_unregister.argtypes = [c_void_p]
    return found


class Disk:
    """Every change so far, and what is to become of the next.

    read_only  files are opened as on a file system that is mounted for reading
    """

    def __init__(self, fault: Fault = lambda number, change: 0, *, read_only: bool = False) -> None:
        self.read_only = read_only
        self.changes: list[Change] = []
        self.fault = fault
        self.alive: list[Any] = []

    def asked(self, change: Change) -> int:
        """The error of a change; one that is let through is noted."""
        error = self.fault(len(self.changes), change)
        self.changes.append(change)
        return error

    def watch(self, file: int, name: str) -> None:
        """Put our functions in the place of an open file's own."""
        pointer = c_void_p.from_address(file)
        own = Methods.from_address(pointer.value or 0)
        write, truncate, sync = WRITE(own.xWrite), TRUNCATE(own.xTruncate), SYNC(own.xSync)

        def wrote(file: int, data: int, size: int, at: int) -> int:
            change = Change("write", name, at, ctypes.string_at(data, size))
            return self.asked(change) or int(write(file, data, size, at))

        def truncated(file: int, size: int) -> int:
            return self.asked(Change("truncate", name, size)) or int(truncate(file, size))

        def synced(file: int, flags: int) -> int:
            return self.asked(Change("sync", name)) or int(sync(file, flags))

        ours = Methods.from_buffer_copy(own)
        kept = WRITE(wrote), TRUNCATE(truncated), SYNC(synced)
        places = (ctypes.cast(each, c_void_p).value for each in kept)
        ours.xWrite, ours.xTruncate, ours.xSync = places
        self.alive += [ours, *kept]
        pointer.value = addressof(ours)


@contextmanager
def in_hand(disk: Disk) -> Iterator[Disk]:
    """SQLite files that are opened inside are on this disk; all are to be closed inside too."""
    sqlite = library()
    default = Vfs.from_address(sqlite.sqlite3_vfs_find(None))
    opens, deletes = OPEN(default.xOpen), DELETE(default.xDelete)

    def opened(vfs: int, name: int, file: int, flags: int, told: Any) -> int:
        place = Path(ctypes.string_at(name).decode()).name if name else ""
        fresh = bool(flags & OPEN_CREATE and name and not Path(
            ctypes.string_at(name).decode()).exists())  # fmt: skip
        if fresh and (error := disk.asked(Change("create", place))):
            c_void_p.from_address(file).value = None
            return error
        if disk.read_only:
            flags = flags & ~(OPEN_CREATE | OPEN_READ_WRITE) | OPEN_READ_ONLY
        error = int(opens(vfs, name, file, flags, told))
        if not error:
            disk.watch(file, place)
        return error

    def deleted(vfs: int, name: bytes, at_once: int) -> int:
        change = Change("delete", Path(name.decode()).name)
        return disk.asked(change) or int(deletes(vfs, name, at_once))

    ours = Vfs.from_buffer_copy(default)
    kept = OPEN(opened), DELETE(deleted)
    ours.zName = b"tertulia-tests"
    ours.xOpen, ours.xDelete = (ctypes.cast(each, c_void_p).value for each in kept)
    assert sqlite.sqlite3_vfs_register(addressof(ours), 1) == 0
    try:
        yield disk
    finally:
        sqlite.sqlite3_vfs_register(addressof(default), 1)
        sqlite.sqlite3_vfs_unregister(addressof(ours))


def after_a_power_cut(
    changes: Sequence[Change], chance: random.Random, before: Mapping[str, bytes] | None = None
) -> dict[str, bytes]:
    """Files as the power cut may leave them: what was synced, and of the rest whatever came.

    before  the files as they lay there when the changes began

    A write that was not synced is there whole, in part (whole sectors), or not at all, whatever
    became of earlier and later ones. The first sync of a new file makes its folder lasting too.
    """
    lasting = {name: bytearray(content) for name, content in (before or {}).items()}
    floating: dict[str, list[Change]] = {}
    fresh: set[str] = set()
    for change in changes:
        name = change.file
        if change.kind == "create":
            fresh.add(name)
        elif change.kind == "sync":
            for each in [name, *floating] if name in fresh else [name]:
                deletes = any(c.kind == "delete" for c in floating.get(each, ()))
                if each == name or deletes:
                    settle(lasting, each, floating.pop(each, []))
            fresh.discard(name)
        else:
            floating.setdefault(name, []).append(change)
    for name, several in floating.items():
        settle(lasting, name, [part for each in several for part in survived(each, chance)])
    return {name: bytes(content) for name, content in lasting.items()}


def settle(lasting: dict[str, bytearray], name: str, changes: Sequence[Change]) -> None:
    for change in changes:
        content = lasting.setdefault(name, bytearray())
        if change.kind == "delete":
            del lasting[name]
        elif change.kind == "truncate":
            del content[change.at :]
        else:
            content.extend(bytes(max(change.at - len(content), 0)))
            content[change.at : change.at + len(change.data)] = change.data


def survived(change: Change, chance: random.Random, sector: int = 512) -> list[Change]:
    """What is left of a change that was not synced."""
    if chance.random() < 0.4:
        return [change]
    cut = chance.randrange(max(len(change.data) // sector, 1)) * sector
    return [Change("write", change.file, change.at, change.data[:cut])] if cut else []
