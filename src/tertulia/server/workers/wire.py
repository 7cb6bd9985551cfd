"""What crosses between the server and a worker: values of ours, pickled, each behind its length.

Both ends are this package, and the socket pair between them has no name that a third could open:
that is why pickle may be read here. What clients send crosses as values that the server has built.
"""

import pickle
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from socket import socket
from typing import Any

from tertulia.engines import Piece
from tertulia.errors import TertuliaError
from tertulia.server.doors.refusals import Refusal
from tertulia.server.making.speaking import Told, Work

LENGTH = struct.Struct(">I")
READ_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Open:
    """To the worker, first of all: open these agents. Each is (name, table, where)."""

    agents: tuple[tuple[str, Mapping[str, Any], str], ...]
    rows: int


@dataclass(frozen=True, slots=True)
class Known:
    """What the server is told of an agent that is open.

    rows  jobs that it does at once
    """

    title: str
    honours: frozenset[str]
    replays: bool
    context_window: int
    twofold: bool
    rows: int


@dataclass(frozen=True, slots=True)
class Opened:
    """From the worker: all of them are open."""

    agents: Mapping[str, Known]


@dataclass(frozen=True, slots=True)
class Unopened:
    """From the worker: one of them cannot be opened."""

    error: Exception


@dataclass(frozen=True, slots=True)
class Begin:
    """To the worker: a job of an agent, under a number."""

    number: int
    agent: str
    work: Work


@dataclass(frozen=True, slots=True)
class Stop:
    """To the worker: nobody wants the rest of this job."""

    number: int


@dataclass(frozen=True, slots=True)
class Came:
    """From the worker: something came of a job."""

    number: int
    event: Told


@dataclass(frozen=True, slots=True)
class Ended:
    """From the worker: nothing more comes of a job."""

    number: int
    error: Exception | None


class Broken(RuntimeError):
    """What a worker raised that is no error of ours; the worker's own log line names the place."""


def framed(message: object) -> bytes:
    """A message as it crosses. A piece is four plain values, for there are many of them.

    To take a piece's classes apart and together again takes 13 microseconds, these values one.
    """
    match message:
        case Came(number, Piece(prompt, candidate, text)):
            message = (number, prompt, candidate, text)
    content = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return LENGTH.pack(len(content)) + content


class Frames:
    """Bytes as they come -> messages."""

    def __init__(self) -> None:
        self.held = bytearray()

    def add(self, data: bytes) -> Iterator[object]:
        self.held += data
        while len(self.held) >= LENGTH.size:
            end = LENGTH.size + LENGTH.unpack_from(self.held)[0]
            if len(self.held) < end:
                return
            content = bytes(self.held[LENGTH.size : end])
            del self.held[:end]
            found = pickle.loads(content)
            if isinstance(found, tuple):
                number, *piece = found
                found = Came(number, Piece(*piece))
            yield found


def received(line: socket) -> Iterator[object]:
    """Messages until the other end is closed."""
    frames = Frames()
    while data := line.recv(READ_BYTES):
        yield from frames.add(data)


def crossing(error: Exception) -> Exception:
    """An error in the form in which it crosses."""
    if isinstance(error, MemoryError):
        return Refusal(
            503,
            "the machine has no memory left for this request: ask for fewer candidates or tokens, "
            "or again later",
            kind="server_error",
            code="out_of_memory",
            headers={"Retry-After": "5"},
        )
    if isinstance(error, TertuliaError | Refusal):
        return error
    return Broken(type(error).__name__)
