"""A worker as it lasts, from one process to the next: its agents, its crashes, its use."""

import asyncio
import time
from collections.abc import Mapping
from typing import Protocol

from tertulia.assembly import Written
from tertulia.server.doors.journal import LOG, line
from tertulia.server.queue.runner import Job, Runner
from tertulia.server.workers import wire
from tertulia.server.workers.away import Away, away
from tertulia.server.workers.breaker import Breaker
from tertulia.server.workers.child import Child


class Household(Protocol):
    """Who decides which workers are open."""

    def want(self, worker: "Worker") -> None:
        """Somebody waits for it."""

    def changed(self) -> None:
        """A worker has less to do than before."""

    def mourn(self, worker: "Worker") -> None:
        """Its process ended by itself."""


class Worker:
    """Agents on one engine, in a process that may be there or not.

    child     the process while its agents are open
    opening   the process until they are
    leaving   begins nothing more: its memory is needed
    used      when it last had something to do (time.monotonic)
    bare      bytes that its process held when it was opened the last time
    measured  the most that it was seen to hold
    """

    def __init__(self, written: Mapping[str, Written], rows: int, household: Household) -> None:
        self.written, self.rows, self.household = written, rows, household
        self.name = ", ".join(written)
        self.breaker = Breaker(self.name)
        self.agents = {name: away(each) for name, each in written.items()}
        self.desks = {name: Desk(self, name) for name in written}
        self.child: Child | None = None
        self.opening: Child | None = None
        self.leaving = False
        self.used = 0.0
        self.bare = self.measured = 0

    @property
    def busy(self) -> bool:
        return self.child is not None and bool(self.child.jobs)

    @property
    def awaited(self) -> bool:
        """Jobs wait for it."""
        return any(desk.runner.waiting for desk in self.desks.values())

    @property
    def pid(self) -> int:
        """Of its process; 0 where there is none."""
        child = self.child or self.opening
        return child.process.pid if child and child.process else 0

    async def open(self) -> None:
        """Begin its process and open its agents; raises what keeps them from it."""
        child = self.opening = Child(self)
        asked = ((name, each.table, each.where) for name, each in self.written.items())
        try:
            known = await child.start(wire.Open(tuple(asked), self.rows))
        except BaseException:
            child.kill()
            await asyncio.to_thread(child.wait)
            raise
        finally:
            self.opening = None
        for name, each in known.items():
            engine = self.agents[name].engine
            assert isinstance(engine, Away)
            engine.learn(each)
            self.desks[name].rows = each.rows
        self.child, self.used = child, time.monotonic()

    def close(self) -> Child | None:
        """End its process; the jobs that it does end with it."""
        child, self.child, self.leaving = self.child or self.opening, None, False
        if child is not None:
            child.kill()
        return child

    def worked(self) -> None:
        """A job came to its end."""
        self.used = time.monotonic()
        tried = self.breaker.trying
        self.breaker.worked()
        if tried:
            self.dispatch()
        self.household.changed()

    def lost(self, child: Child) -> None:
        """Its process ended by itself."""
        if child is not self.child:
            return
        LOG.error(line("worker_died", agents=self.name, status=child.wait(), jobs=len(child.jobs)))
        self.child = None
        self.household.mourn(self)
        self.crashed()
        self.household.changed()

    def crashed(self) -> None:
        """It is begun anew, unless that was once too often."""
        self.breaker.crashed()
        if self.breaker.open:
            LOG.error(line("worker_broken", agents=self.name, crashes=self.breaker.crashes))
            self.refuse(self.breaker.refusal())
        else:
            self.household.want(self)

    def dispatch(self) -> None:
        for desk in self.desks.values():
            desk.runner.dispatch()

    def refuse(self, error: Exception) -> None:
        """What waits for it is told that it waits in vain."""
        for desk in self.desks.values():
            desk.runner.refuse(error)


class Desk:
    """The Place of one agent at a worker."""

    runner: Runner

    def __init__(self, worker: Worker, agent: str) -> None:
        self.worker, self.agent, self.rows = worker, agent, worker.rows

    @property
    def loaded(self) -> bool:
        return self.worker.child is not None

    def attend(self, runner: Runner) -> None:
        self.runner = runner

    def room(self) -> int:
        if self.worker.child is None or self.worker.leaving:
            return 0
        return 1 if self.worker.breaker.trying else self.rows

    def wake(self) -> None:
        if self.worker.breaker.open:
            raise self.worker.breaker.refusal()
        if self.worker.child is None:
            self.worker.household.want(self.worker)

    def begin(self, job: Job) -> None:
        assert self.worker.child is not None
        self.worker.used = time.monotonic()
        self.worker.child.begin(self.agent, job)

    def stop(self, job: Job) -> None:
        if self.worker.child is not None:
            self.worker.child.stop(job)

    def close(self) -> None:
        """The pool does it, for all desks of a worker."""

    def join(self) -> None:
        """The pool does it."""
