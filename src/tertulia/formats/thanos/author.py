"""The parts that Thanos' prompts have in common: the social context, and turns with pictures.

The social context is the situation, the instruction, then whatever else is given:

    Ana's Profile:
    - one fact                                       then other speakers
    What is known:
    - one passage
    What happened before:
    - one memory

A picture is `[Sharing Image] description` after the words of its turn, or `[Sharing Image:
description]`; both are read back.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tertulia.conversation import Conversation, Turn
from tertulia.formats.thanos.wording import BEFORE, IMAGE, KNOWN, PROFILE
from tertulia.neutral import Neutral
from tertulia.prompt import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """How people's texts are made harmless, by where they stand; verbatim leaves them as they are.

    stark  pictures as the Stark data set writes them
    """

    lines: Neutral
    names: Neutral
    turns: Neutral
    verbatim: bool = False
    stark: bool = False

    def line(self, text: str, path: str) -> Span:
        return Span(text if self.verbatim else self.lines.make(text), field=path)

    def name(self, name: str, path: str) -> Span:
        return Span(name if self.verbatim else self.names.make(name), field=path)

    def turn(self, text: str, path: str) -> Span:
        return Span(text if self.verbatim else self.turns.make(text), field=path)

    def typed(self, text: str) -> str:
        """What a model said, as a person would have typed it."""
        return text if self.verbatim else self.turns.undo(text)

    def context(self, conversation: Conversation) -> list[Span]:
        lines = [*self.scene(conversation), *self.lists(conversation)]
        return [
            span
            for n, line in enumerate(lines)
            for span in ((Span("\n"), *line) if n else tuple(line))
        ]

    def scene(self, conversation: Conversation) -> Iterator[tuple[Span, ...]]:
        for name in ("situation", "instruction"):
            if text := getattr(conversation.direction, name):
                yield (self.line(text, name),)

    def lists(self, conversation: Conversation) -> Iterator[tuple[Span, ...]]:
        direction = conversation.direction
        for speaker in dict.fromkeys(persona.speaker for persona in direction.personas):
            path = f"personas.{speaker}"
            if facts := direction.facts(speaker):
                yield (self.name(speaker, path), Span(PROFILE))
                for n, fact in enumerate(facts):
                    yield (Span("- "), self.line(fact, f"{path}.{n}"))
        for name, label in (("knowledge", KNOWN), ("memory", BEFORE)):
            texts = getattr(direction, name)
            if texts:
                yield (Span(label),)
            for n, text in enumerate(texts):
                yield (Span("- "), self.line(text, f"{name}.{n}"))

    def dialogue(self, conversation: Conversation) -> Iterator[Span]:
        """`Name: text` lines, the last of which is to be answered."""
        for n, turn in enumerate(conversation.turns):
            yield from (Span("\n"),) if n else ()
            yield from (self.name(turn.speaker, f"turns.{n}.speaker"), Span(": "))
            yield from self.told(turn, f"turns.{n}.")

    def told(self, turn: Turn, path: str) -> Iterator[Span]:
        """A turn's words and its picture; an empty path names no field."""
        yield self.turn(turn.text, f"{path}text" if path else "")
        if turn.image:
            opening = f"{IMAGE}: " if self.stark else f"{IMAGE}] "
            yield Span(f" {opening}" if turn.text else opening)
            yield self.turn(turn.image, f"{path}image" if path else "")
            yield from (Span("]"),) if self.stark else ()

    def heard(self, text: str) -> tuple[str, str]:
        """A reply's words and its picture, as typed."""
        words, image = parted(text)
        return self.typed(words), self.typed(image)


def parted(text: str) -> tuple[str, str]:
    """A turn's words and its picture, in either spelling."""
    words, mark, rest = text.rpartition(IMAGE)
    if mark and rest.startswith("] "):
        return words.removesuffix(" "), rest[2:]
    if mark and rest.startswith(": ") and rest.endswith("]"):
        return words.removesuffix(" "), rest[2:-1]
    return text, ""
