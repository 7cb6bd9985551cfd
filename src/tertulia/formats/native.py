"""tertulia-mini's own format: every direction, and the plan at the tail.

    <|begin|>
    <|situation|> …  <|instruction|> …
    <|persona|><|me|> Name<|fact|> …<|fact|> …        then the same for each other side, <|you|>
    <|knowledge|> …  <|memory|> …
    <|me|>/<|you|>[ Name, in a cast of more than two]<|says|> …[<|image|> …]<|end|>   per turn
    <|me|><|goal|> …<|explanation|> …<|skill|> …<|says|> reply<|end|>                 the tail

on one line. Every text has one blank before it, so that a word is the same token everywhere. Plan
fields that are given come first; the model then writes those it is asked for, in the same order.
Plans of earlier turns are not kept, so a talk's prefix stays the same from turn to turn.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tertulia.conversation import Conversation, Plan, Turn
from tertulia.formats import Parsed, unsupported
from tertulia.neutral import Neutral
from tertulia.prompt import Prompt, Span

VARIANTS = ("native",)
PLAN_FIELDS = ("goal", "explanation", "skill")
CONTROLS: tuple[str, ...] = (
    "<|pad|>",
    "<|begin|>",
    "<|end|>",
    "<|situation|>",
    "<|instruction|>",
    "<|knowledge|>",
    "<|memory|>",
    "<|persona|>",
    "<|fact|>",
    "<|me|>",
    "<|you|>",
    "<|says|>",
    "<|image|>",
    "<|goal|>",
    "<|explanation|>",
    "<|skill|>",
)
"""In the order of their ids in tertulia-mini's vocabulary."""

TAKEN = frozenset(
    ("situation", "instruction", "personas.agent", "personas.user", "personas.others")
    + ("knowledge", "memory", "image", "speakers", "plan.goal", "plan.skill", "plan.explanation")
)
NEUTRAL = Neutral(markers=CONTROLS)
CONTROL = re.compile("(" + "|".join(re.escape(name) for name in CONTROLS) + ")")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """verbatim leaves people's text as it is; names writes the speaker's name in every turn."""

    variant: str = "native"
    verbatim: bool = False
    names: bool = False


@dataclass(frozen=True, slots=True)
class Native:
    settings: Settings
    models: tuple[str, ...] = ("tertulia-mini*", "builtin")

    def render(self, conversation: Conversation) -> Prompt:
        tail = (*self.plan(conversation.plan), control("says"))
        return self.prompt(conversation, tail, stop=("<|end|>",))

    def render_plan(self, conversation: Conversation) -> Prompt:
        """Up to the first field to be written; the model writes on from there."""
        asked = missing(conversation.plan)
        tail = (*self.plan(conversation.plan), control(asked[0] if asked else "says"))
        return self.prompt(conversation, tail, stop=("<|says|>", "<|end|>"))

    def target(self, turn: Turn, plan: Plan) -> tuple[Span, ...]:
        return tuple(Span(s.text, s.control, learn=True) for s in self.told(turn, ""))

    def target_plan(self, plan: Plan, given: Plan) -> tuple[Span, ...]:
        """What a perfect model writes after render_plan, up to <|says|>; for training.

        plan   all that is to be written and given
        given  what the prompt already holds
        """
        asked = [name for name in missing(given) if getattr(plan, name)]
        spans: list[Span] = []
        for place, name in enumerate(asked):
            if place:
                spans.append(Span(f"<|{name}|>", control=True, learn=True))
            spans.append(Span(f" {self.safe(getattr(plan, name))}", learn=True))
        return (*spans, Span("<|says|>", control=True, learn=True))

    def parse(self, completion: str) -> Parsed:
        words, _, rest = completion.partition("<|end|>")[0].partition("<|image|>")
        image = CONTROL.split(rest)[0]
        return Parsed(text=self.plain(CONTROL.split(words)[0]), image=self.plain(image))

    def parse_plan(self, completion: str, conversation: Conversation) -> Plan:
        asked = missing(conversation.plan)
        if not asked:
            return conversation.plan
        pieces = CONTROL.split(f"<|{asked[0]}|>{completion}")
        written = dict(zip(pieces[1::2], pieces[2::2], strict=True))
        found = {name: self.plain(written.get(f"<|{name}|>", "")) for name in asked}
        return conversation.plan.over(Plan(**found))

    def prompt(
        self, conversation: Conversation, tail: tuple[Span, ...], stop: tuple[str, ...]
    ) -> Prompt:
        spans = (*self.header(conversation), *self.talk(conversation), control("me"), *tail)
        return Prompt(spans, stop=stop, unsupported=unsupported(conversation, TAKEN))

    def header(self, conversation: Conversation) -> Iterator[Span]:
        direction = conversation.direction
        yield control("begin")
        for name in ("situation", "instruction"):
            if text := getattr(direction, name):
                yield control(name)
                yield self.said(text, name)
        for speaker in conversation.cast:
            yield control("persona")
            yield control(side(conversation, speaker))
            yield self.said(speaker, who(conversation, speaker))
            for n, fact in enumerate(direction.facts(speaker)):
                yield control("fact")
                yield self.said(fact, f"personas.{speaker}.{n}")
        for name in ("knowledge", "memory"):
            for n, text in enumerate(getattr(direction, name)):
                yield control(name)
                yield self.said(text, f"{name}.{n}")

    def talk(self, conversation: Conversation) -> Iterator[Span]:
        named = self.settings.names or len(conversation.cast) > 2
        for n, turn in enumerate(conversation.turns):
            yield control(side(conversation, turn.speaker))
            if named:
                yield self.said(turn.speaker, f"turns.{n}.speaker")
            yield control("says")
            yield from self.told(turn, f"turns.{n}.")

    def told(self, turn: Turn, path: str) -> Iterator[Span]:
        yield self.said(turn.text, f"{path}text" if path else "")
        if turn.image:
            yield control("image")
            yield self.said(turn.image, f"{path}image" if path else "")
        yield control("end")

    def plan(self, plan: Plan) -> Iterator[Span]:
        for name in PLAN_FIELDS:
            if text := getattr(plan, name):
                yield control(name)
                yield self.said(text, f"plan.{name}")

    def said(self, text: str, path: str) -> Span:
        return Span(f" {self.safe(text)}", field=path)

    def safe(self, text: str) -> str:
        return text if self.settings.verbatim else NEUTRAL.make(text)

    def plain(self, text: str) -> str:
        text = text.removeprefix(" ")
        return text if self.settings.verbatim else NEUTRAL.undo(text)


def control(name: str) -> Span:
    return Span(f"<|{name}|>", control=True)


def side(conversation: Conversation, speaker: str) -> str:
    return "me" if speaker == conversation.agent else "you"


def who(conversation: Conversation, speaker: str) -> str:
    """The field of the scene that a name in the cast comes from."""
    if speaker == conversation.agent:
        return "agent"
    return "user" if speaker == conversation.user else f"personas.{speaker}"


def missing(plan: Plan) -> tuple[str, ...]:
    return tuple(name for name in PLAN_FIELDS if not getattr(plan, name))


def load(settings: Settings) -> Native:
    return Native(settings)
