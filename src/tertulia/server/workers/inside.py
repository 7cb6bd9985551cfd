"""What runs in a worker's process: `python -m tertulia.server.workers.inside DESCRIPTOR`.

It opens agents, does their jobs on threads, and ends when the other end of its socket is closed,
however that came about. Signals are the server's: a terminal and a supervisor send them to both.
"""

import logging
import os
import queue
import signal
import sys
import threading
from dataclasses import dataclass
from socket import socket

from tertulia import assembly
from tertulia.agent import Agent
from tertulia.assembly import Runtime
from tertulia.engines import Engine
from tertulia.errors import TertuliaError
from tertulia.server.doors.journal import LOG, line, logged, place
from tertulia.server.doors.refusals import Refusal
from tertulia.server.making.speaking import Told, Work
from tertulia.server.workers import wire
from tertulia.server.workers.doing import done, shared, watched


@dataclass(slots=True)
class Doing:
    """A job; `stopped` is set by the thread that reads the socket."""

    number: int
    work: Work
    stopped: bool = False


class Inside:
    """The agents of this process and what they do."""

    def __init__(self, server: socket) -> None:
        self.server = server
        self.sending = threading.Lock()
        self.waiting: dict[str, queue.SimpleQueue[Doing]] = {}
        self.jobs: dict[int, Doing] = {}

    def serve(self) -> None:
        """Read what the server sends until its end is closed."""
        for message in wire.received(self.server):
            match message:
                case wire.Open():
                    # Beside the reading: the end of the server is noticed while a model loads.
                    threading.Thread(target=self.open, args=(message,), daemon=True).start()
                case wire.Begin():
                    job = self.jobs[message.number] = Doing(message.number, message.work)
                    self.waiting[message.agent].put(job)
                case wire.Stop():
                    if unwanted := self.jobs.get(message.number):
                        unwanted.stopped = True

    def send(self, message: object) -> None:
        """From any thread; the process ends where the server is gone."""
        framed = wire.framed(message)
        try:
            with self.sending:
                self.server.sendall(framed)
        except OSError:
            os._exit(0)

    def open(self, asked: wire.Open) -> None:
        """Open the agents, those of one engine on the same."""
        opened: list[tuple[Runtime, Engine]] = []

        def opening(runtime: Runtime) -> Engine:
            for each, engine in opened:
                if each == runtime:
                    return engine
            opened.append((runtime, watched(runtime.opened())))
            return opened[-1][1]

        try:
            agents = {
                name: assembly.assemble(table, where, opening)
                for name, table, where in asked.agents
            }
        except Exception as error:  # noqa: BLE001 - told to the server, which tells the client
            self.send(wire.Unopened(self.crossing(error)))
            return
        known = {name: self.begin(name, agent, asked.rows) for name, agent in agents.items()}
        self.send(wire.Opened(known))

    def begin(self, name: str, agent: Agent, rows: int) -> wire.Known:
        """Start the threads of an agent."""
        self.waiting[name] = queue.SimpleQueue()
        rows = rows if shared(agent) else 1
        for n in range(rows):
            told = (name, agent)
            threading.Thread(target=self.drive, args=told, name=f"{name}-{n}", daemon=True).start()
        engine = agent.engine
        return wire.Known(
            title=engine.title,
            honours=engine.honours,
            replays=engine.replays,
            context_window=engine.context_window,
            twofold=engine.twofold,
            rows=rows,
        )

    def drive(self, name: str, agent: Agent) -> None:
        """One thread: jobs of an agent as they come."""
        while True:
            job = self.waiting[name].get()

            def tell(event: Told, number: int = job.number) -> None:
                self.send(wire.Came(number, event))

            error = done(agent, job, tell)
            del self.jobs[job.number]
            self.send(wire.Ended(job.number, None if error is None else self.crossing(error)))

    def crossing(self, error: Exception) -> Exception:
        if not isinstance(error, TertuliaError | Refusal):
            LOG.error(
                line("failed", worker=os.getpid(), error=type(error).__name__, at=place(error))
            )
        return wire.crossing(error)


def main() -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    logged(logging.WARNING)
    with socket(fileno=int(sys.argv[1])) as server:
        Inside(server).serve()
    # Threads may be in the middle of a step: nobody waits for it any more.
    os._exit(0)


if __name__ == "__main__":
    main()
