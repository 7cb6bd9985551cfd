"""Replies on their way: each lives in the server, not in a connection, and is kept as it grows.

All that is told of one is written down as frames of a stream, so that whoever comes later, or comes
again, is told the same from the beginning. One that has ended is remembered for a while.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from tertulia.agent import Reply
from tertulia.conversation import Plan, Turn
from tertulia.engines import Piece
from tertulia.errors import EngineError
from tertulia.server.doors.answering import written
from tertulia.server.doors.journal import LOG, line, place
from tertulia.server.doors.refusals import Refusal, refusal_of
from tertulia.server.making.growing import Growing
from tertulia.server.making.speaking import Begun, Rendered, Spelled, Told
from tertulia.server.queue.runner import Job
from tertulia.server.talks import telling
from tertulia.server.talks.keeping import Keeping, Kept
from tertulia.server.talks.ordering import Order
from tertulia.store import TalkId

REMEMBERED_SECONDS = 15 * 60.0
REMEMBERED = 256
REMEMBERED_CHARACTERS = 64 * 1024 * 1024
GROW_SECONDS = 0.25
"""A reply on its way is put on the disk so often."""

LOG_CHARACTERS = 4 * 1024 * 1024
"""What pieces may take of the memory for one reply; from there on only its end is told."""


@dataclass(slots=True)
class Generation:
    """One reply on its way, and all that was told of it.

    log     frames, one for each event, in their order
    texts   what each candidate says so far
    ended   the moment of the monotonic clock at which nothing more can come; None before
    """

    order: Order
    job: Job
    keeping: Keeping
    id: str = field(default_factory=lambda: secrets.token_hex(12))
    state: str = "waiting"
    plan: dict[str, str] | None = None
    turn: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    log: list[str] = field(default_factory=list)
    ended: float | None = None
    growing: list[Growing] = field(default_factory=list)
    shown: Rendered | None = None
    spelled: Spelled = field(default_factory=lambda: Spelled(()))
    reply: Reply | None = None
    stopped_as: str = ""
    timings: dict[str, float] = field(default_factory=dict)
    characters: int = 0
    put_down: str = ""
    put_down_at: float = 0.0
    news: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen to the engine."""
        self.tell("state", {"state": self.state})
        self.task = asyncio.create_task(self.run())

    @property
    def text(self) -> str:
        """What is said so far, by the candidate that is kept while it grows."""
        if self.turn is not None:
            return str(self.turn["text"])
        return self.growing[0].said if self.growing else ""

    def tell(self, event: str, data: Mapping[str, Any]) -> None:
        """Write an event down, for all who listen and who will."""
        frame = f"id: {len(self.log) + 1}\nevent: {event}\ndata: {written(data)}\n\n"
        self.log.append(frame)
        self.characters += len(frame)
        news, self.news = self.news, asyncio.Event()
        news.set()

    async def frames(self, after: int = 0) -> AsyncGenerator[str, None]:
        """Every frame after the first so many, until nothing more can come."""
        told = after
        while True:
            news = self.news
            for frame in self.log[told:]:
                yield frame
                told += 1
            if self.over.is_set() and told >= len(self.log):
                return
            if told >= len(self.log):
                await news.wait()

    async def stop(self, status: str = "stopped") -> None:
        """Keep what was said so far and end; harmless when it is over."""
        self.stopped_as = self.stopped_as or status
        self.order.served.runner.cancel(self.job)
        await self.over.wait()

    async def run(self) -> None:
        """Listen until the end, and keep what came of it."""
        try:
            async for event in self.job.events():
                await self.hear(event)
            await self.finish()
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever listens is told
            await self.fail(error)
        finally:
            self.tell("state", {"state": self.state})
            self.tell("end", {})
            self.ended = time.monotonic()
            self.over.set()
            self.news.set()
            self.growing, self.shown, self.reply = [], None, None

    async def hear(self, event: Told) -> None:
        """Tell an event of the engine's."""
        if self.state == "waiting":
            self.state = "running"
            self.timings["waited"] = self.job.began - self.job.submitted
            self.tell("state", {"state": self.state})
        match event:
            case Plan():
                self.planned(event)
            case Rendered():
                self.shown = event
                made = range(self.order.decoding.candidates)
                self.growing = [Growing(self.order.format, event.prompt) for _ in made]
                self.tell("prompt", telling.prompt(event))
            case Begun():
                self.timings["first_token"] = self.job.seconds
            case Piece():
                await self.grow(event)
            case Spelled():
                self.spelled = event
            case Reply():
                self.timings["total"] = self.job.seconds
                self.reply = event

    def planned(self, plan: Plan) -> None:
        self.timings["planned"] = time.monotonic() - self.job.began
        self.plan = telling.plan(plan)
        by = telling.planner(plan, self.order.given)
        self.tell("plan", {**self.plan, "planned_by": by, "written": telling.unread(plan)})

    async def grow(self, piece: Piece) -> None:
        """Tell what a piece makes certain; put the text on the disk from time to time."""
        delta = self.growing[piece.candidate].add(piece.text)
        if delta and self.characters < LOG_CHARACTERS:
            thought = {"thought": delta.thought} if delta.thought else {}
            self.tell("piece", {"candidate": piece.candidate, "text": delta.said, **thought})
        now, said = time.monotonic(), self.growing[0].said
        if said != self.put_down and now - self.put_down_at >= GROW_SECONDS:
            await self.keeping.grow(said[len(self.put_down) :])
            self.put_down, self.put_down_at = said, now

    async def finish(self) -> None:
        """Keep the reply; where it was stopped, what was said so far."""
        if self.reply is not None:
            kept = await self.keeping.reply(self.reply, self.spelled, self.timings)
            self.end("done", kept)
        elif self.stopped_as:
            self.timings["total"] = self.job.seconds
            self.end("stopped", await self.kept_so_far(self.stopped_as))
        else:
            raise EngineError("the engine ended without a reply; this is a fault of the engine")

    async def kept_so_far(self, status: str) -> Kept | None:
        """The unfinished turn; None where nothing was said."""
        said = Turn(self.order.work.conversation.agent, self.text)
        return await self.keeping.unfinished(said, status, self.plan, self.timings)

    def end(self, state: str, kept: Kept | None) -> None:
        self.state = state
        if kept is not None:
            self.turn = kept.turn
            self.tell(
                "reply",
                {
                    "turn": kept.turn,
                    "version": kept.version,
                    "candidates": kept.candidates,
                    "timings": self.timings,
                },
            )

    async def fail(self, error: Exception) -> None:
        """Tell what went wrong; what was said until then is kept all the same."""
        refused = refusal_of(error)
        if refused.status >= 500:
            LOG.error(line("failed", id=self.id, error=type(error).__name__, at=place(error)))
        self.error = refused.body["error"]
        try:
            if self.turn is None:
                self.end("failed", await self.kept_so_far("interrupted"))
        except Exception as second:  # noqa: BLE001 - the store fails, too: the first error is told
            LOG.error(line("failed", id=self.id, error=type(second).__name__, at=place(second)))
        self.state = "failed"
        self.tell("error", self.error)

    def told(self) -> dict[str, Any]:
        """How it stands."""
        order = self.order
        return {
            "id": self.id,
            "talk": order.talk,
            "parent": order.parent,
            "agent_name": order.served.name,
            "speaker": order.work.conversation.agent,
            "seed": order.decoding.seed,
            "dry": order.dry,
            "state": self.state,
            "plan": self.plan,
            "text": self.text,
            "candidates": order.decoding.candidates,
            "turn": self.turn,
            "error": self.error,
        }


