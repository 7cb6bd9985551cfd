"""POST /v1/responses: the agent's next turn, of a talk that the server may keep.

A stored response is a turn of a talk: `previous_response_id` goes on from it, and a second one from
the same place is another branch. Without a store nothing is kept, and the answer says so.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tertulia.agent import Reply
from tertulia.config import shown
from tertulia.conversation import Conversation
from tertulia.server import (
    answers,
    reading,
    responses_answers,
    responses_input,
    responses_kept,
    sse,
)
from tertulia.server.asked import Way, way
from tertulia.server.documented import documented
from tertulia.server.refusals import Refusal, invalid, refusal_of
from tertulia.server.responses_answered import InputItems, ResponseDeleted, ResponseTold
from tertulia.server.responses_answers import NAMELESS, Naming
from tertulia.server.responses_events import Events
from tertulia.server.responses_input import Input
from tertulia.server.responses_kept import Before, Kept
from tertulia.server.responses_shapes import ResponseAsked
from tertulia.server.runner import Job
from tertulia.server.served import House, Served, client_of, house_of
from tertulia.server.shapes import shaped, warning
from tertulia.server.speaking import Begun, Rendered, Speak, Spelled
from tertulia.server.storeroom import Storeroom
from tertulia.store import Store

ROUTES = APIRouter()
LAST = {"completed": "response.completed", "incomplete": "response.incomplete"}
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One request on its way to its answer.

    before        the stored talk that it goes on with
    heard         what it adds to the talk
    header        the talk's names and direction, as they stay
    conversation  the same with this response's instructions and every turn
    stores        the response is to be kept
    kept          where the reply will stand in the store, once it is sure to be made
    begun         the response before anything of it is made, from then on
    """

    asked: ResponseAsked
    served: Served
    way: Way
    before: Before | None
    heard: Input
    header: Conversation
    conversation: Conversation
    stores: bool
    kept: Kept | None = None
    naming: Naming = NAMELESS
    begun: Mapping[str, Any] = field(default_factory=dict)


@ROUTES.post("/v1/responses", openapi_extra=documented(ResponseAsked, ResponseTold, streams=True))
async def responses(request: Request) -> Response:
    """The next turn of the agent, as a response object or as OpenAI's events."""
    house, room = house_of(request), request.app.state.storeroom
    asked = shaped(ResponseAsked, await reading.table(request, house.settings))
    house.open_to_work()
    asking = await prepared(asked, house, room)
    job = asking.served.runner.submit(wanted(asking), client_of(request))
    telling = told(asking, job, room)
    if asked.stream:
        return await streamed(request, house, asking, job, telling)
    try:
        last: dict[str, Any] = await sse.unless_gone(request, ended(telling))
    finally:
        asking.served.runner.cancel(job)
    return JSONResponse(last["response"], headers=warning(asked))


@ROUTES.get("/v1/responses/{id}", openapi_extra=documented(answer=ResponseTold))
async def one_response(request: Request, id: str) -> Response:
    """A response that is kept."""
    turn = await kept(request, partial(responses_kept.found, id=id))
    return JSONResponse((turn.reply or {})[responses_kept.RESPONSE])


@ROUTES.delete("/v1/responses/{id}", openapi_extra=documented(answer=ResponseDeleted))
async def delete_response(request: Request, id: str) -> Response:
    """Take a response, and all that followed it, out of sight; nothing in a store is destroyed."""

    def hide(store: Store) -> None:
        store.hide(responses_kept.found(store, id).id)

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
    turn = await kept(request, partial(responses_kept.found, id=id))
    items = (turn.reply or {})[responses_kept.INPUT]
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


async def prepared(asked: ResponseAsked, house: House, room: Storeroom | None) -> Asking:
    """What is asked, of whom, after what; raises Refusal for what cannot be done."""
    served = house.find(asked.model)
    made = way(served.agent, asked)
    stored = storing(asked, room)
    before = await earlier(asked, room)
    header = responses_input.header(before.header if before else None, asked.direction)
    heard = responses_input.heard(asked, header)
    plan, header = header.plan, responses_input.instructed(header, *heard.told)
    turns = (*(before.turns if before else ()), *heard.turns)
    given = responses_input.instructed(header, asked.instructions or "").planned(plan)
    return Asking(
        asked=asked,
        served=served,
        way=made,
        before=before,
        heard=heard,
        header=header,
        conversation=replace(given, turns=turns),
        stores=stored,
    )


async def placed(asking: Asking, room: Storeroom | None) -> Asking:
    """The same with its ids; what was said is on the disk before any of its answer is told."""
    place: Kept | None = None
    if asking.stores and room is not None:
        place = await room.ask(
            lambda store: responses_kept.keep_input(
                store, asking.before, asking.header, asking.heard.turns, asking.served
            )
        )
    naming = Naming(response=responses_kept.new_id(place.parent if place else None))
    talk = place.talk if place else None
    begun = responses_answers.begun(asking.asked, asking.served.name, asking.way, naming, talk)
    return replace(asking, kept=place, naming=naming, begun=begun)


