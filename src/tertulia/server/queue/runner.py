"""A bounded queue between HTTP and the place where an agent's engine works.

All of this happens on the event loop. A request is admitted or refused at once. Jobs begin in turns
of their clients, each client's in the order they came, as many at once as the place has rows; an
engine that several threads may ask decodes them together, one token of each in a step. A job that
nobody waits for any more never starts, nor does one that waited too long; one that has begun is
stopped at its next event.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from tertulia.agent import Reply
from tertulia.engines import Completion, Finished, Piece
from tertulia.errors import EngineError
from tertulia.server.doors.refusals import Refusal, overloaded
from tertulia.server.making.speaking import Begun, Rendered, Spelled, Told, Work
from tertulia.server.queue.fairness import Turns
from tertulia.server.queue.metrics import Metrics
from tertulia.server.queue.rates import Rates
from tertulia.server.settings import Settings

END = object()
RESERVED = 4
"""Beyond the queue, one place for every so many in it, for clients of whom nothing waits yet."""


@dataclass(frozen=True, slots=True)
class Said:
    """A reply, and the texts of its candidates' tokens where they were asked for and are told."""

    reply: Reply
    spelled: Spelled


class Job:
    """One piece of work on its way. All but `work` and `stopped` is the event loop's.

    client   whose turn it takes
    mail     what came of it: events, then an error or END
    stopped  nobody wants the rest; an engine thread may read it
    over     the last of the mail was read
    tokens   of its prompt and its pieces, as far as it came
    """

    def __init__(self, work: Work, client: str, runner: "Runner") -> None:
        self.work, self.client, self.runner = work, client, runner
        self.loop = asyncio.get_running_loop()
        self.mail: asyncio.Queue[object] = asyncio.Queue()
        self.submitted = self.began = time.monotonic()
        self.stopped = self.over = False
        self.completions: list[Completion] = []
        self.tokens = 0
        self.limit = self.loop.call_later(runner.settings.queue_seconds, runner.expire, self)

    @property
    def seconds(self) -> float:
        """Since it was submitted."""
        return time.monotonic() - self.submitted

    def tell(self, event: Told) -> None:
        """Something came of it."""
        if not self.stopped:
            self.runner.note(self, event)
            self.mail.put_nowait(event)

    def end(self, error: Exception | None = None) -> None:
        """Nothing more comes of it; called once."""
        self.runner.ended(self, error)

    async def events(self) -> AsyncIterator[Told]:
        """What comes of the work; raises what is wrong with it."""
        while not self.over:
            item = await self.mail.get()
            self.over = item is END or isinstance(item, Exception)
            if isinstance(item, Exception):
                raise item
            if item is not END:
                yield item  # type: ignore[misc]  # the mail holds events, errors and END only

    async def said(self) -> Said:
        """The reply at the end."""
        spelled, reply = Spelled(()), None
        async for event in self.events():
            if isinstance(event, Spelled):
                spelled = event
            elif isinstance(event, Reply):
                reply = event
        if reply is not None:
            return Said(reply, spelled)
        raise EngineError("the engine ended without a reply; this is a fault of the engine")


class Place(Protocol):
    """Where jobs are done. Called on the event loop; it calls tell and end of a job there."""

    rows: int
    """Jobs that it does at once when it is ready."""

    @property
    def loaded(self) -> bool:
        """Whether the engine is open."""

    def attend(self, runner: "Runner") -> None:
        """Whose jobs they are."""

    def room(self) -> int:
        """Jobs that it can do at once now; whoever makes it more calls Runner.dispatch."""

    def wake(self) -> None:
        """A job is on its way. Raises Refusal when it cannot be done for some time."""

    def begin(self, job: Job) -> None: ...

    def stop(self, job: Job) -> None:
        """Nobody wants the rest of a job that was begun; its end comes all the same."""

    def close(self) -> None:
        """Begin nothing more, and end what is under way soon."""

    def join(self) -> None:
        """Wait for that end."""