class Generations:
    """Those of one server."""

    def __init__(self) -> None:
        self.by_id: dict[str, Generation] = {}

    def add(self, generation: Generation) -> None:
        """Start one, and forget some of those that have ended."""
        self.forget()
        self.by_id[generation.id] = generation
        generation.start()

    def find(self, id: str) -> Generation:
        """The one with this id; raises Refusal, a 404."""
        self.forget()
        if id in self.by_id:
            return self.by_id[id]
        raise Refusal(
            404,
            "no reply with this id is on its way or ended lately: read the talk again",
            code="not_found",
        )

    def of(self, talk: TalkId) -> list[str]:
        """Ids of a talk's replies under way."""
        return [
            each.id
            for each in self.by_id.values()
            if each.order.talk == talk and each.ended is None and not each.order.dry
        ]

    def forget(self) -> None:
        """Keep of those that have ended the latest, for some time, as far as there is room."""
        over = [each for each in self.by_id.values() if each.ended is not None]
        over.sort(key=lambda each: each.ended or 0.0, reverse=True)
        oldest, room = time.monotonic() - REMEMBERED_SECONDS, REMEMBERED_CHARACTERS
        for count, each in enumerate(over, start=1):
            room -= each.characters
            if count > REMEMBERED or room < 0 or (each.ended or 0.0) < oldest:
                del self.by_id[each.id]

    async def close(self) -> None:
        """Stop all; what was said so far is kept as interrupted."""
        under_way = [each for each in self.by_id.values() if each.ended is None]
        await asyncio.gather(*(each.stop("interrupted") for each in under_way))


def generations_of(request: Request) -> Generations:
    found: Generations = request.app.state.generations
    return found
