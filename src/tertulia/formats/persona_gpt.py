"""PersonaGPT: facts about the agent, or a goal for its turn, then the talk; on GPT-2.

    card              <|p2|>fact<eos>fact<eos><|sep|><|start|>turn<eos>turn<eos>
                      <|act|> goal<|p1|><|sep|><|start|>turn<eos>     when the plan has a goal
    first_repository  <|p1|>person 1: Not available.<eos><|sep|><|p2|>person 2: fact<eos><|sep|>
                      <|start|>turn<eos>      on one line; without facts, <|start|>turn<eos>
    training          <|p1|>fact<eos><|sep|><|start|>turn<eos><eos>   <|p1|> when the agent speaks
                      first, third, …, <|p2|> when it speaks second, fourth, …

`<eos>` is `<|endoftext|>`. A goal takes the place of the facts: the model never saw both, so facts
beside a goal are reported as unsupported. Goals are free text; an action code in any spelling
becomes the exact one the model was trained on ("ask about hobbies" → "ask about hobbies.").

Sources: the card of af1tang/personaGPT; af1tang/personaGPT (first_repository);
illidanlab/personaGPT (training).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tertulia import skills
from tertulia.conversation import Conversation, Plan, Turn
from tertulia.errors import UnknownName
from tertulia.formats import Parsed, unsupported
from tertulia.neutral import Neutral
from tertulia.prompt import Prompt, Span

VARIANTS = ("card", "first_repository", "training")
END_OF_TEXT = "<|endoftext|>"
ADDED: tuple[str, ...] = ("<|sep|>", "<|cls|>", "<|start|>", "<|p1|>", "<|p2|>", "<|act|>")
"""The tokens added to GPT-2's vocabulary, in the order of their ids, 50257 to 50262."""

