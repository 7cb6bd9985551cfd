"""Runs `pickles_confined` over one torch checkpoint, and checks every word it answers."""

import json
import os
import stat
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from tertulia.checkpoints.safetensors import DTYPES, Array, Entry, blocks
from tertulia.errors import CheckpointError

CONFINED = Path(__file__).with_name("pickles_confined.py")
LARGEST_ANSWER = 32 << 20
LARGEST_SIZE = 1 << 40
"""Of one dimension; numpy cannot multiply sizes without bound."""
LONGEST_NAME = 512
MOST_DIMENSIONS = 32
REPEATS = 16
"""How many times the file's own bytes its tensors may add up to: tied weights have many names."""

SEARCHED = ("LD_LIBRARY_PATH",)
"""All that the confined process inherits: some Pythons find their own library by it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of the process that reads a pickle: memory in bytes, seconds of processor, seconds at all."""

    memory: int = 1 << 30
    processor_seconds: int = 20
    seconds: float = 120.0


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Storage:
    """Bytes of a file that tensors are views of.

    start  of its first byte, counted from the beginning of the file
    crc    CRC-32 of its bytes, 0 where the file has none
    """

    file: Path
    start: int
    bytes: int
    crc: int

    def check(self) -> None:
        """Raises CheckpointError when the bytes are not those that were written."""
        if not self.crc or not self.bytes:
            return
        held, crc = np.memmap(self.file, "u1", "r", self.start, (self.bytes,)), 0
        for block in blocks(held):
            crc = zlib.crc32(block.data, crc)
        if crc != self.crc:
            raise CheckpointError(
                f"{self.file} is damaged at byte {self.start} (its checksum is another one): fetch "
                "it again"
            )


@dataclass(frozen=True, slots=True)
class Tensor:
    """A view of a storage, checked against it: no two of its numbers are the same one.

    stride, offset  in numbers, not bytes
    """

    storage: Storage
    entry: Entry
    stride: tuple[int, ...]
    offset: int

    def mapped(self) -> Array:
        """The array in the file; pages are read when they are touched."""
        kind, shape = DTYPES[self.entry.dtype], self.entry.shape
        if not self.entry.bytes:
            return np.empty(shape, kind)
        start = self.storage.start + self.offset * kind.itemsize
        flat = np.memmap(self.storage.file, kind, "r", start, (span(shape, self.stride),))
        steps = [each * kind.itemsize for each in self.stride]
        return np.lib.stride_tricks.as_strided(flat, shape, steps, writeable=False)


def described(path: Path, limits: Limits = LIMITS) -> dict[str, Tensor]:
    """The tensors of one file of torch.save by name; nothing in the file is run.

    Raises CheckpointError for a file that holds anything but tensors by name, or that lies.
    """
    with opened(path) as file:
        size = os.fstat(file).st_size
        answer = asked(path, file, limits)
    match answer:
        case {"tensors": dict(tensors)} if tensors:
            found = {name: checked(path, size, name, each) for name, each in tensors.items()}
        case {"refused": str(why)} if why.isprintable() and len(why) < 400:
            raise refused(path, why)
        case _:
            raise refused(path, "its description is damaged, or made to do harm")
    total = sum(tensor.entry.bytes for tensor in found.values())
    if total > REPEATS * size:
        raise refused(
            path, f"its tensors would fill {total >> 20} MB, more than {REPEATS} times it"
        )
    return found


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """The file, which must be one: a pipe would be waited for without end."""
    try:
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as failed:
        raise CheckpointError(f"{path} cannot be read ({failed.strerror})") from failed
    try:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise CheckpointError(f"{path} is no file: name a file of torch.save")
        yield number
    finally:
        os.close(number)


def asked(path: Path, file: int, limits: Limits) -> object:
    """What the confined process says of a file; None when that is no JSON."""
    if sys.platform == "win32":
        raise refused(path, "Windows has no way to confine the process that reads it")
    command = [sys.executable, "-I", "-S", str(CONFINED)]
    command += [str(limits.memory), str(limits.processor_seconds)]
    with subprocess.Popen(
        command,
        stdin=file,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={name: os.environ[name] for name in SEARCHED if name in os.environ},
        cwd="/",
    ) as process:
        clock = threading.Timer(limits.seconds, process.kill)
        clock.start()
        try:
            assert process.stdout is not None
            said = process.stdout.read(LARGEST_ANSWER + 1)
            if len(said) > LARGEST_ANSWER:
                raise refused(path, f"its description is over {LARGEST_ANSWER >> 20} MB")
            process.wait()
        finally:
            clock.cancel()
            process.kill()
    if process.returncode < 0:
        raise refused(path, "the process that reads it broke down, or took too long")
    try:
        return json.loads(said)
    except (ValueError, RecursionError):
        return None


def refused(path: Path, why: str) -> CheckpointError:
    return CheckpointError(
        f"{path} is not opened: {why}. Nothing in it was run. Where you trust its source, load it "
        "with torch and save its tensors again with safetensors.torch.save_file"
    )


def checked(path: Path, size: int, name: str, said: object) -> Tensor:
    """One tensor as the confined process describes it, held against the file of that size."""
    place = f"its tensor {ascii(name)[:100]}"
    if not nameable(name):
        raise refused(path, f"{place} has no name that safetensors can have")
    match said:
        case {
            "dtype": str(dtype),
            "shape": list(shape),
            "stride": list(stride),
            "offset": int(offset),
            "start": int(start),
            "bytes": int(held),
            "crc": int(crc),
        }:
            pass
        case _:
            raise refused(path, f"{place} has a shape or a place that is none")
    known = dtype in DTYPES and len(shape) == len(stride) <= MOST_DIMENSIONS
    numbers = [*shape, *stride, offset, start, held, crc]
    if not known or not all(type(n) is int and 0 <= n < LARGEST_SIZE for n in numbers):
        raise refused(path, f"{place} has a shape or a place that is none")
    if start + held > size:
        raise refused(path, f"{place} lies outside of the file")
    tensor = Tensor(
        Storage(path, start, held, crc), Entry(dtype, tuple(shape)), tuple(stride), offset
    )
    if prod(shape) and (offset + span(shape, stride)) * DTYPES[dtype].itemsize > held:
        raise refused(path, f"{place} lies outside of its storage")
    if prod(map(lambda n: max(n, 1), shape)) > LARGEST_SIZE or overlapping(shape, stride):
        raise refused(path, f"{place} says the same numbers more than once: make it contiguous")
    return tensor


def nameable(name: str) -> bool:
    return 0 < len(name) <= LONGEST_NAME and name.isprintable() and name != "__metadata__"


def span(shape: list[int] | tuple[int, ...], stride: list[int] | tuple[int, ...]) -> int:
    """Numbers from the first of a view to its last."""
    return 1 + sum((n - 1) * step for n, step in zip(shape, stride, strict=True))


def overlapping(shape: list[int], stride: list[int]) -> bool:
    """Whether a view may have one number at two places.

    Never so when each step is longer than what the smaller steps span together, which holds of
    every slice and every transposition.
    """
    reach = 0
    for step, n in sorted(zip(stride, shape, strict=True)):
        if n > 1:
            if step <= reach:
                return True
            reach += (n - 1) * step
    return False
