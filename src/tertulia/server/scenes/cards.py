"""POST /tertulia/cards: a character of another program becomes a scene that is posted here."""

import asyncio
from dataclasses import replace

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tertulia import cards
from tertulia.conversation import Conversation
from tertulia.errors import CardError
from tertulia.server.description.documented import documented
from tertulia.server.doors import reading
from tertulia.server.doors.answering import Answer
from tertulia.server.doors.refusals import invalid
from tertulia.server.scenes.scenes import kept_scene, told
from tertulia.server.scenes.shapes import CardTold
from tertulia.server.served import house_of

ROUTES = APIRouter(prefix="/tertulia/cards")
ANY_FILE = {"content": {"application/octet-stream": {"schema": {"format": "binary"}}}}
MAX_NAME = 256
MOST_GREETINGS = 5_000


@ROUTES.post(
    "",
    status_code=201,
    openapi_extra={
        **documented(None, CardTold, status=201, errors=(408, 413, 429, 503)),
        "requestBody": {"required": True, **ANY_FILE},
    },
)
async def post(
    request: Request, user: str = "User", greeting: str = "0", seed: str = "0"
) -> Response:
    """A PNG, JSON or CHARX file; `user` plays the other side, `greeting` begins the talk."""
    if not 0 < len(user) <= MAX_NAME:
        raise invalid(f"user must be a name of 1 to {MAX_NAME} letters", "user", "invalid_value")
    place = reading.number("greeting", greeting, MOST_GREETINGS)
    chance = reading.number("seed", seed)
    settings = replace(house_of(request).settings, body_bytes=cards.MAX_BYTES)
    async with request.app.state.importing:
        content = await reading.body(request, settings)
        given, report = await asyncio.to_thread(cast, content, user, place, chance)
    kept = await kept_scene(request, given, given.agent)
    shown = told(kept, True)
    body = {"scene_id": kept.id, "scene": shown["scene"], "report": report.table()}
    return Answer(body, 201)


def cast(content: bytes, user: str, greeting: int, seed: int) -> tuple[Conversation, cards.Report]:
    """The scene of a card's file; raises Refusal for a file that is none."""
    try:
        card = cards.read(content, "the file")
        return cards.scene(card, user=user, greeting=greeting, seed=seed)
    except CardError as error:
        raise invalid(str(error), code="invalid_file") from None