TAKEN = {
    "card": frozenset(("personas.agent",)),
    "first_repository": frozenset(("personas.agent", "personas.user")),
    "training": frozenset(("personas.agent",)),
}
GOAL_TAKEN = frozenset(("plan.goal",))
TRAINED_TURNS = 20
NOT_AVAILABLE = "Not available."
NEUTRAL = Neutral(markers=(*ADDED, END_OF_TEXT))
CONTROL = re.compile("|".join(re.escape(name) for name in (*ADDED, END_OF_TEXT)))
CHOICES = {"end_of_text": ("", "single", "doubled"), "tokenization": ("", "fast", "slow")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Empty means the named default of the variant.

    verbatim      people's text and goals as they are typed; in `training`, the strings as the
                  published code prints them, with blanks around added tokens
    end_of_text   after each turn "single" (default, as the card feeds) or "doubled" (default of
                  `training`, as the weights were trained); facts always have one
    tokenization  "fast" (default): the blank after <|act|> is kept, as the card's tokenizer does.
                  "slow" (default of `training` unless verbatim): blanks beside added tokens are
                  left out, as the slow tokenizer of training does, so the next word is another id
    """

    variant: str = "card"
    verbatim: bool = False
    end_of_text: str = ""
    tokenization: str = ""

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}: use 'single' or 'doubled'"
                    if name == "end_of_text"
                    else f"{name} is {getattr(self, name)!r}: use 'fast' or 'slow'"
                )

    @property
    def trained(self) -> bool:
        return self.variant == "training"

    @property
    def ends(self) -> int:
        """End-of-text tokens after a turn."""
        return 2 if self.end_of_text == "doubled" or self.trained and not self.end_of_text else 1

    @property
    def slow(self) -> bool:
        return self.tokenization == "slow" or (
            self.trained and not self.tokenization and not self.verbatim
        )

    @property
    def printed(self) -> bool:
        """Blanks around added tokens, as the slow tokenizer puts them when it decodes."""
        return self.trained and self.verbatim and not self.slow


@dataclass(frozen=True, slots=True)
class Pair:
    """A training sample as published: the context x and the target y."""

    x: tuple[Span, ...]
    y: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class PersonaGpt:
    settings: Settings
    models: tuple[str, ...] = ("*personaGPT*", "*persona-gpt*", "*persona_gpt*")

    def render(self, conversation: Conversation) -> Prompt:
        spans = [*self.prefix(conversation), *self.talk(conversation)]
        return Prompt(
            self.tokenized(spans),
            stop=(END_OF_TEXT,),
            unsupported=unsupported(conversation, self.taken(conversation.plan)),
        )

    def target(self, turn: Turn, plan: Plan) -> tuple[Span, ...]:
        return tuple(replace(span, learn=True) for span in self.told(turn.text, ""))

    def parse(self, completion: str) -> Parsed:
        said = completion.removeprefix("<|start|>")
        text = CONTROL.split(said, maxsplit=1)[0]
        return Parsed(text=text if self.settings.verbatim else NEUTRAL.undo(text))

    def pairs(self, conversation: Conversation) -> Iterator[Pair]:
        """The published training samples of a talk: one for each of its first 20 turns.

        The first sample's y begins with <|start|>, which the other samples have in x.
        """
        for place, turn in enumerate(conversation.turns[:TRAINED_TURNS]):
            before = replace(
                conversation.swapped() if turn.speaker != conversation.agent else conversation,
                agent=turn.speaker,
                plan=Plan(),
                turns=conversation.turns[:place],
            )
            x = list(self.render(before).spans)
            y = list(self.target(turn, Plan()))
            if place == 0:
                x = [span for span in x if not span.control or span.text != "<|start|>"]
                y = list(self.tokenized([Span("<|start|>", control=True, learn=True), *y]))
            yield Pair(tuple(x), tuple(y))

    def taken(self, plan: Plan) -> frozenset[str]:
        return GOAL_TAKEN if self.led(plan) else TAKEN[self.settings.variant]

    def led(self, plan: Plan) -> bool:
        """The goal leads the turn. The first repository's vocabulary had no <|act|> yet."""
        return bool(plan.goal) and self.settings.variant != "first_repository"

    def prefix(self, conversation: Conversation) -> Iterator[Span]:
        if self.led(conversation.plan):
            yield from self.action(conversation.plan.goal)
        elif self.settings.variant == "first_repository":
            yield from self.both_personas(conversation)
        else:
            yield control(self.side(conversation))
            yield from self.facts(conversation, conversation.agent)
            yield control("<|sep|>")
        if not self.opening(conversation):
            yield control("<|start|>")

    def opening(self, conversation: Conversation) -> bool:
        """Published quirk: in the first training sample <|start|> is the target's."""
        settings = self.settings
        led = self.led(conversation.plan)
        return settings.trained and settings.verbatim and not conversation.turns and not led

    def side(self, conversation: Conversation) -> str:
        first = self.settings.trained and len(conversation.turns) % 2 == 0
        return "<|p1|>" if first else "<|p2|>"

    def action(self, goal: str) -> Iterator[Span]:
        yield control("<|act|>")
        if not self.settings.slow:
            yield Span(" ")
        yield Span(self.safe(self.code(goal)), field="plan.goal")
        yield control("<|p1|>")
        yield control("<|sep|>")

    def code(self, goal: str) -> str:
        """The action code for any spelling of one; other goals as they are."""
        try:
            return goal if self.settings.verbatim else skills.action(goal)
        except UnknownName:
            return goal

    def both_personas(self, conversation: Conversation) -> Iterator[Span]:
        sides = ((1, conversation.user), (2, conversation.agent))
        if not any(conversation.direction.facts(speaker) for _, speaker in sides):
            return
        for number, speaker in sides:
            yield control(f"<|p{number}|>")
            yield Span(f"person {number}: ")
            if conversation.direction.facts(speaker):
                yield from self.facts(conversation, speaker)
            else:
                yield Span(NOT_AVAILABLE)
                yield control(END_OF_TEXT)
            yield control("<|sep|>")

    def facts(self, conversation: Conversation, speaker: str) -> Iterator[Span]:
        for n, fact in enumerate(conversation.direction.facts(speaker)):
            yield Span(self.safe(fact), field=f"personas.{speaker}.{n}")
            yield control(END_OF_TEXT)

    def talk(self, conversation: Conversation) -> Iterator[Span]:
        for n, turn in enumerate(conversation.turns):
            yield from self.told(turn.text, f"turns.{n}.text")

    def told(self, text: str, path: str) -> Iterator[Span]:
        yield Span(self.safe(text), field=path)
        for _ in range(self.settings.ends):
            yield control(END_OF_TEXT)

    def tokenized(self, spans: list[Span]) -> tuple[Span, ...]:
        if self.settings.slow:
            return tuple(without_blanks(spans))
        return tuple(with_blanks(spans)) if self.settings.printed else tuple(spans)

    def safe(self, text: str) -> str:
        return text if self.settings.verbatim else NEUTRAL.make(text)


def control(name: str) -> Span:
    return Span(name, control=True)


def added(span: Span | None) -> bool:
    return span is not None and span.control and span.text in ADDED


def without_blanks(spans: list[Span]) -> Iterator[Span]:
    """Text without the blanks beside added tokens; GPT-2's own `<|endoftext|>` keeps them."""
    for place, span in enumerate(spans):
        text = span.text
        if not span.control and place and added(spans[place - 1]):
            text = text.lstrip()
        if not span.control and place + 1 < len(spans) and added(spans[place + 1]):
            text = text.rstrip()
        if text or span.field:
            yield replace(span, text=text)


def with_blanks(spans: list[Span]) -> Iterator[Span]:
    """One blank on each side of an added token that has a neighbour there."""
    for place, span in enumerate(spans):
        if place and (added(span) or added(spans[place - 1])):
            yield Span(" ", learn=span.learn)
        yield span


def load(settings: Settings) -> PersonaGpt:
    return PersonaGpt(settings)
