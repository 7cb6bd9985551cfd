"""Which workers are open at the same time: opened when they are asked, within a memory budget.

The budget is held to the bytes that their processes are seen to hold. Before one is opened, what
was asked least recently is closed until the new one fits beside the rest: first what has nothing to
do, else one begins nothing more, and is closed when it has finished what it does.
"""

import asyncio
import time
from collections.abc import Mapping

from tertulia.assembly import Written
from tertulia.errors import TertuliaError
from tertulia.server.doors.journal import LOG, line, place
from tertulia.server.doors.refusals import Refusal
from tertulia.server.queue.metrics import Metrics
from tertulia.server.settings import MEBI, Settings
from tertulia.server.workers.away import runtime
from tertulia.server.workers.child import Child
from tertulia.server.workers.resident import resident_bytes
from tertulia.server.workers.weights import expected_bytes
from tertulia.server.workers.worker import Worker

OPENING_SECONDS = 300.0
LOOKING_SECONDS = 5.0


class Pool:
    """The workers of one server. All happens on the event loop, but for `close` and `join`."""

    def __init__(self, agents: Mapping[str, Written], settings: Settings, metrics: Metrics) -> None:
        self.settings, self.metrics = settings, metrics
        self.workers = [Worker(each, settings.rows, self) for each in grouped(agents)]
        self.tasks: dict[Worker, asyncio.Task[None]] = {}
        self.looking: asyncio.Task[None] | None = None
        self.one_at_a_time = asyncio.Lock()
        self.change = asyncio.Event()
        self.closed = False
        self.ended: list[Child] = []

    def want(self, worker: Worker) -> None:
        """Open a worker, as soon as there is room for it."""
        if self.closed or worker.child is not None or worker in self.tasks:
            return
        self.tasks[worker] = asyncio.create_task(self.bring(worker))
        if self.looking is None:
            self.looking = asyncio.create_task(self.look())

    def preload(self) -> None:
        """Open all workers, one after the other, while there is room."""
        for each in self.workers:
            self.want(each)

    @property
    def opening(self) -> bool:
        """Whether any is on its way."""
        return bool(self.tasks)

    @property
    def broken(self) -> bool:
        """Whether there are workers, and none of them can do anything now."""
        return bool(self.workers) and all(each.breaker.open for each in self.workers)

    def changed(self) -> None:
        self.change.set()

    def mourn(self, worker: Worker) -> None:
        for name in worker.written:
            self.metrics.deaths.labels(name).inc()

    async def bring(self, worker: Worker) -> None:
        began = time.monotonic()
        try:
            async with self.one_at_a_time:
                await self.make_room(worker)
                await asyncio.wait_for(worker.open(), OPENING_SECONDS)
                await self.weigh(worker)
        except Exception as error:  # noqa: BLE001 - told to those who wait for it
            del self.tasks[worker]
            self.failed(worker, error)
            return
        del self.tasks[worker]
        LOG.info(
            line(
                "worker_opened",
                agents=worker.name,
                pid=worker.pid,
                megabytes=worker.measured // MEBI,
                seconds=f"{time.monotonic() - began:.3f}",
            )
        )
        worker.dispatch()

    def failed(self, worker: Worker, error: Exception) -> None:
        """A worker did not open: tried again where it crashed, and otherwise when it is asked."""
        if self.closed:
            return
        why = str(error) if isinstance(error, TertuliaError | Refusal) else place(error)
        LOG.error(line("worker_unopened", agents=worker.name, error=type(error).__name__, why=why))
        if isinstance(error, Refusal) and error.code == "worker_died":
            worker.crashed()
            return
        if isinstance(error, Refusal):
            worker.refuse(error)
            return
        worker.breaker.crashed()
        worker.refuse(unopened(worker))

    async def make_room(self, worker: Worker) -> None:
        """Close others until a worker should fit beside those that are left."""
        budget = self.settings.memory_bytes
        if budget is not None and worker.bare > budget:
            raise too_large(worker, budget)
        while budget is not None and self.resident(worker) + expected(worker) > budget:
            others = [each for each in self.workers if each.child and each is not worker]
            idle = [each for each in others if not each.busy]
            if not others:
                return
            oldest = min(idle or others, key=lambda each: each.used)
            if idle:
                await self.unload(oldest)
                continue
            oldest.leaving = True
            self.change.clear()
            await self.change.wait()

    def resident(self, without: Worker | None = None) -> int:
        """Bytes that the processes of all workers hold."""
        return sum(self.measured(each) for each in self.workers if each is not without)

    def measured(self, worker: Worker) -> int:
        found = resident_bytes(worker.pid) if worker.pid else 0
        worker.measured = max(worker.measured, found)
        return found

    async def weigh(self, worker: Worker) -> None:
        """Raises Refusal, and closes it, when a worker alone is larger than the budget."""
        worker.bare, budget = self.measured(worker), self.settings.memory_bytes
        if budget is not None and worker.bare > budget:
            await self.unload(worker)
            raise too_large(worker, budget)

    async def unload(self, worker: Worker) -> None:
        LOG.info(line("worker_unloaded", agents=worker.name, pid=worker.pid))
        child = worker.close()
        if child is not None:
            await asyncio.to_thread(child.wait)
        if worker.awaited:
            self.want(worker)

    async def look(self) -> None:
        """Now and then, tell what they hold, and close what is too much."""
        while not self.closed:
            budget = self.settings.memory_bytes
            if budget is not None and self.resident() > budget:
                idle = [each for each in self.workers if each.child and not each.busy]
                if idle:
                    await self.unload(min(idle, key=lambda each: each.used))
            for each in self.workers:
                for name in each.written:
                    self.metrics.resident.labels(name).set(self.measured(each))
            await asyncio.sleep(LOOKING_SECONDS)

    def close(self) -> None:
        """End all processes at once; from any thread, when nothing is left to be finished."""
        self.closed = True
        self.ended = [child for each in self.workers if (child := each.close()) is not None]

    def join(self) -> None:
        for child in self.ended:
            child.wait()


def grouped(agents: Mapping[str, Written]) -> list[dict[str, Written]]:
    """The agents, those together that have the same engine on the same weights."""
    found: list[dict[str, Written]] = []
    for name, written in agents.items():
        engine = runtime(written)
        for group in found:
            if engine.folder and engine == runtime(next(iter(group.values()))):
                group[name] = written
                break
        else:
            found.append({name: written})
    return found


def expected(worker: Worker) -> int:
    """Bytes that a worker is likely to take: what it took, or what its weights do."""
    return worker.measured or expected_bytes(runtime(next(iter(worker.written.values()))).folder)


def too_large(worker: Worker, budget: int) -> Refusal:
    return Refusal(
        503,
        f"{worker.name!r} takes {worker.bare // MEBI} MB, and the memory budget of this server is "
        f"{budget // MEBI} MB: ask for a smaller model, or raise --memory-budget",
        kind="server_error",
        code="memory_budget",
    )


def unopened(worker: Worker) -> Refusal:
    return Refusal(
        503,
        f"{worker.name!r} cannot be opened: the server's log tells why",
        kind="server_error",
        code="model_unavailable",
    )
