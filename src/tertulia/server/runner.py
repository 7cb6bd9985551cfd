"""A bounded queue between HTTP and an engine, and the engine threads that empty it.

A request is admitted or refused at once, on the event loop. Engine threads take jobs in the order
they came and drive each to its end; an engine that several threads may ask at once (see `shared`)
decodes their requests together, one token of each in a step. A job that nobody waits for any more
never starts, and one that has begun is closed at its next event.
"""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from typing import Generic, TypeVar

from tertulia.agent import Agent
from tertulia.engines import Engine
from tertulia.server.metrics import Metrics
from tertulia.server.refusals import Refusal, overloaded
from tertulia.server.settings import Settings

SHARED = ("onnxruntime", "openai", "scripted")
"""Engines that several threads may ask at once: the first decodes all they ask for together."""

CLOSING_SECONDS = 5.0
Event = TypeVar("Event")
END = object()


class Job(Generic[Event]):
    """One piece of work on its way.

    work    makes the iterator of events, on an engine thread; None among them is not sent on
    mail    what reaches the event loop: events, then an error or END
    over    the last of the mail was read
    """

    def __init__(self, work: Callable[[], Iterator[Event | None]]) -> None:
        self.work = work
        self.loop = asyncio.get_running_loop()
        self.mail: asyncio.Queue[object] = asyncio.Queue()
        self.submitted = time.monotonic()
        self.stopped = threading.Event()
        self.over = False

    def post(self, item: object) -> None:
        """Hand something to the event loop, from any thread."""
        self.call(lambda: self.mail.put_nowait(item))

    def call(self, function: Callable[[], None]) -> None:
        try:
            self.loop.call_soon_threadsafe(function)
        except RuntimeError:
            # The loop was closed at exit: nobody is left who could read this.
            self.stopped.set()

    @property
    def seconds(self) -> float:
        """Since it was submitted."""
        return time.monotonic() - self.submitted

    async def events(self) -> AsyncIterator[Event]:
        """What the work gives; raises what the work raised."""
        while not self.over:
            item = await self.mail.get()
            self.over = item is END or isinstance(item, Exception)
            if isinstance(item, Exception):
                raise item
            if item is not END:
                yield item  # type: ignore[misc]  # the mail holds events, errors and END only


class Runner:
    """The queue and the threads of one agent."""

    def __init__(self, name: str, agent: Agent, settings: Settings, metrics: Metrics) -> None:
        self.name, self.settings, self.metrics = name, settings, metrics
        self.rows = settings.rows if shared(agent) else 1
        self.inside = 0
        self.usual = 1.0
        self.waiting: deque[Job[object]] = deque()
        self.arrival = threading.Condition()
        self.closed = False
        self.threads = [
            threading.Thread(target=self.drive, name=f"engine-{name}-{n}", daemon=True)
            for n in range(self.rows)
        ]
        for thread in self.threads:
            thread.start()

    def submit(self, work: Callable[[], Iterator[Event | None]]) -> Job[Event]:
        """Put work into the queue; called on the event loop. Raises Refusal when it is full."""
        if self.inside >= self.rows + self.settings.queue:
            self.metrics.rejected.labels(self.name, "queue_full").inc()
            raise overloaded(
                f"{self.settings.queue} requests wait for {self.name!r} already: ask again later",
                "queue_full",
                self.seconds_to_wait(),
            )
        job = Job(work)
        self.inside += 1
        self.metrics.waiting.labels(self.name).inc()
        with self.arrival:
            self.waiting.append(job)  # type: ignore[arg-type]  # the queue does not look inside
            self.arrival.notify()
        return job

    def seconds_to_wait(self) -> int:
        """Until there should be a place, going by what requests took lately; 1 to 60."""
        return min(max(math.ceil(self.usual * self.settings.queue / self.rows / 2), 1), 60)

    def cancel(self, job: Job[Event]) -> None:
        """Nobody wants the rest of a job; called on the event loop, harmless when it is over."""
        if job.over or job.stopped.is_set():
            return
        job.stopped.set()
        self.metrics.aborted.labels(self.name).inc()
        with self.arrival:
            try:
                self.waiting.remove(job)  # type: ignore[arg-type]
            except ValueError:
                return
        self.metrics.waiting.labels(self.name).dec()
        self.left()

    def left(self) -> None:
        self.inside -= 1

    def drive(self) -> None:
        """An engine thread: jobs in their order, until the runner is closed."""
        while True:
            with self.arrival:
                while not self.waiting and not self.closed:
                    self.arrival.wait()
                if self.closed:
                    return
                job = self.waiting.popleft()
            self.metrics.waiting.labels(self.name).dec()
            with self.metrics.running.labels(self.name).track_inprogress():
                self.do(job)
            job.call(self.left)

    def do(self, job: Job[object]) -> None:
        """Run one job to its end, or to the moment nobody wants it any more."""
        began = time.monotonic()
        try:
            if job.stopped.is_set():
                return
            if began - job.submitted > self.settings.queue_seconds:
                raise self.too_late()
            with closing(job.work()) as events:  # type: ignore[type-var]  # they are generators
                for event in events:
                    if job.stopped.is_set() or self.closed:
                        break
                    if time.monotonic() - began > self.settings.reply_seconds:
                        raise too_long(self.settings)
                    if event is not None:
                        job.post(event)
            self.usual += (time.monotonic() - began - self.usual) / 8
        except Exception as error:  # noqa: BLE001 - raised again where the request is answered
            job.post(error)
        finally:
            job.post(END)

    def too_late(self) -> Refusal:
        self.metrics.rejected.labels(self.name, "queue_timeout").inc()
        return overloaded(
            f"the request waited longer than {self.settings.queue_seconds:g} seconds for "
            f"{self.name!r} and was not begun: ask again later",
            "queue_timeout",
            self.seconds_to_wait(),
            status=503,
        )

    def close(self) -> None:
        """Stop the threads, each at its next event; jobs that wait are never begun."""
        with self.arrival:
            self.closed = True
            self.arrival.notify_all()

    def join(self) -> None:
        """Wait for the threads of a closed runner; a step that does not end is left behind."""
        for thread in self.threads:
            thread.join(CLOSING_SECONDS)


def too_long(settings: Settings) -> Refusal:
    return Refusal(
        504,
        f"the reply took longer than {settings.reply_seconds:g} seconds and was stopped: ask for "
        "fewer tokens or candidates",
        kind="server_error",
        code="reply_timeout",
    )


def shared(agent: Agent) -> bool:
    """Whether several threads may ask every engine of an agent at once."""
    parts = (agent, agent.planner, *agent.rankers)
    found = (getattr(part, name, None) for part in parts for name in ("engine", "reverse"))
    return all(shelf_name(each) in SHARED for each in found if isinstance(each, Engine))


def shelf_name(engine: Engine) -> str:
    """The name of an engine on its shelf; that of its package for a plug-in."""
    place = type(engine).__module__
    return place.removeprefix("tertulia.engines.").partition(".")[0]
