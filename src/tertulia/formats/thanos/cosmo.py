"""COSMO as Thanos' responder: its own string, the plan in the role slot.

    {context} <sep> {explanation} Thus, the most … is {skill}. <sep> {turn} <turn> … <turn> {turn}

Without a skill the second part is left out, and an explanation with it, as published. Without an
explanation it is `The most … is {skill}.`; with `verbatim` the published string, with a gap in it.

Source: passing2961/Thanos, output.py. Its generate() hands the builder the characters of a string
in place of its lines, so that no turn ever reaches COSMO; `dialogue = "none"` gives that string.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tertulia.conversation import Conversation, Plan, Turn
from tertulia.formats import Parsed, unsupported
from tertulia.formats.thanos.author import Author
from tertulia.formats.thanos.wording import T5_END, THE_MOST, THUS
from tertulia.prompt import Prompt, Span

TAKEN = frozenset(
    ("situation", "instruction", "personas.agent", "personas.user", "personas.others")
    + ("knowledge", "memory", "image", "plan.skill", "plan.explanation")
)


@dataclass(frozen=True, slots=True)
class Cosmo:
    """dialogue is that of the settings: "all", "speakers_a_b" or "none"."""

    author: Author
    dialogue: str
    models: tuple[str, ...] = ("allenai/cosmo-*", "*cosmo-xl*", "*cosmo-3b*")

    def render(self, conversation: Conversation) -> Prompt:
        plan = conversation.plan
        taken = TAKEN if plan.skill else TAKEN - {"plan.explanation"}
        unheard = tuple(
            f"turns.{n}.text" for n, turn in enumerate(conversation.turns) if not self.hears(turn)
        )
        context = self.author.context(conversation)
        return Prompt(
            (*context, Span(" <sep> "), *self.role(plan), *self.talk(conversation)),
            stop=(T5_END,),
            unsupported=(*unsupported(conversation, taken), *unheard),
            closing=(T5_END,),
        )

    def role(self, plan: Plan) -> Iterator[Span]:
        if not plan.skill:
            return
        if plan.explanation or self.author.verbatim:
            yield self.author.turn(plan.explanation, "plan.explanation")
            yield Span(f" Thus, {THUS} ")
        else:
            yield Span(f"{THE_MOST} ")
        yield self.author.turn(plan.skill, "plan.skill")
        yield Span(". <sep> ")

    def talk(self, conversation: Conversation) -> Iterator[Span]:
        heard = ((n, turn) for n, turn in enumerate(conversation.turns) if self.hears(turn))
        for place, (n, turn) in enumerate(heard):
            yield from (Span(" <turn> "),) if place else ()
            yield from self.author.told(turn, f"turns.{n}.")

    def hears(self, turn: Turn) -> bool:
        if self.dialogue == "speakers_a_b":
            return turn.speaker in ("Speaker A", "Speaker B")
        return self.dialogue == "all"

    def target(self, turn: Turn, plan: Plan) -> tuple[Span, ...]:
        learned = (Span(span.text, learn=True) for span in self.author.told(turn, ""))
        return (*learned, Span(T5_END, control=True, learn=True))

    def parse(self, completion: str) -> Parsed:
        text, image = self.author.heard(completion.partition(T5_END)[0])
        return Parsed(text=text, image=image)
