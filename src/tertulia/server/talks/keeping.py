"""A reply is kept while it grows: a server that is killed loses no word that was on the disk."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from tertulia.agent import Reply
from tertulia.conversation import Conversation, Plan, Turn
from tertulia.engines import Completion
from tertulia.errors import Conflict
from tertulia.rankers import Candidate
from tertulia.record import opening, record
from tertulia.server.making.growing import heard
from tertulia.server.making.speaking import Spelled
from tertulia.server.openai import answers
from tertulia.server.scenes.directing import header
from tertulia.server.storeroom import Storeroom
from tertulia.server.talks import telling
from tertulia.server.talks.ordering import Order
from tertulia.store import DraftId, Store, TurnId


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A turn as it is told, with the candidates it was chosen from, best first."""

    turn: dict[str, Any]
    version: int | None
    candidates: list[dict[str, Any]]


class Keeping(Protocol):
    """Where a reply goes."""

    async def grow(self, text: str) -> None:
        """So much more was said."""

    async def reply(self, reply: Reply, spelled: Spelled, timings: Mapping[str, float]) -> Kept:
        """It is whole."""

    async def unfinished(
        self, turn: Turn, status: str, plan: object, timings: Mapping[str, float]
    ) -> Kept | None:
        """It ended before it was whole; None where nothing was said."""


class InStore:
    """A reply is a draft in the store, then a turn."""

    def __init__(self, room: Storeroom, order: Order, draft: DraftId) -> None:
        self.room, self.order, self.draft = room, order, draft

    async def grow(self, text: str) -> None:
        await self.room.ask(lambda store: store.grow(self.draft, text))

    async def reply(self, reply: Reply, spelled: Spelled, timings: Mapping[str, float]) -> Kept:
        made = told(self.order, reply, spelled, timings)
        return await self.settled(said(self.order, reply), made)

    async def unfinished(
        self, turn: Turn, status: str, plan: object, timings: Mapping[str, float]
    ) -> Kept | None:
        if not turn.text:
            await self.room.ask(lambda store: store.discard(self.draft))
            return None
        made = {**begun(self.order), "status": status, "timings": dict(timings)}
        return await self.settled(turn, {**made, "text": turn.text, "plan": plan})

    async def settled(self, turn: Turn, made: Mapping[str, Any]) -> Kept:
        order = self.order

        def settle(store: Store) -> Kept:
            now, before = store.header(order.talk), store.version(order.talk)
            used = order.uses_up and order.activate and now.plan == order.given
            then = now.planned(Plan()) if used else now
            id = store.settle(self.draft, turn, made, then=then, activate=order.activate)
            if order.activate and store.version(order.talk) == before:
                follow(store, order, id, then)
            return Kept(
                turn=telling.turn(store.turn(id)),
                version=store.version(order.talk),
                candidates=made.get("candidates", []),
            )

        return await self.room.ask(settle)


def follow(store: Store, order: Order, id: TurnId, then: Conversation) -> None:
    """Let the active path go on to a reply, where only the direction changed meanwhile."""
    path = store.path(order.talk, light=True)
    if (path[-1].id if path else None) == order.end:
        # Whoever continues the talk at this very moment comes first.
        with suppress(Conflict):
            store.activate(order.talk, id)
            store.direct(order.talk, then)


class Nowhere:
    """What would be said is only told."""

    def __init__(self, order: Order) -> None:
        self.order = order

    async def grow(self, text: str) -> None: ...

    async def reply(self, reply: Reply, spelled: Spelled, timings: Mapping[str, float]) -> Kept:
        made = told(self.order, reply, spelled, timings)
        return self.shown(said(self.order, reply), made)

    async def unfinished(
        self, turn: Turn, status: str, plan: object, timings: Mapping[str, float]
    ) -> Kept | None:
        made = {**begun(self.order), "status": status, "timings": dict(timings), "plan": plan}
        return self.shown(turn, made) if turn.text else None

    def shown(self, turn: Turn, made: dict[str, Any]) -> Kept:
        shown = {
            "id": None,
            "parent": self.order.parent,
            "created": datetime.now(UTC).isoformat(),
            **asdict(turn),
            "status": made["status"],
            "edited_from": None,
            "rating": None,
            "note": "",
            "hidden": False,
            "direction": header(self.order.header),
            "reply": made,
        }
        return Kept(turn=shown, version=None, candidates=made.get("candidates", []))


def drafted(store: Store, order: Order, version: int | None) -> DraftId:
    """Room for a reply in the store; raises Conflict when the talk has another version."""
    return store.draft(
        order.talk,
        parent=order.parent,
        conversation=order.header,
        speaker=order.work.conversation.agent,
        reply=begun(order),
        version=version,
    )


def begun(order: Order) -> dict[str, Any]:
    """What is known of a reply before a word of it is said."""
    known = opening(
        replace(order.way.agent, name=order.served.name),
        agent_file=order.served.agent_file,
        given=order.given,
        seed=order.decoding.seed,
    )
    return {**known, **ordered(order)}


def ordered(order: Order) -> dict[str, Any]:
    """What this request asked for beyond the agent's own ways."""
    found: dict[str, Any] = {}
    if order.way.rankers is not None:
        found["rankers"] = list(order.way.rankers)
    if order.work.go_on is not None:
        found["continues"] = asdict(order.work.go_on)
    return found


def said(order: Order, reply: Reply) -> Turn:
    """The turn of a reply, without what the model thought."""
    best = heard(order.format, reply.prompt, reply.completion.text)
    return Turn(reply.speaker, best.text, best.image)


def told(
    order: Order, reply: Reply, spelled: Spelled, timings: Mapping[str, float]
) -> dict[str, Any]:
    """All that replays a reply, and all that it was chosen from."""
    agent = replace(order.way.agent, name=order.served.name)
    kept = record(
        agent,
        reply,
        agent_file=order.served.agent_file,
        given=order.given,
        timings=timings,
        status="whole",
    )
    texts = spelled.tokens or (None,) * len(reply.candidates)
    best = heard(order.format, reply.prompt, reply.completion.text)
    return {
        **kept,
        **ordered(order),
        "candidates": [
            candidate(order, reply, each, spelling)
            for each, spelling in zip(reply.candidates, texts, strict=True)
        ],
        "chosen": 0,
        "thought": best.plan.explanation,
        "planned_by": telling.planner(reply.plan, order.given),
    }


def candidate(
    order: Order, reply: Reply, each: Candidate, spelling: tuple[str, ...] | None
) -> dict[str, Any]:
    """One candidate; its tokens are null where the engine cannot tell them."""
    parsed = heard(order.format, reply.prompt, each.completion.text)
    told = answers.candidate(each)
    return {
        "text": parsed.text,
        "image": parsed.image,
        "score": told["score"],
        "scores": told["scores"],
        "mean_logprob": told["mean_logprob"],
        "finish": each.completion.finish,
        "tokens": None if spelling is None else tokens(each.completion, spelling),
    }


def tokens(completion: Completion, spelling: tuple[str, ...]) -> list[list[Any]]:
    """[text, log-probability] of each token; third, where alternatives were asked for, the
    likeliest in its place, each as [text, log-probability]."""
    drawn: list[list[Any]] = [list(pair) for pair in answers.tokens(completion, spelling)]
    for token, likeliest in zip(drawn, completion.alternatives, strict=False):
        token.append([[text, max(logprob, answers.LEAST)] for text, logprob in likeliest])
    return drawn
