"""POST /v1/chat/completions: messages, directed, become the next turn of the agent."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tertulia.agent import Reply
from tertulia.conversation import Conversation, Plan
from tertulia.engines import Completion, Piece
from tertulia.prompt import Prompt
from tertulia.server.description.documented import documented
from tertulia.server.doors import reading, sse
from tertulia.server.doors.shapes import warning
from tertulia.server.making.asked import shaped
from tertulia.server.making.growing import Delta, Growing, heard
from tertulia.server.making.speaking import Begun, Rendered, Speak, Spelled, Told
from tertulia.server.making.way import Way, way
from tertulia.server.openai import answers, messages
from tertulia.server.openai.answered import ChatCompletion
from tertulia.server.openai.shapes import ChatAsked
from tertulia.server.queue.runner import Job, Said
from tertulia.server.scenes.scenes import opened
from tertulia.server.served import House, Served, client_of, house_of

ROUTES = APIRouter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One request on its way to its answer."""

    asked: ChatAsked
    served: Served
    way: Way
    conversation: Conversation
    envelope: Mapping[str, Any]


@ROUTES.post(
    "/v1/chat/completions", openapi_extra=documented(ChatAsked, ChatCompletion, streams=True)
)
async def chat_completions(request: Request) -> Response:
    """The next turn of the agent, whole or as server-sent events."""
    house = house_of(request)
    asked = shaped(ChatAsked, await reading.table(request, house.settings))
    direction, earlier = await opened(request, asked.direction or {})
    turn = read(asked, house, messages.conversation(asked.messages, direction, earlier))
    job = turn.served.runner.submit(wanted(turn), client_of(request))
    if turn.asked.stream:
        return await streamed(request, house, turn, job)
    try:
        said = await sse.unless_gone(request, job.said())
    finally:
        turn.served.runner.cancel(job)
    return JSONResponse(completion(turn, said), headers=warning(turn.asked))


def wanted(turn: Turn) -> Speak:
    """What the engine is asked for."""
    way = turn.way
    return Speak(
        conversation=turn.conversation,
        decoding=way.agent.decoding,
        rankers=way.rankers,
        pieces=way.live and bool(turn.asked.stream),
        numbered=way.live,
        spelled=bool(turn.asked.logprobs),
    )


def read(asked: ChatAsked, house: House, conversation: Conversation) -> Turn:
    """What is asked, of whom; raises Refusal for what cannot be done."""
    house.open_to_work()
    served = house.find(asked.model)
    kind = "chat.completion.chunk" if asked.stream else "chat.completion"
    return Turn(
        asked=asked,
        served=served,
        way=way(served.agent, asked),
        conversation=conversation,
        envelope=answers.envelope(kind, "chatcmpl", served.name),
    )


def completion(turn: Turn, said: Said) -> dict[str, Any]:
    """The `chat.completion` object."""
    reply = said.reply
    best = [each.completion for each in reply.candidates[: turn.way.choices]]
    return {
        **turn.envelope,
        "choices": [choice(turn, said, each, n) for n, each in enumerate(best)],
        "usage": answers.usage(best),
        "tertulia": answers.extension(reply, turn.way),
    }


def choice(turn: Turn, said: Said, each: Completion, index: int) -> dict[str, Any]:
    reply = said.reply
    parsed = heard(turn.way.agent.format, reply.prompt, each.text)
    thoughts = (answers.planners(reply.plan, turn.conversation.plan), parsed.plan.explanation)
    message: dict[str, Any] = {"role": "assistant", "content": parsed.text, "refusal": None}
    if any(thoughts):
        message["reasoning_content"] = "\n".join(each for each in thoughts if each)
    return {
        "index": index,
        "message": message,
        "logprobs": logprobs(turn, said.spelled, each, index),
        "finish_reason": each.finish,
    }


def logprobs(turn: Turn, spelled: Spelled, each: Completion, index: int) -> dict[str, Any] | None:
    if not turn.asked.logprobs:
        return None
    return answers.chat_logprobs(each, spelled.tokens[index])


async def streamed(request: Request, house: House, turn: Turn, job: Job) -> Response:
    """The events of a job as chunks.

    Nothing is sent before there is something of a reply: until then, an error has its own status.
    """
    chunks = Chunks(turn, job).messages()
    try:
        first = await sse.unless_gone(request, anext(chunks))
    except BaseException:
        turn.served.runner.cancel(job)
        raise
    return sse.Events(
        sse.after(first, chunks),
        lambda: turn.served.runner.cancel(job),
        house.settings.ping_seconds,
        warning(turn.asked),
    )


class Chunks:
    """The `chat.completion.chunk` objects of one request, in their order."""

    def __init__(self, turn: Turn, job: Job) -> None:
        self.turn, self.job = turn, job
        self.growing: list[Growing] = []
        self.prompt = Prompt(())
        self.spelled = Spelled(())
        self.planned = ""

    async def messages(self) -> AsyncIterator[Mapping[str, Any]]:
        async for event in self.job.events():
            for chunk in self.told(event):
                yield chunk

    def told(self, event: Told) -> Iterator[Mapping[str, Any]]:
        """The chunks that an event gives."""
        match event:
            case Plan():
                self.planned = answers.planners(event, self.turn.conversation.plan)
            case Rendered():
                self.prompt = event.prompt
            case Begun():
                yield from self.opening()
            case Piece():
                yield from self.grown(
                    event.candidate, self.growing[event.candidate].add(event.text)
                )
            case Spelled():
                self.spelled = event
            case Reply():
                yield from self.closing(event)

    def opening(self) -> Iterator[Mapping[str, Any]]:
        """The role of each choice, and what the planner thought."""
        made, format = range(self.turn.way.choices), self.turn.way.agent.format
        self.growing = [Growing(format, self.prompt) for _ in made]
        delta = {"role": "assistant", "content": ""}
        if self.planned:
            delta["reasoning_content"] = self.planned
        for n in made:
            yield self.chunk(n, delta)

    def grown(self, n: int, delta: Delta) -> Iterator[Mapping[str, Any]]:
        """What is new of a choice; what the model thinks follows the planner on a new line."""
        found: dict[str, str] = {}
        if delta.thought:
            first = self.growing[n].thought == delta.thought
            found["reasoning_content"] = "\n" * (first and bool(self.planned)) + delta.thought
        if delta.said:
            found["content"] = delta.said
        if found:
            yield self.chunk(n, found)

    def closing(self, reply: Reply) -> Iterator[Mapping[str, Any]]:
        """What is left of each choice, why it ended, and the usage where it is wanted."""
        turn = self.turn
        made = [each.completion for each in reply.candidates]
        best = made[: turn.way.choices]
        for n, each in enumerate(best):
            parsed = heard(turn.way.agent.format, reply.prompt, each.text)
            yield from self.grown(n, self.growing[n].end(parsed))
            told = logprobs(turn, self.spelled, each, n)
            end = self.chunk(n, {}, finish=each.finish, logprobs=told)
            if n == len(best) - 1:
                end["tertulia"] = answers.extension(reply, turn.way)
            yield end
        if turn.asked.tells_usage:
            counted = answers.usage(best)
            yield {**turn.envelope, "choices": [], "usage": counted}

    def chunk(
        self,
        index: int,
        delta: Mapping[str, Any],
        finish: str | None = None,
        logprobs: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        one = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        usage = {"usage": None} if self.turn.asked.tells_usage else {}
        return {**self.turn.envelope, "choices": [one], **usage}