class Runner:
    """The queue of one agent."""

    def __init__(
        self, name: str, place: Place, settings: Settings, metrics: Metrics, rates: Rates
    ) -> None:
        self.name, self.place, self.settings = name, place, settings
        self.metrics, self.rates = metrics, rates
        place.attend(self)
        self.waiting: Turns[Job] = Turns()
        self.running: set[Job] = set()
        self.usual = 1.0

    @property
    def inside(self) -> int:
        return len(self.waiting) + len(self.running)

    def submit(self, work: Work, client: str = "") -> Job:
        """Put work into the queue.

        Raises Refusal when it is full, when the client asked too much, or nothing can be done.
        """
        places = self.place.rows + self.settings.queue
        if not self.waiting.of(client):
            places += self.settings.queue // RESERVED * (self.inside >= places)
        if self.inside >= places:
            self.metrics.rejected.labels(self.name, "queue_full").inc()
            raise overloaded(
                f"{len(self.waiting)} requests wait for {self.name!r} already: ask again later",
                "queue_full",
                self.seconds_to_wait(),
            )
        try:
            self.rates.admit(client)
        except Refusal:
            self.metrics.rejected.labels(self.name, "rate_limited").inc()
            raise
        self.place.wake()
        job = Job(work, client, self)
        self.waiting.add(job)
        self.metrics.waiting.labels(self.name).inc()
        self.dispatch()
        return job

    def seconds_to_wait(self) -> int:
        """Until there should be a place, going by what requests took lately; 1 to 60."""
        return min(max(math.ceil(self.usual * self.settings.queue / self.place.rows / 2), 1), 60)

    def dispatch(self) -> None:
        """Begin what waits, as far as there is room."""
        while self.waiting and len(self.running) < self.place.room():
            job = self.waiting.take()
            self.metrics.waiting.labels(self.name).dec()
            self.running.add(job)
            self.metrics.running.labels(self.name).inc()
            job.limit.cancel()
            job.began = time.monotonic()
            job.limit = job.loop.call_later(self.settings.reply_seconds, self.overdue, job)
            self.place.begin(job)

    def note(self, job: Job, event: Told) -> None:
        """Count what an event of a job tells."""
        if isinstance(event, Begun):
            self.metrics.first_token.labels(self.name).observe(job.seconds)
        elif isinstance(event, Rendered):
            job.tokens += event.tokens
        elif isinstance(event, Piece):
            job.tokens += 1
        elif isinstance(event, Finished):
            job.completions.append(event.completion)
        elif isinstance(event, Reply):
            job.completions = [each.completion for each in event.candidates]

    def ended(self, job: Job, error: Exception | None) -> None:
        """A job that was begun is over."""
        self.running.discard(job)
        self.metrics.running.labels(self.name).dec()
        job.limit.cancel()
        self.rates.spend(job.client, spent(job.completions) if job.completions else job.tokens)
        if not job.stopped and error is None:
            self.usual += (time.monotonic() - job.began - self.usual) / 8
            if job.completions:
                self.metrics.finished(self.name, job.seconds, job.completions)
        job.mail.put_nowait(END if error is None else error)
        self.dispatch()

    def cancel(self, job: Job) -> None:
        """Nobody wants the rest of a job; harmless when it is over."""
        if job.over or job.stopped:
            return
        self.metrics.aborted.labels(self.name).inc()
        if self.left(job):
            job.stopped = True
        else:
            self.stop(job)
        job.mail.put_nowait(END)

    def left(self, job: Job) -> bool:
        """Whether a job waited until now."""
        if not self.waiting.remove(job):
            return False
        self.metrics.waiting.labels(self.name).dec()
        job.limit.cancel()
        return True

    def stop(self, job: Job) -> None:
        job.stopped = True
        if job in self.running:
            self.place.stop(job)

    def expire(self, job: Job) -> None:
        """A job has waited too long: it never starts."""
        if not self.left(job):
            return
        self.metrics.rejected.labels(self.name, "queue_timeout").inc()
        job.mail.put_nowait(
            overloaded(
                f"the request waited longer than {self.settings.queue_seconds:g} seconds for "
                f"{self.name!r} and was not begun: ask again later",
                "queue_timeout",
                self.seconds_to_wait(),
                status=503,
            )
        )

    def overdue(self, job: Job) -> None:
        """A job has taken too long: it is stopped."""
        job.mail.put_nowait(too_long(self.settings))
        self.stop(job)

    def refuse(self, error: Exception) -> None:
        """Nothing that waits can be done."""
        while self.waiting:
            job = self.waiting.take()
            self.metrics.waiting.labels(self.name).dec()
            job.limit.cancel()
            job.mail.put_nowait(error)


def spent(made: Sequence[Completion]) -> int:
    """Tokens that completions took: the prompt once, and all candidates."""
    prompt = max((each.prompt_tokens or 0 for each in made), default=0)
    return prompt + sum(each.completion_tokens or 0 for each in made)


def too_long(settings: Settings) -> Refusal:
    return Refusal(
        504,
        f"the reply took longer than {settings.reply_seconds:g} seconds and was stopped: ask for "
        "fewer tokens or candidates",
        kind="server_error",
        code="reply_timeout",
    )
