"""/v1/responses: the agent's next turn, of a talk that the server may keep; and kept ones.

A stored response is a turn of a talk: `previous_response_id` goes on from it, and a second one from
the same place is another branch. Without a store nothing is kept, and the answer says so.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from functools import partial
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tertulia.config import shown
from tertulia.server.description.documented import documented
from tertulia.server.doors import reading, sse
from tertulia.server.doors.refusals import Refusal, invalid
from tertulia.server.doors.shapes import warning
from tertulia.server.making.asked import shaped
from tertulia.server.responses import keeping
from tertulia.server.responses.answered import InputItems, ResponseDeleted, ResponseTold
from tertulia.server.responses.asking import prepared, wanted
from tertulia.server.responses.shapes import ResponseAsked
from tertulia.server.responses.telling import Telling
from tertulia.server.served import client_of, house_of
from tertulia.server.storeroom import Storeroom
from tertulia.store import Store

ROUTES = APIRouter()
Result = TypeVar("Result")


@ROUTES.post("/v1/responses", openapi_extra=documented(ResponseAsked, ResponseTold, streams=True))
async def responses(request: Request) -> Response:
    """The next turn of the agent, as a response object or as OpenAI's events."""
    house, room = house_of(request), request.app.state.storeroom
    asked = shaped(ResponseAsked, await reading.table(request, house.settings))
    house.open_to_work()
    asking = await prepared(asked, house, room)
    job = asking.served.runner.submit(wanted(asking), client_of(request))
    telling = Telling(asking=asking, job=job, room=room)
    if asked.stream:
        return await streamed(request, telling, warning(asked))
    try:
        last = await sse.unless_gone(request, ended(telling.told()))
    finally:
        telling.leave()
    return JSONResponse(last["response"], headers=warning(asked))


async def streamed(request: Request, telling: Telling, headers: Mapping[str, str]) -> Response:
    """The events as they come; nothing is sent before an error could have its own status."""
    events = telling.told()
    try:
        first = await sse.unless_gone(request, anext(events))
    except BaseException:
        telling.leave()
        raise
    frames = framed(sse.after(first, events))
    return sse.Stream(frames, telling.leave, house_of(request).settings.ping_seconds, headers)


async def framed(events: AsyncIterator[dict[str, Any]]) -> AsyncGenerator[str, None]:
    async for each in events:
        yield f"event: {each['type']}\n{sse.frame(each)}"


async def ended(events: AsyncIterator[dict[str, Any]]) -> dict[str, Any]:
    """The last of some events."""
    last: dict[str, Any] = {}
    async for each in events:
        last = each
    return last


@ROUTES.get("/v1/responses/{id}", openapi_extra=documented(answer=ResponseTold))
async def one_response(request: Request, id: str) -> Response:
    """A response that is kept."""
    turn = await kept(request, partial(keeping.found, id=id))
    return JSONResponse((turn.reply or {})[keeping.RESPONSE])


@ROUTES.delete("/v1/responses/{id}", openapi_extra=documented(answer=ResponseDeleted))
async def delete_response(request: Request, id: str) -> Response:
    """Take a response, and all that followed it, out of sight; nothing in a store is destroyed."""

    def hide(store: Store) -> None:
        store.hide(keeping.found(store, id).id)

    await kept(request, hide)
    return JSONResponse({"id": id, "object": "response", "deleted": True})


@ROUTES.get("/v1/responses/{id}/input_items", openapi_extra=documented(answer=InputItems))
async def input_items(
    request: Request,
    id: str,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    order: Literal["asc", "desc"] = "desc",
    after: str = "",
) -> Response:
    """What a kept response was asked with: the items of its own request."""
    turn = await kept(request, partial(keeping.found, id=id))
    items = (turn.reply or {})[keeping.INPUT]
    ordered = items if order == "asc" else items[::-1]
    ids = [each["id"] for each in ordered]
    if after and after not in ids:
        raise invalid(f"after is {shown(after)}, which is no item here", "after", "invalid_value")
    begin = ids.index(after) + 1 if after else 0
    page = ordered[begin : begin + limit]
    return JSONResponse(
        {
            "object": "list",
            "data": page,
            "first_id": page[0]["id"] if page else None,
            "last_id": page[-1]["id"] if page else None,
            "has_more": begin + limit < len(ordered),
        }
    )


async def kept(request: Request, work: Callable[[Store], Result]) -> Result:
    """What some work with the store gives; raises Refusal where there is none."""
    room: Storeroom | None = request.app.state.storeroom
    if room is None:
        raise Refusal(
            404,
            "this server keeps no responses: start it with --store to have them kept",
            code="no_store",
        )
    return await room.ask(work)
