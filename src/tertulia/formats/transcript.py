"""A plain transcript for base models that were trained on no dialogue format at all.

    Situation: …
    Instruction: …
    About Ana: i ski. i have a son.
    Knowledge: …                                  one line for each passage
    Memory: …                                     the same

    Bo: hello [picture: a dog on a sofa]
    Ana: hi
    (Goal: …)
    (Skill: …)
    (Why: …)
    Ana:

The structure is lines: line breaks in people's text are shown as signs, colons in names too. The
reply ends at its line; with `verbatim`, where a text may have several, at the next line that begins
with a name of the cast.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tertulia.conversation import Conversation, Plan, Turn
from tertulia.formats import Parsed, unsupported
from tertulia.neutral import Neutral
from tertulia.prompt import Prompt, Span, joined

VARIANTS = ("names",)
TAKEN = frozenset(
    ("situation", "instruction", "personas.agent", "personas.user", "personas.others")
    + ("knowledge", "memory", "image", "speakers", "plan.goal", "plan.skill", "plan.explanation")
)
LABELS = {"goal": "(Goal: ", "skill": "(Skill: ", "explanation": "(Why: "}
PICTURE = "[picture: "
TEXT = Neutral(markers=(PICTURE,), one_line=True)
NAME = Neutral(markers=("(Goal", "(Skill", "(Why"), name=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """verbatim leaves people's text and names as they are."""

    variant: str = "names"
    verbatim: bool = False


@dataclass(frozen=True, slots=True)
class Transcript:
    settings: Settings
    models: tuple[str, ...] = ()

    def render(self, conversation: Conversation) -> Prompt:
        head = tuple(self.head(conversation))
        blank = (Span("\n"),) if head else ()
        tail = (self.name(conversation.agent, "agent"), Span(":"))
        return Prompt(
            (*head, *blank, *self.talk(conversation), *self.plan(conversation.plan), *tail),
            stop=self.stop(conversation),
            unsupported=unsupported(conversation, TAKEN),
        )

    def stop(self, conversation: Conversation) -> tuple[str, ...]:
        if self.settings.verbatim:
            return tuple(f"\n{name}:" for name in conversation.cast)
        return ("\n",)

    def head(self, conversation: Conversation) -> Iterator[Span]:
        direction = conversation.direction
        for name in ("situation", "instruction"):
            if text := getattr(direction, name):
                yield from (Span(f"{name.title()}: "), self.said(text, name), Span("\n"))
        for speaker in dict.fromkeys(persona.speaker for persona in direction.personas):
            if facts := direction.facts(speaker):
                path = f"personas.{speaker}"
                yield from (Span("About "), self.name(speaker, path), Span(": "))
                yield from joined(
                    (self.said(fact, f"{path}.{n}") for n, fact in enumerate(facts)), " "
                )
                yield Span("\n")
        for name in ("knowledge", "memory"):
            for n, text in enumerate(getattr(direction, name)):
                yield from (Span(f"{name.title()}: "), self.said(text, f"{name}.{n}"), Span("\n"))

    def talk(self, conversation: Conversation) -> Iterator[Span]:
        for n, turn in enumerate(conversation.turns):
            yield self.name(turn.speaker, f"turns.{n}.speaker")
            yield Span(": ")
            yield from self.told(turn, f"turns.{n}.")
            yield Span("\n")

    def told(self, turn: Turn, path: str) -> Iterator[Span]:
        yield self.said(turn.text, f"{path}text" if path else "")
        if turn.image:
            yield Span(f" {PICTURE}" if turn.text else PICTURE)
            yield self.said(turn.image, f"{path}image" if path else "")
            yield Span("]")

    def plan(self, plan: Plan) -> Iterator[Span]:
        for name, label in LABELS.items():
            if text := getattr(plan, name):
                yield from (Span(label), self.said(text, f"plan.{name}"), Span(")\n"))

    def target(self, turn: Turn, plan: Plan) -> tuple[Span, ...]:
        spans = (Span(" "), *self.told(turn, ""), Span("\n"))
        return tuple(Span(span.text, learn=True) for span in spans)

    def parse(self, completion: str) -> Parsed:
        line = completion.removeprefix(" ")
        line = line.removesuffix("\n") if self.settings.verbatim else line.partition("\n")[0]
        text, mark, image = line.rpartition(PICTURE)
        if not mark or not image.endswith("]"):
            return Parsed(text=self.typed(line))
        return Parsed(text=self.typed(text.removesuffix(" ")), image=self.typed(image[:-1]))

    def said(self, text: str, path: str) -> Span:
        return Span(text if self.settings.verbatim else TEXT.make(text), field=path)

    def name(self, name: str, path: str) -> Span:
        return Span(name if self.settings.verbatim else NAME.make(name), field=path)

    def typed(self, text: str) -> str:
        return text if self.settings.verbatim else TEXT.undo(text)


def load(settings: Settings) -> Transcript:
    return Transcript(settings)
