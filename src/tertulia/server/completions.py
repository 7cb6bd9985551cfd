"""POST /v1/completions: the model goes on from a text, without a format around it.

For base models and for measuring. The text is only text: no name in it becomes a control token. No
planner, no ranker; what ends a reply of the agent's format ends the completion.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tertulia.agent import Agent
from tertulia.engines import Completion, Finished, Piece
from tertulia.prompt import Prompt
from tertulia.server import answers, reading, sse
from tertulia.server.answered import TextCompletion
from tertulia.server.asked import way
from tertulia.server.documented import documented
from tertulia.server.runner import Job
from tertulia.server.served import House, Served, house_of
from tertulia.server.shapes import TextAsked, shaped, warning
from tertulia.server.speaking import Written, written

ROUTES = APIRouter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One request on its way to its answer; choices are counted over all its prompts."""

    asked: TextAsked
    served: Served
    agent: Agent
    prompts: tuple[str, ...]
    envelope: Mapping[str, Any]

    def index(self, event: Piece | Finished) -> int:
        return event.prompt * self.asked.choices + event.candidate


@ROUTES.post("/v1/completions", openapi_extra=documented(TextAsked, TextCompletion, streams=True))
async def completions(request: Request) -> Response:
    """What follows a text, whole or as server-sent events."""
    house = house_of(request)
    text = read(shaped(TextAsked, await reading.table(request, house.settings)), house)
    job: Job[Written] = text.served.runner.submit(
        partial(written, text.agent, text.prompts, pieces=bool(text.asked.stream))
    )
    messages = told(house, text, job)
    try:
        first = await sse.unless_gone(request, anext(messages))
    except BaseException:
        text.served.runner.cancel(job)
        raise
    if not text.asked.stream:
        return JSONResponse(first, headers=warning(text.asked))
    return sse.Events(
        sse.after(first, messages),
        lambda: text.served.runner.cancel(job),
        house.settings.ping_seconds,
        warning(text.asked),
    )


def read(asked: TextAsked, house: House) -> Text:
    """What is asked, of whom; raises Refusal for what cannot be done."""
    house.open_to_work()
    served = house.find(asked.model)
    # As many candidates as choices, however many the agent makes to rank them.
    decoding = replace(served.agent.decoding, candidates=1)
    plain = replace(served.agent, decoding=decoding, rankers=())
    return Text(
        asked=asked,
        served=served,
        agent=way(plain, asked).agent,
        prompts=(asked.prompt,) if isinstance(asked.prompt, str) else tuple(asked.prompt),
        envelope=answers.envelope("text_completion", "cmpl", served.name),
    )


async def told(house: House, text: Text, job: Job[Written]) -> AsyncIterator[Mapping[str, Any]]:
    """The chunks of a stream; otherwise the one object of the answer."""
    finished: dict[int, Completion] = {}
    usage = {"usage": None} if text.asked.tells_usage else {}
    async for event in job.events():
        if isinstance(event, Prompt):
            house.metrics.first_token.labels(text.served.name).observe(job.seconds)
            continue
        index = text.index(event)
        if isinstance(event, Finished):
            finished[index] = event.completion
        if text.asked.stream:
            yield {**text.envelope, "choices": [choice(text, index, event)], **usage}
    made = [finished[index] for index in sorted(finished)]
    house.metrics.finished(text.served.name, job.seconds, made)
    if not text.asked.stream:
        yield {
            **text.envelope,
            "choices": [whole(text, index, each) for index, each in enumerate(made)],
            "usage": counted(text, made),
        }
    elif text.asked.tells_usage:
        yield {**text.envelope, "choices": [], "usage": counted(text, made)}


def choice(text: Text, index: int, event: Piece | Finished) -> dict[str, Any]:
    """What an event adds to a choice."""
    if isinstance(event, Finished):
        return {**whole(text, index, event.completion), "text": ""}
    return {"index": index, "text": event.text, "logprobs": None, "finish_reason": None}


def whole(text: Text, index: int, made: Completion) -> dict[str, Any]:
    """A choice."""
    engine = text.served.agent.engine
    # OpenAI's 0 asks for the drawn token's probability alone, which is all that is known.
    wanted = text.asked.logprobs is not None
    return {
        "index": index,
        "text": made.text,
        "logprobs": answers.text_logprobs(made, engine) if wanted else None,
        "finish_reason": made.finish,
    }


def counted(text: Text, made: Sequence[Completion]) -> dict[str, Any]:
    """The usage over all prompts."""
    n = text.asked.choices
    return answers.summed(answers.usage(made[at : at + n]) for at in range(0, len(made), n))