def storing(asked: ResponseAsked, room: Storeroom | None) -> bool:
    """Whether the response is to be kept; raises Refusal where it cannot be."""
    cure = "this server keeps no talks: start it with --store, or leave {} out"
    if room is None:
        for field in ("previous_response_id", "conversation", "store"):
            if getattr(asked, field):
                raise invalid(cure.format(field), field, "no_store")
    if asked.previous_response_id and asked.conversation:
        raise invalid(
            "conversation and previous_response_id both say where the talk goes on: give one",
            "conversation",
        )
    return room is not None and asked.store is not False


async def earlier(asked: ResponseAsked, room: Storeroom | None) -> Before | None:
    """The stored talk that is gone on with."""
    if room is None:
        return None
    if asked.previous_response_id:
        id = asked.previous_response_id
        return await room.ask(partial(responses_kept.after_response, id=id))
    if asked.talk:
        return await room.ask(partial(responses_kept.after_talk, id=asked.talk))
    return None


def wanted(asking: Asking) -> Speak:
    """What the engine is asked for."""
    way = asking.way
    return Speak(
        conversation=asking.conversation,
        decoding=way.agent.decoding,
        rankers=way.rankers,
        pieces=way.live and bool(asking.asked.stream),
        numbered=way.live,
        spelled=asking.asked.tells_logprobs,
    )


async def told(asking: Asking, job: Job, room: Storeroom | None) -> AsyncIterator[dict[str, Any]]:
    """The events of a response; the last holds it whole.

    An error before the first is raised, and then nothing is kept.
    """
    events = Events(way=asking.way, given=asking.conversation)
    spelled = Spelled(())
    try:
        async for event in job.events():
            if isinstance(event, Rendered):
                check_cut(asking, event)
            if isinstance(event, Begun):
                asking = await placed(asking, room)
                events.naming, events.begun = asking.naming, asking.begun
            if isinstance(event, Spelled):
                spelled = event
            for each in events.told(event):
                yield each
            if isinstance(event, Reply):
                logprobs = probable(asking, event, spelled)
                for each in events.closing(event, logprobs):
                    yield each
                whole = await finished(asking, event, logprobs, room)
                yield events.event(LAST[whole["status"]], response=whole)
    except Exception as error:  # noqa: BLE001 - told in the stream once it has begun
        if not asking.begun or not asking.asked.stream:
            raise of_the_input(refusal_of(error)) from error
        refused = refusal_of(error)
        failed = {"code": "server_error", "message": refused.message}
        response = {**asking.begun, "status": "failed", "error": failed}
        yield events.event("response.failed", response=response)


def check_cut(asking: Asking, rendered: Rendered) -> None:
    """Raises Refusal when turns do not fit and none may be left out."""
    if rendered.dropped and asking.asked.truncation == "disabled":
        raise invalid(
            f"{len(rendered.dropped)} turns do not fit the context window of "
            f'{rendered.context_window} tokens, and truncation is "disabled": set it to "auto"',
            "input",
            "context_length_exceeded",
        )


def of_the_input(refused: Refusal) -> Refusal:
    """The same refusal, where it names a field that only chat requests have."""
    if refused.param == "messages":
        refused.param = "input"
    return refused


def probable(asking: Asking, reply: Reply, spelled: Spelled) -> list[dict[str, Any]]:
    """The tokens of what is said with their probabilities, where they are wanted."""
    if not asking.asked.tells_logprobs:
        return []
    content: list[dict[str, Any]]
    content = answers.chat_logprobs(reply.completion, spelled.tokens[0])["content"]
    return [{**each, "bytes": each["bytes"] or []} for each in content]


async def finished(
    asking: Asking, reply: Reply, logprobs: list[dict[str, Any]], room: Storeroom | None
) -> dict[str, Any]:
    """The whole response, kept where it is to be."""
    place, way = asking.kept, asking.way
    output = responses_answers.output(asking.naming, reply, way, asking.conversation, logprobs)
    talk = place.talk if place else None
    whole = responses_answers.finished(asking.begun, reply, way, output, talk)
    if place is not None and room is not None:
        record = {responses_kept.RESPONSE: whole, responses_kept.INPUT: list(asking.heard.items)}
        await room.ask(
            lambda store: responses_kept.keep_reply(
                store, place, asking.served, way, asking.conversation, asking.header, reply, record
            )
        )
    return whole


async def ended(telling: AsyncIterator[dict[str, Any]]) -> dict[str, Any]:
    """The last of some events."""
    last: dict[str, Any] = {}
    async for each in telling:
        last = each
    return last


async def streamed(
    request: Request,
    house: House,
    asking: Asking,
    job: Job,
    telling: AsyncIterator[dict[str, Any]],
) -> Response:
    """The events as they come; nothing is sent before an error could have its own status."""
    runner = asking.served.runner
    try:
        first = await sse.unless_gone(request, anext(telling))
    except BaseException:
        runner.cancel(job)
        raise
    return sse.Stream(
        framed(sse.after(first, telling)),
        lambda: runner.cancel(job),
        house.settings.ping_seconds,
        warning(asking.asked),
    )


async def framed(telling: AsyncIterator[dict[str, Any]]) -> AsyncGenerator[str, None]:
    async for each in telling:
        yield f"event: {each['type']}\n{sse.frame(each)}"
