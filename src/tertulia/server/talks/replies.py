"""The next turn of a kept talk, by one agent or several: asked for, watched on its way, stopped."""

from collections.abc import Callable

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tertulia.server.description.documented import documented
from tertulia.server.doors import reading, sse
from tertulia.server.doors.answering import Answer
from tertulia.server.doors.refusals import invalid
from tertulia.server.doors.shapes import taken, warning
from tertulia.server.queue.runner import Job
from tertulia.server.served import client_of, house_of
from tertulia.server.storeroom import Storeroom, storeroom_of
from tertulia.server.talks.answered import GenerationsBegun, GenerationTold, StateTold
from tertulia.server.talks.finding import talk_id
from tertulia.server.talks.generations import Generation, generations_of
from tertulia.server.talks.keeping import InStore, Keeping, Nowhere, drafted
from tertulia.server.talks.ordering import Order, asked_of, order, placed
from tertulia.server.talks.shapes import ReplyAsked
from tertulia.store import Store

ROUTES = APIRouter(prefix="/tertulia")
BEGUN = documented(ReplyAsked, GenerationsBegun, status=202, errors=(409,))
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


@ROUTES.post("/talks/{talk}/replies", status_code=202, openapi_extra=BEGUN)
async def replies(request: Request, talk: str) -> Response:
    """A reply on its way for each agent; /tertulia/generations tells what becomes of it."""
    house, room, id = house_of(request), storeroom_of(request), talk_id(talk)
    asked = taken(ReplyAsked, await reading.table(request, house.settings))
    house.open_to_work()
    given = "parent" in asked.model_fields_set
    where = await room.ask(placed(id, asked.parent, given=given, go_on=asked.go_on))
    orders = [order(id, asked, where, served) for served in asked_of(house, asked, where)]
    under_way = await begun(room, orders, asked.version, client_of(request))
    for each in under_way:
        generations_of(request).add(each)
    told = [
        {"id": g.id, "agent_name": g.order.served.name, "seed": g.order.decoding.seed}
        for g in under_way
    ]
    return Answer({"generations": told}, 202, headers=warning(asked))


@ROUTES.get("/generations/{generation}", openapi_extra=documented(None, GenerationTold))
async def read(request: Request, generation: str) -> Response:
    """How a reply stands."""
    return Answer(generations_of(request).find(generation).told())


@ROUTES.get("/generations/{generation}/events", openapi_extra=EVENTS)
async def events(request: Request, generation: str) -> Response:
    """All that a reply told and will tell; leaving does not stop it."""
    found, told = generations_of(request).find(generation), after(request)
    if found.ended is not None and told >= len(found.log):
        # To a browser's EventSource, which comes back after every end, this says: no more.
        return Response(status_code=204)
    frames = found.frames(told)
    return sse.Stream(frames, stay, house_of(request).settings.ping_seconds, {})


@ROUTES.post("/generations/{generation}/stop", openapi_extra=documented(None, StateTold))
async def stop(request: Request, generation: str) -> Response:
    """The reply ends here; what was said so far is kept as a turn."""
    found = generations_of(request).find(generation)
    await found.stop()
    return Answer({"state": found.state})


async def begun(
    room: Storeroom, orders: list[Order], version: int | None, client: str
) -> list[Generation]:
    """All of them on their way, or none: raises Refusal, NotKept or Conflict."""
    jobs: list[Job] = []
    try:
        for each in orders:
            jobs.append(each.served.runner.submit(each.work, client))
        kept = await room.ask(lambda store: [keeping(store, each, version) for each in orders])
    except BaseException:
        for each, job in zip(orders, jobs, strict=False):
            each.served.runner.cancel(job)
        raise
    return [
        Generation(order=each, job=job, keeping=place(room))
        for each, job, place in zip(orders, jobs, kept, strict=True)
    ]


def keeping(store: Store, order: Order, version: int | None) -> Callable[[Storeroom], Keeping]:
    """Where an order's reply goes; raises Conflict when the talk has another version."""
    if order.dry:
        return lambda room: Nowhere(order)
    draft = drafted(store, order, version)
    return lambda room: InStore(room, order, draft)


def after(request: Request) -> int:
    """How many events a client has already; raises Refusal for what is no number."""
    given = request.headers.get("last-event-id", "0")
    if not (given.isascii() and given.isdecimal() and len(given) < 10):
        raise invalid("Last-Event-ID must be the id of an event: leave it out", "Last-Event-ID")
    return int(given)


def stay() -> None:
    """A reply goes on when nobody listens any more."""
