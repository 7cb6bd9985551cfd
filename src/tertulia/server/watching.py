"""Replies on their way over HTTP: how one stands, all it told as a stream, and its end."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tertulia.server import sse, telling
from tertulia.server.documented import documented
from tertulia.server.generations import generations_of
from tertulia.server.refusals import invalid
from tertulia.server.served import house_of
from tertulia.server.talk_answers import GenerationTold, StateTold

ROUTES = APIRouter(prefix="/tertulia/generations")
NAMES = ("state", "plan", "prompt", "piece", "reply", "error", "end")
EVENT = {
    "type": "object",
    "description": "One event; its data is a JSON object",
    "properties": {
        "id": {"type": "string"},
        "event": {"enum": list(NAMES)},
        "data": {"type": "string"},
    },
    "required": ["id", "event", "data"],
}
EVENTS = {
    "responses": {
        "200": {
            "description": "Events, from the first, or after the one that Last-Event-ID names",
            "content": {"text/event-stream": {"schema": EVENT}},
        },
        "204": {"description": "The client has all events already"},
    },
    "x-errors": [400],
}


@ROUTES.get("/{generation}", openapi_extra=documented(None, GenerationTold))
async def read(request: Request, generation: str) -> Response:
    """How a reply stands."""
    return telling.Told(generations_of(request).find(generation).told())


@ROUTES.get("/{generation}/events", openapi_extra=EVENTS)
async def events(request: Request, generation: str) -> Response:
    """All that a reply told and will tell; leaving does not stop it."""
    found, told = generations_of(request).find(generation), after(request)
    if found.ended is not None and told >= len(found.log):
        # To a browser's EventSource, which comes back after every end, this says: no more.
        return Response(status_code=204)
    frames = found.frames(told)
    return sse.Stream(frames, stay, house_of(request).settings.ping_seconds, {})


@ROUTES.post("/{generation}/stop", openapi_extra=documented(None, StateTold))
async def stop(request: Request, generation: str) -> Response:
    """The reply ends here; what was said so far is kept as a turn."""
    found = generations_of(request).find(generation)
    await found.stop()
    return telling.Told({"state": found.state})


def after(request: Request) -> int:
    """How many events a client has already; raises Refusal for what is no number."""
    given = request.headers.get("last-event-id", "0")
    if not (given.isascii() and given.isdecimal() and len(given) < 10):
        raise invalid("Last-Event-ID must be the id of an event: leave it out", "Last-Event-ID")
    return int(given)


def stay() -> None:
    """A reply goes on when nobody listens any more."""
