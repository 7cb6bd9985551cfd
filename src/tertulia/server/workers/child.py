"""One life of a worker's process, seen from the server: from its start to its end."""

import asyncio
import itertools
import socket
import subprocess
import sys
from collections.abc import Mapping
from typing import Protocol, cast

from tertulia.server.doors.refusals import Refusal, overloaded
from tertulia.server.queue.runner import Job
from tertulia.server.workers import wire

PROGRAM = (sys.executable, "-m", "tertulia.server.workers.inside")
KILLED_SECONDS = 5.0


class Owner(Protocol):
    """Whose process it is."""

    def lost(self, child: "Child") -> None:
        """It ended by itself, after it was open."""

    def worked(self) -> None:
        """It did a job."""


class Child(asyncio.Protocol):
    """The process, the socket to it, and the jobs it does.

    opened  done when its agents are open; or the error that kept them from it
    """

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.frames = wire.Frames()
        self.numbers = itertools.count()
        self.jobs: dict[int, Job] = {}
        self.opened: asyncio.Future[Mapping[str, wire.Known]]
        self.opened = asyncio.get_running_loop().create_future()
        self.process: subprocess.Popen[bytes] | None = None
        self.transport: asyncio.WriteTransport | None = None
        self.killed = False

    async def start(self, asked: wire.Open) -> Mapping[str, wire.Known]:
        """Begin the process and open the agents in it; raises what keeps them from it."""
        ours, theirs = socket.socketpair()
        with theirs:
            command = [*PROGRAM, str(theirs.fileno())]
            # A session of its own, which Ctrl-C in a terminal does not reach: what is under way is
            # finished first.
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=2,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, sock=ours)
        self.send(asked)
        return await self.opened

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A plain cast: the transports of uvloop are of no class of asyncio's.
        self.transport = cast(asyncio.WriteTransport, transport)

    def send(self, message: object) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(wire.framed(message))

    def begin(self, agent: str, job: Job) -> None:
        number = next(self.numbers)
        self.jobs[number] = job
        self.send(wire.Begin(number, agent, job.work))

    def stop(self, job: Job) -> None:
        for number, each in self.jobs.items():
            if each is job:
                self.send(wire.Stop(number))

    def data_received(self, data: bytes) -> None:
        for message in self.frames.add(data):
            match message:
                case wire.Came():
                    self.jobs[message.number].tell(message.event)
                case wire.Ended():
                    job = self.jobs.pop(message.number)
                    self.owner.worked()
                    job.end(message.error)
                case wire.Opened() if not self.opened.done():
                    self.opened.set_result(message.agents)
                case wire.Unopened() if not self.opened.done():
                    self.opened.set_exception(message.error)

    def connection_lost(self, exc: Exception | None) -> None:
        """The process ended: its jobs do, too."""
        if not self.opened.done():
            self.opened.set_exception(died())
        elif not self.killed:
            self.owner.lost(self)
        jobs, self.jobs = self.jobs, {}
        for job in jobs.values():
            job.end(died())

    def kill(self) -> None:
        """End the process at once."""
        self.killed = True
        if self.process is not None:
            self.process.kill()
        if self.transport is not None:
            self.transport.close()

    def wait(self) -> int | None:
        """Until the process is no more; its status. Blocks."""
        if self.process is None:
            return None
        try:
            return self.process.wait(KILLED_SECONDS)
        except subprocess.TimeoutExpired:
            return None


def died() -> Refusal:
    return overloaded(
        "the process that made this reply ended before it was done, and is begun anew: ask again",
        "worker_died",
        5,
        status=503,
    )
