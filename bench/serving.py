"""For the scripts beside it: `tertulia serve` in a process of its own, and a light client.

The client speaks HTTP/1.1 over one connection, kept open: what a request takes is the server's.
"""

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SAYS = re.compile(rb'"content": ?"[^"]')
TICKS = 100
"""Of CPU time in a second, as /proc counts it (USER_HZ)."""


@dataclass
class Serving:
    """A server that listens."""

    port: int
    process: subprocess.Popen[str]

    def workers(self) -> list[int]:
        """The processes of its engines."""
        return [pid for pid in processes() if parent(pid) == self.process.pid]


@contextmanager
def serving(*words: str) -> Iterator[Serving]:
    """`tertulia serve` with these arguments, on a free port, until the block ends."""
    command = [sys.executable, "-m", "tertulia", "serve", "--port", "0", *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    # Its log goes nowhere, but must go.
    drain: subprocess.Popen[bytes] | None = None
    try:
        for line in process.stderr:
            if found := re.search(r"serving .* at http://127\.0\.0\.1:(\d+)", line):
                break
        else:
            raise SystemExit("the server did not start")
        drain = subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL)
        yield Serving(int(found[1]), process)
    finally:
        process.terminate()
        process.wait(60)
        if drain:
            drain.wait(10)


def processes() -> list[int]:
    return [int(each.name) for each in Path("/proc").iterdir() if each.name.isdecimal()]


def stat(pid: int) -> list[str]:
    """What stands behind the name in /proc/PID/stat; empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def parent(pid: int) -> int:
    found = stat(pid)
    return int(found[1]) if found else 0


def cpu_seconds(pid: int) -> float:
    found = stat(pid)
    return (int(found[11]) + int(found[12])) / TICKS if found else 0.0


def resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
    except OSError:
        return 0


@dataclass
class Answer:
    """What came of a request.

    status   0 where none came
    first    seconds to the first text that it says
    seconds  to its last byte
    """

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0
    first: float = 0.0

    @property
    def table(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


class Client:
    """One connection, opened at the first request and after each that closed it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        return await self.ask("POST", path, json.dumps(body).encode())

    async def get(self, path: str) -> Answer:
        return await self.ask("GET", path, b"")

    async def ask(self, method: str, path: str, body: bytes) -> Answer:
        answer, begun = Answer(), time.perf_counter()
        try:
            await self.sent(method, path, body)
            await self.read(answer, begun)
        except (OSError, asyncio.IncompleteReadError):
            await self.close()
        answer.seconds = time.perf_counter() - begun
        return answer

    async def sent(self, method: str, path: str, body: bytes) -> None:
        if self.stream is None:
            self.stream = await asyncio.open_connection("127.0.0.1", self.port)
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost:{self.port}\r\n"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        self.stream[1].write(head.encode() + b"\r\n" + body)

    async def read(self, answer: Answer, begun: float) -> None:
        assert self.stream
        reader = self.stream[0]
        status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = (line.split(": ", 1) for line in lines if line)
        answer.headers = {name.lower(): value for name, value in pairs}
        answer.status = int(status.split()[1])
        if "content-length" in answer.headers:
            answer.body = await reader.readexactly(int(answer.headers["content-length"]))
            answer.first = time.perf_counter() - begun
        else:
            while size := int(await reader.readuntil(b"\r\n"), 16):
                answer.body += (await reader.readexactly(size + 2))[:-2]
                if not answer.first and SAYS.search(answer.body):
                    answer.first = time.perf_counter() - begun
            await reader.readuntil(b"\r\n")
        if answer.headers.get("connection") == "close":
            await self.close()

    async def close(self) -> None:
        if self.stream is not None:
            self.stream[1].close()
            self.stream = None


def share(values: list[float], part: float) -> float:
    """The value that this part of them does not exceed; 0 for none."""
    return sorted(values)[min(int(part * len(values)), len(values) - 1)] if values else 0.0
