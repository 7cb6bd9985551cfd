"""Scenes that talks begin with: posted once and named by id afterwards, and those that come along.

Posted scenes are in the store; a server without one remembers a few until it ends.
"""

import secrets
from collections.abc import Mapping
from functools import cache
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tertulia import scene
from tertulia.conversation import Conversation, Turn
from tertulia.server.description.documented import documented
from tertulia.server.doors import reading
from tertulia.server.doors.answering import Answer, written
from tertulia.server.doors.refusals import Refusal, invalid
from tertulia.server.doors.shapes import taken, warning
from tertulia.server.scenes import directing
from tertulia.server.scenes.shapes import SceneAsked, ScenesTold, SceneTold
from tertulia.server.served import house_of
from tertulia.server.storeroom import Storeroom
from tertulia.store import PostedScene

ROUTES = APIRouter(prefix="/tertulia/scenes")
REMEMBERED_BYTES = 16 * 1024 * 1024
REMEMBERED = 256


class Remembered:
    """The posted scenes of a server without a store, in its memory."""

    def __init__(self) -> None:
        self.scenes: dict[str, PostedScene] = {}
        self.sizes: dict[str, int] = {}

    def post(self, conversation: Conversation, title: str) -> str:
        """Its id; raises Refusal when there is no room for it."""
        size = len(written(scene.table(conversation)))
        full = len(self.scenes) >= REMEMBERED
        if full or sum(self.sizes.values()) + size > REMEMBERED_BYTES:
            raise Refusal(
                429,
                "this server keeps no more scenes in its memory: delete one, or start it with "
                "--store",
                kind="overloaded_error",
                code="too_many_scenes",
            )
        id = secrets.token_hex(8)
        self.scenes[id] = PostedScene(id=id, title=title, conversation=conversation)
        self.sizes[id] = size
        return id

    def unpost(self, id: str) -> None:
        del self.scenes[id], self.sizes[id]


@ROUTES.get("", openapi_extra=documented(None, ScenesTold))
async def scenes(request: Request) -> Response:
    """Every scene, the posted ones first."""
    listed = [told(each, True) for each in await posted(request)]
    listed += [told(each, False) for each in shipped().values()]
    return Answer({"scenes": listed})


@ROUTES.post("", status_code=201, openapi_extra=documented(SceneAsked, SceneTold, status=201))
async def post(request: Request) -> Response:
    """A scene to be talked to by its id."""
    asked = taken(SceneAsked, await reading.table(request, house_of(request).settings))
    kept = await kept_scene(request, directing.whole(asked.scene), asked.title)
    return Answer(told(kept, True), 201, headers=warning(asked))


@ROUTES.get("/{scene}", openapi_extra=documented(None, SceneTold))
async def one(request: Request, scene: str) -> Response:
    """One scene."""
    kept = await found(request, scene)
    return Answer(told(kept, kept.id not in shipped()))


@ROUTES.delete("/{scene}", status_code=204, openapi_extra=documented())
async def unpost(request: Request, scene: str) -> Response:
    """A posted scene is no longer listed; talks that began with it go on."""
    kept, room = await found(request, scene), room_of(request)
    if kept.id in shipped():
        raise Refusal(
            403,
            "this scene comes with Tertulia: only posted ones can be deleted",
            kind="permission_error",
            code="shipped_scene",
        )
    if room is None:
        remembered_by(request).unpost(kept.id)
    else:
        await room.ask(lambda store: store.unpost(kept.id))
    return Response(status_code=204)


async def kept_scene(request: Request, given: Conversation, title: str) -> PostedScene:
    """A scene as it is posted now; raises Refusal when there is no room for it."""
    room = room_of(request)
    if room is None:
        id = remembered_by(request).post(given, title)
    else:
        id = await room.ask(lambda store: store.post(given, title))
    return PostedScene(id=id, title=title, conversation=given)


async def opened(
    request: Request, direction: Mapping[str, Any]
) -> tuple[Mapping[str, Any], tuple[Turn, ...]]:
    """(a direction with the fields of the scene it names below its own, the scene's turns)."""
    if direction.get("scene_id") is None:
        return {key: each for key, each in direction.items() if key != "scene_id"}, ()
    if not isinstance(direction["scene_id"], str):
        raise invalid("direction.scene_id must be a string", "direction.scene_id", "invalid_value")
    talk = (await found(request, direction["scene_id"])).conversation
    own = {key: each for key, each in direction.items() if key != "scene_id"}
    return {**directing.header(talk), **own}, talk.turns


async def found(request: Request, id: str) -> PostedScene:
    """The scene of that id; raises Refusal, a 404."""
    for each in await posted(request):
        if each.id == id:
            return each
    if id in shipped():
        return shipped()[id]
    raise Refusal(
        404,
        "no scene has this id: list them at /tertulia/scenes, or post it again",
        param="scene_id",
        code="not_found",
    )


async def posted(request: Request) -> tuple[PostedScene, ...]:
    room = room_of(request)
    if room is None:
        return tuple(remembered_by(request).scenes.values())
    return await room.ask(lambda store: store.posted())


@cache
def shipped() -> dict[str, PostedScene]:
    """The scenes that come with Tertulia, by name."""
    return {
        name: PostedScene(
            id=name, title=name.replace("_", " ").capitalize(), conversation=scene.load(file)
        )
        for name, file in scene.shipped().items()
    }


def told(kept: PostedScene, is_posted: bool) -> dict[str, Any]:
    table = scene.table(kept.conversation)
    return {"id": kept.id, "title": kept.title, "posted": is_posted, "scene": table}


def room_of(request: Request) -> Storeroom | None:
    room: Storeroom | None = request.app.state.storeroom
    return room


def remembered_by(request: Request) -> Remembered:
    remembered: Remembered = request.app.state.remembered
    return remembered
