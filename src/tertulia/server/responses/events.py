"""A response as it is made, event by event, as OpenAI's clients gather them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tertulia.agent import Reply
from tertulia.conversation import Conversation, Plan
from tertulia.engines import Piece
from tertulia.prompt import Prompt
from tertulia.server.making.growing import Delta, Growing, heard
from tertulia.server.making.speaking import Begun, Rendered, Told
from tertulia.server.making.way import Way
from tertulia.server.openai import answers
from tertulia.server.responses import objects
from tertulia.server.responses.objects import NAMELESS, Naming

Event = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Events:
    """The events of one response, in their order; the last of all is the caller's.

    given     the talk that was asked about
    begun     the response before anything of it is made; set before `Begun` is told
    thinking  the text of the reasoning item while it is open; None before and after
    said      the text of the message while it is open; None before
    """

    way: Way
    given: Conversation
    begun: Mapping[str, Any] = field(default_factory=dict)
    naming: Naming = NAMELESS
    number: int = 0
    items: int = 0
    plan: Plan = Plan()
    planned: str = ""
    prompt: Prompt = field(default_factory=lambda: Prompt(()))
    growing: Growing | None = None
    thinking: str | None = None
    said: str | None = None

    def event(self, kind: str, **more: object) -> Event:
        """One event, numbered."""
        self.number += 1
        return {"type": kind, "sequence_number": self.number - 1, **more}

    def told(self, event: Told) -> Iterator[Event]:
        """The events that one of the engine's gives."""
        match event:
            case Plan():
                self.plan, self.planned = event, answers.planners(event, self.given.plan)
            case Rendered():
                self.prompt = event.prompt
            case Begun():
                yield from self.opening()
            case Piece() if self.growing is not None and event.candidate == 0:
                yield from self.grown(self.growing.add(event.text))

    @property
    def whole_thought(self) -> str:
        """What the planner and the model thought so far."""
        own = self.growing.thought if self.growing else ""
        return "\n".join(filter(None, (self.planned, own)))

    def opening(self) -> Iterator[Event]:
        """The response itself, and what the planner thought."""
        self.growing = Growing(self.way.agent.format, self.prompt)
        for kind in ("response.created", "response.in_progress"):
            yield self.event(kind, response=dict(self.begun))
        if self.planned:
            yield from self.thought(self.planned)

    def grown(self, delta: Delta) -> Iterator[Event]:
        """What is new; what the model thinks follows the planner on a new line."""
        if delta.thought:
            assert self.growing is not None, "pieces come after Begun"
            first = self.growing.thought == delta.thought
            yield from self.thought("\n" * (first and bool(self.planned)) + delta.thought)
        if delta.said:
            yield from self.spoken(delta.said)

    def thought(self, text: str) -> Iterator[Event]:
        if self.thinking is None:
            self.thinking = ""
            item = objects.thinking(self.naming, "", "in_progress")
            yield from self.opened(item, objects.thought_part(""))
        self.thinking += text
        yield self.event("response.reasoning_text.delta", **self.place(), delta=text)

    def spoken(self, text: str) -> Iterator[Event]:
        if self.said is None:
            yield from self.thought_out()
            self.said = ""
            item = objects.message(self.naming, "", (), "in_progress")
            yield from self.opened({**item, "content": []}, objects.said_part(""))
        self.said += text
        if text:
            yield self.event("response.output_text.delta", **self.place(), delta=text, logprobs=[])

    def closing(self, reply: Reply, logprobs: Sequence[Mapping[str, Any]]) -> Iterator[Event]:
        """What is left of the message, and its end."""
        parsed = heard(self.way.agent.format, reply.prompt, reply.completion.text)
        assert self.growing is not None, "a reply comes after Begun"
        yield from self.grown(self.growing.end(parsed))
        yield from self.spoken("")
        text = self.said or ""
        status = "completed" if reply.completion.finish == "stop" else "incomplete"
        yield self.event(
            "response.output_text.done", **self.place(), text=text, logprobs=list(logprobs)
        )
        yield from self.closed(
            objects.message(self.naming, text, logprobs, status),
            objects.said_part(text, logprobs),
        )

    def thought_out(self) -> Iterator[Event]:
        """The end of the reasoning item, where one is open."""
        if self.thinking is None:
            return
        text = self.thinking
        yield self.event("response.reasoning_text.done", **self.place(), text=text)
        yield from self.closed(objects.thinking(self.naming, text), objects.thought_part(text))
        self.thinking = None

    def opened(self, item: Event, part: Event) -> Iterator[Event]:
        yield self.event("response.output_item.added", output_index=self.items, item=item)
        yield self.event("response.content_part.added", **self.place(), part=part)

    def closed(self, item: Event, part: Event) -> Iterator[Event]:
        yield self.event("response.content_part.done", **self.place(), part=part)
        yield self.event("response.output_item.done", output_index=self.items, item=item)
        self.items += 1

    def place(self) -> dict[str, Any]:
        """Where in the response the open item is."""
        thinks = self.thinking is not None
        id = self.naming.thought if thinks else self.naming.message
        return {"item_id": id, "output_index": self.items, "content_index": 0}
