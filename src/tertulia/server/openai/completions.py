"""POST /v1/completions: the model goes on from a text, without a format around it.

For base models and for measuring. The text is only text: no name in it becomes a control token. No
planner, no ranker; what ends a reply of the agent's format ends the completion.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tertulia.agent import Agent
from tertulia.engines import Completion, Finished, Piece
from tertulia.server.description.documented import documented
from tertulia.server.doors import reading, sse
from tertulia.server.doors.shapes import warning
from tertulia.server.making.asked import shaped
from tertulia.server.making.speaking import Spelled, Write
from tertulia.server.making.way import way
from tertulia.server.openai import answers
from tertulia.server.openai.answered import TextCompletion
from tertulia.server.openai.shapes import TextAsked
from tertulia.server.queue.runner import Job
from tertulia.server.served import House, Served, client_of, house_of

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


@dataclass(frozen=True, slots=True)
class Made:
    """A completion, and the texts of its tokens where they were asked for and are told."""

    completion: Completion
    spelled: Spelled


@ROUTES.post("/v1/completions", openapi_extra=documented(TextAsked, TextCompletion, streams=True))
async def completions(request: Request) -> Response:
    """What follows a text, whole or as server-sent events."""
    house = house_of(request)
    text = read(shaped(TextAsked, await reading.table(request, house.settings)), house)
    work = Write(
        texts=text.prompts,
        decoding=text.agent.decoding,
        pieces=bool(text.asked.stream),
        spelled=text.asked.logprobs is not None,
    )
    job = text.served.runner.submit(work, client_of(request))
    messages = told(text, job)
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


async def told(text: Text, job: Job) -> AsyncIterator[Mapping[str, Any]]:
    """The chunks of a stream; otherwise the one object of the answer."""
    finished: dict[int, Made] = {}
    spelled = Spelled(())
    usage = {"usage": None} if text.asked.tells_usage else {}
    async for event in job.events():
        if isinstance(event, Spelled):
            spelled = event
        if not isinstance(event, Piece | Finished):
            continue
        index = text.index(event)
        if isinstance(event, Finished):
            finished[index] = Made(event.completion, spelled)
        if text.asked.stream:
            added = choice(text, index, event, spelled)
            yield {**text.envelope, "choices": [added], **usage}
    made = [finished[index] for index in sorted(finished)]
    if not text.asked.stream:
        yield {
            **text.envelope,
            "choices": [whole(text, index, each) for index, each in enumerate(made)],
            "usage": counted(text, made),
        }
    elif text.asked.tells_usage:
        yield {**text.envelope, "choices": [], "usage": counted(text, made)}


def choice(text: Text, index: int, event: Piece | Finished, spelled: Spelled) -> dict[str, Any]:
    """What an event adds to a choice."""
    if isinstance(event, Finished):
        return {**whole(text, index, Made(event.completion, spelled)), "text": ""}
    return {"index": index, "text": event.text, "logprobs": None, "finish_reason": None}


def whole(text: Text, index: int, made: Made) -> dict[str, Any]:
    """A choice."""
    done = made.completion
    # OpenAI's 0 asks for the drawn token's probability alone, which is all that is known.
    wanted = text.asked.logprobs is not None
    return {
        "index": index,
        "text": done.text,
        "logprobs": answers.text_logprobs(done, made.spelled.tokens[0]) if wanted else None,
        "finish_reason": done.finish,
    }


def counted(text: Text, made: Sequence[Made]) -> dict[str, Any]:
    """The usage over all prompts."""
    n = text.asked.choices
    return answers.summed(
        answers.usage([each.completion for each in made[at : at + n]])
        for at in range(0, len(made), n)
    )
