"""Kept talks over HTTP: begun, listed, read, changed and hidden. A talk is a tree of turns."""

import re
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tertulia.conversation import Conversation
from tertulia.errors import Conflict
from tertulia.server import directing, reading, telling
from tertulia.server.documented import documented
from tertulia.server.generations import generations_of
from tertulia.server.playing import playing
from tertulia.server.refusals import Refusal, invalid
from tertulia.server.scenes import found
from tertulia.server.served import house_of
from tertulia.server.storeroom import storeroom_of
from tertulia.server.talk_answers import TalksTold, TalkTold
from tertulia.server.talk_shapes import TalkAsked, TalkChanged, taken, warning
from tertulia.store import Store, TalkId

ROUTES = APIRouter(prefix="/tertulia/talks")
TALK = re.compile(r"[\w-]{1,64}", re.ASCII)
MOST_LISTED = 500
DIGITS = 9
"""Numbers of a query are smaller than a thousand million."""


@ROUTES.post("", status_code=201, openapi_extra=documented(TalkAsked, TalkTold, status=201))
async def begin(request: Request) -> Response:
    """A new talk."""
    house, room = house_of(request), storeroom_of(request)
    asked = taken(TalkAsked, await reading.table(request, house.settings))
    if asked.scene is not None and asked.scene_id is not None:
        raise invalid("scene and scene_id are both given: keep one", "scene_id")
    served = playing(house, asked.agent)
    begun = Conversation() if asked.scene is None else directing.whole(asked.scene)
    if asked.scene_id is not None:
        begun = (await found(request, asked.scene_id)).conversation

    def kept(store: Store) -> dict[str, Any]:
        id = store.begin(begun, served.agent_file, agent_name=served.name, title=asked.title)
        return telling.talk(store, id)

    told = await room.ask(kept)
    return telling.Told({**told, "generations": []}, 201, headers=warning(asked))


@ROUTES.get("", openapi_extra=documented(None, TalksTold))
async def talks(
    request: Request, search: str = "", limit: str = "20", offset: str = "0"
) -> Response:
    """The talks that changed last, or those in which something is said."""
    room = storeroom_of(request)
    most, first = number("limit", limit, MOST_LISTED), number("offset", offset)
    found = await room.ask(lambda store: store.talks(most, search, offset=first))
    return telling.Told({"talks": [telling.listed(each) for each in found]})


@ROUTES.get("/{talk}", openapi_extra=documented(None, TalkTold))
async def read(request: Request, talk: str, light: str = "0") -> Response:
    """One talk; with light=1, turns without their direction and without how they came about."""
    room, id = storeroom_of(request), talk_id(talk)
    lightly = number("light", light, 1) == 1
    told = await room.ask(lambda store: telling.talk(store, id, light=lightly))
    return telling.Told({**told, "generations": generations_of(request).of(id)})


@ROUTES.patch("/{talk}", openapi_extra=documented(TalkChanged, TalkTold, errors=(409,)))
async def change(request: Request, talk: str) -> Response:
    """Another direction, title or agent from now on."""
    house, room, id = house_of(request), storeroom_of(request), talk_id(talk)
    asked = taken(TalkChanged, await reading.table(request, house.settings))
    served = None if asked.agent is None else playing(house, asked.agent)

    def changed(store: Store) -> dict[str, Any]:
        if asked.version not in (None, store.version(id)):
            raise Conflict(f"the talk {id} changed since version {asked.version}: read it again")
        if asked.scene is not None:
            now = directing.over(store.header(id), asked.scene, "scene")
            store.direct(id, now, version=asked.version)
        if asked.title is not None:
            store.retitle(id, asked.title)
        if served is not None:
            store.assign(id, served.name, served.agent_file)
        return telling.talk(store, id, light=True)

    told = await room.ask(changed)
    told["generations"] = generations_of(request).of(id)
    return telling.Told(told, headers=warning(asked))


@ROUTES.delete("/{talk}", status_code=204, openapi_extra=documented(errors=(400,)))
async def hide(request: Request, talk: str) -> Response:
    """The talk is out of sight; nothing of it is lost."""
    room, id = storeroom_of(request), talk_id(talk)
    await room.ask(lambda store: store.hide_talk(id))
    return Response(status_code=204)


@ROUTES.post("/{talk}/restore", openapi_extra=documented(None, TalkTold))
async def restore(request: Request, talk: str) -> Response:
    """A hidden talk is listed again."""
    room, id = storeroom_of(request), talk_id(talk)

    def restored(store: Store) -> dict[str, Any]:
        store.show_talk(id)
        return telling.talk(store, id, light=True)

    told = await room.ask(restored)
    return telling.Told({**told, "generations": generations_of(request).of(id)})


def talk_id(text: str) -> TalkId:
    """An id as the address has it; raises Refusal for what can be none."""
    if not TALK.fullmatch(text):
        raise Refusal(404, "no talk has such an id: list them at /tertulia/talks", code="not_found")
    return TalkId(text)


def number(name: str, text: str, most: int = 10**DIGITS - 1) -> int:
    """A whole number of the query; raises Refusal naming it."""
    if not (text.isascii() and text.isdecimal() and len(text) <= DIGITS and int(text) <= most):
        raise invalid(f"{name} must be a whole number from 0 to {most}", name, "invalid_value")
    return int(text)
