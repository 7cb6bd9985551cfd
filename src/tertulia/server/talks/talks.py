"""Kept talks over HTTP: begun, listed, read, changed and hidden. A talk is a tree of turns."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tertulia.conversation import Conversation
from tertulia.errors import Conflict
from tertulia.server.description.documented import documented
from tertulia.server.doors import reading
from tertulia.server.doors.answering import Answer
from tertulia.server.doors.refusals import invalid
from tertulia.server.doors.shapes import taken, warning
from tertulia.server.playing import playing
from tertulia.server.scenes import directing
from tertulia.server.scenes.scenes import found
from tertulia.server.served import house_of
from tertulia.server.storeroom import storeroom_of
from tertulia.server.talks import telling
from tertulia.server.talks.answered import TalksTold, TalkTold
from tertulia.server.talks.finding import talk_id
from tertulia.server.talks.generations import generations_of
from tertulia.server.talks.shapes import TalkAsked, TalkChanged
from tertulia.store import Store

ROUTES = APIRouter(prefix="/tertulia/talks")
MOST_LISTED = 500


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
    return Answer({**told, "generations": []}, 201, headers=warning(asked))


@ROUTES.get("", openapi_extra=documented(None, TalksTold))
async def talks(
    request: Request, search: str = "", limit: str = "20", offset: str = "0"
) -> Response:
    """The talks that changed last, or those in which something is said."""
    room = storeroom_of(request)
    most, first = reading.number("limit", limit, MOST_LISTED), reading.number("offset", offset)
    found = await room.ask(lambda store: store.talks(most, search, offset=first))
    return Answer({"talks": [telling.listed(each) for each in found]})


@ROUTES.get("/{talk}", openapi_extra=documented(None, TalkTold))
async def read(request: Request, talk: str, light: str = "0", hidden: str = "0") -> Response:
    """One talk; with light=1, turns without their direction and without how they came about.

    With hidden=1, turns that were deleted are there, too, and so is what follows them.
    """
    room, id = storeroom_of(request), talk_id(talk)
    lightly = reading.number("light", light, 1) == 1
    deleted = reading.number("hidden", hidden, 1) == 1
    told = await room.ask(lambda store: telling.talk(store, id, light=lightly, hidden=deleted))
    return Answer({**told, "generations": generations_of(request).of(id)})


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
    return Answer(told, headers=warning(asked))


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
    return Answer({**told, "generations": generations_of(request).of(id)})
