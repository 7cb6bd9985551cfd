"""A response as it is told: its events while it is made, and the whole of it, which is kept."""

from collections.abc import AsyncIterator
from typing import Any

from tertulia.agent import Reply
from tertulia.server.doors.refusals import Refusal, invalid, refusal_of
from tertulia.server.making.speaking import Begun, Rendered, Spelled
from tertulia.server.openai import answers
from tertulia.server.queue.runner import Job
from tertulia.server.responses import keeping, objects
from tertulia.server.responses.asking import Asking, placed
from tertulia.server.responses.events import Events
from tertulia.server.storeroom import Storeroom

LAST = {"completed": "response.completed", "incomplete": "response.incomplete"}


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
    output = objects.output(asking.naming, reply, way, asking.conversation, logprobs)
    talk = place.talk if place else None
    whole = objects.finished(asking.begun, reply, way, output, talk)
    if place is not None and room is not None:
        record = {keeping.RESPONSE: whole, keeping.INPUT: list(asking.heard.items)}
        await room.ask(
            lambda store: keeping.keep_reply(
                store, place, asking.served, way, asking.conversation, asking.header, reply, record
            )
        )
    return whole
