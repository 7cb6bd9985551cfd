"""Turns of a kept talk: added, said otherwise, rated, hidden; and which branch is active."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tertulia.conversation import Turn
from tertulia.server.description.documented import documented
from tertulia.server.doors import reading
from tertulia.server.doors.answering import Answer
from tertulia.server.doors.refusals import invalid
from tertulia.server.doors.shapes import taken, warning
from tertulia.server.served import house_of
from tertulia.server.storeroom import storeroom_of
from tertulia.server.talks import telling
from tertulia.server.talks.answered import ActiveTold, TurnKept, TurnShown
from tertulia.server.talks.finding import end, one, talk_id, turn_id
from tertulia.server.talks.shapes import ActiveAsked, Rated, Taken, TurnAsked, TurnChanged
from tertulia.store import Store, StoredTurn, TalkId, TurnId

ROUTES = APIRouter(prefix="/tertulia/talks/{talk}")
KEPT = documented(TurnAsked, TurnKept, status=201, errors=(409,))
EDITED = documented(TurnChanged, TurnKept, status=201, errors=(409,))
TAKEN = documented(Taken, TurnKept, status=201, errors=(409,))


@ROUTES.post("/turns", status_code=201, openapi_extra=KEPT)
async def add(request: Request, talk: str) -> Response:
    """One more turn, which ends the active path."""
    room, id = storeroom_of(request), talk_id(talk)
    asked = taken(TurnAsked, await reading.table(request, house_of(request).settings))
    said = Turn(asked.speaker, asked.text, asked.image)

    def kept(store: Store) -> dict[str, Any]:
        parent = end(store, id, asked.parent, "parent" in asked.model_fields_set)
        now = store.header(id)
        turn = store.keep(id, said, conversation=now, parent=parent, version=asked.version)
        return told(store, id, turn)

    return Answer(await room.ask(kept), 201, headers=warning(asked))


@ROUTES.get("/turns/{turn}", openapi_extra=documented(None, TurnShown))
async def show(request: Request, talk: str, turn: str) -> Response:
    """One turn, whole: its direction, and how it came about."""
    room, id, number = storeroom_of(request), talk_id(talk), turn_id(turn)
    found = await room.ask(lambda store: telling.turn(one(store, id, number)))
    return Answer({"turn": found})


@ROUTES.post("/active", openapi_extra=documented(ActiveAsked, ActiveTold, errors=(409,)))
async def activate(request: Request, talk: str) -> Response:
    """The active path ends in another turn."""
    id = talk_id(talk)
    asked = taken(ActiveAsked, await reading.table(request, house_of(request).settings))
    turn = None if asked.turn is None else TurnId(asked.turn)

    def moved(store: Store) -> None:
        if turn is not None:
            one(store, id, turn)
        store.activate(id, turn, version=asked.version)

    return await path(request, id, moved, warning(asked))


@ROUTES.post("/turns/{turn}/edit", status_code=201, openapi_extra=EDITED)
async def edit(request: Request, talk: str, turn: str) -> Response:
    """A turn said otherwise: a sibling, which ends the active path."""
    room, id, number = storeroom_of(request), talk_id(talk), turn_id(turn)
    asked = taken(TurnChanged, await reading.table(request, house_of(request).settings))

    def edited(store: Store) -> dict[str, Any]:
        old = one(store, id, number).turn
        image = old.image if asked.image is None else asked.image
        new = Turn(old.speaker, asked.text, image)
        return told(store, id, store.edit(id, number, new, version=asked.version))

    return Answer(await room.ask(edited), 201, headers=warning(asked))


@ROUTES.put("/turns/{turn}/rating", openapi_extra=documented(Rated, TurnShown))
async def rate(request: Request, talk: str, turn: str) -> Response:
    """What somebody thinks of a turn; the last word counts, and all are kept."""
    room, id, number = storeroom_of(request), talk_id(talk), turn_id(turn)
    asked = taken(Rated, await reading.table(request, house_of(request).settings))

    def rated(store: Store) -> dict[str, Any]:
        one(store, id, number)
        store.rate(number, asked.rating, asked.note)
        return {"turn": telling.turn(one(store, id, number))}

    return Answer(await room.ask(rated), headers=warning(asked))


@ROUTES.delete("/turns/{turn}", openapi_extra=documented(None, ActiveTold))
async def hide(request: Request, talk: str, turn: str) -> Response:
    """A turn and all that follows it are out of sight; nothing is lost."""
    id, number = talk_id(talk), turn_id(turn)

    def hidden(store: Store) -> None:
        one(store, id, number)
        store.hide(number)

    return await path(request, id, hidden)


@ROUTES.post("/turns/{turn}/restore", openapi_extra=documented(None, ActiveTold))
async def restore(request: Request, talk: str, turn: str) -> Response:
    """A hidden turn, and all that follows it, is there again."""
    id, number = talk_id(talk), turn_id(turn)

    def shown(store: Store) -> None:
        one(store, id, number)
        store.show(number)

    return await path(request, id, shown)


@ROUTES.post("/candidates", status_code=201, openapi_extra=TAKEN)
async def choose(request: Request, talk: str) -> Response:
    """Another candidate of a reply is said: a sibling, which ends the active path."""
    room, id = storeroom_of(request), talk_id(talk)
    asked = taken(Taken, await reading.table(request, house_of(request).settings))

    def chosen(store: Store) -> dict[str, Any]:
        reply = one(store, id, TurnId(asked.turn))
        text, image = candidate(reply, asked.candidate)
        record = dict(reply.reply or {})
        record |= {"chosen": asked.candidate, "text": text, "status": "whole"}
        turn = Turn(reply.turn.speaker, text, image)
        kept = store.keep(
            id,
            turn,
            conversation=reply.scene,
            parent=reply.parent,
            reply=record,
            then=store.header(id),
            version=asked.version,
        )
        return told(store, id, kept)

    return Answer(await room.ask(chosen), 201, headers=warning(asked))


def candidate(reply: StoredTurn, number: int) -> tuple[str, str]:
    """(text, image) of a candidate as it was kept; raises Refusal where there is none."""
    made = (reply.reply or {}).get("candidates")
    if not isinstance(made, list) or number >= len(made):
        count = len(made) if isinstance(made, list) else 0
        raise invalid(
            f"the turn has {count} candidates, numbered from 0: choose one of them",
            "candidate",
            "invalid_value",
        )
    # A talk that was imported may hold anything here.
    told = made[number] if isinstance(made[number], dict) else {}
    text, image = told.get("text"), told.get("image", "")
    if not isinstance(text, str) or not isinstance(image, str):
        raise invalid("this candidate was kept without its text", "candidate", "invalid_value")
    return text, image


async def path(
    request: Request,
    id: TalkId,
    change: Callable[[Store], None],
    headers: dict[str, str] | None = None,
) -> Response:
    """Make a change, and tell the active path after it."""

    def done(store: Store) -> dict[str, Any]:
        change(store)
        return {"active": telling.active(store, id), "version": store.version(id)}

    return Answer(await storeroom_of(request).ask(done), headers=headers)


def told(store: Store, id: TalkId, turn: TurnId) -> dict[str, Any]:
    """A turn that was just kept, and the talk's version after it."""
    return {"turn": telling.turn(store.turn(turn)), "version": store.version(id)}
