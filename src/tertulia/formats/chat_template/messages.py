"""A directed talk as chat messages: the directions become system text, the plan a closing note.

    Situation: …
    You are Cosmo, talking with Friend.          left out when nothing is directed
    Instruction: …
    About you:                                   then "About Friend:", for all who have facts
    - fact
    What you know:
    - passage
    What you remember:
    - memory

Sections are parted by a blank line. The plan is written at the end of the last user message, so
that everything before it stays the same from turn to turn:

    [For your next reply]
    Goal: …
    Skill: …
    Thought: …

A picture is `[Image: description]` on the last line of its turn. In a cast of more than two the
turns of all but the agent begin with "Name: ". Text that shares a message with other texts has
its further lines indented by two blanks, so that no typed line can pass for a part of its own; text
that has a message to itself keeps its lines.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from tertulia.conversation import Conversation, Turn
from tertulia.neutral import LINE_SIGNS, NAME_SIGNS
from tertulia.prompt import Span, joined

NOTE = "[For your next reply]"
IMAGE = "[Image:"
OPENING = "(The talk begins.)"
"""Said for the user where a template wants the user to speak first and nobody has."""

LINE = re.compile("\r\n|[" + "".join(LINE_SIGNS) + "]")
NAME = str.maketrans(dict(NAME_SIGNS))
PLAN = (("goal", "Goal"), ("skill", "Skill"), ("explanation", "Thought"))
Write = Callable[[str, str], Span]
"""Text and its field -> its span."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One message: its role, and its text with the fields it came from."""

    role: str
    spans: tuple[Span, ...]

    @property
    def text(self) -> str:
        return "".join(span.text for span in self.spans)


@dataclass(frozen=True, slots=True)
class Author:
    """Writes the parts of messages.

    safe      makes markers in people's text harmless
    verbatim  text that shares a message keeps its lines
    """

    safe: Callable[[str], str]
    verbatim: bool = False

    def alone(self, text: str, field: str) -> Span:
        return Span(self.safe(text), field=field)

    def shared(self, text: str, field: str) -> Span:
        safe = self.safe(text)
        return Span(safe if self.verbatim else LINE.sub("\n  ", safe), field=field)

    def system(self, conversation: Conversation) -> Entry | None:
        """All that holds for the whole talk; None when there is nothing to say."""
        sections = list(self.sections(conversation))
        if not sections and conversation.cast == (Conversation().agent, Conversation().user):
            return None
        sections.insert(bool(conversation.direction.situation), self.who(conversation))
        return Entry("system", tuple(between(sections, "\n\n")))

    def sections(self, conversation: Conversation) -> Iterator[list[Span]]:
        direction = conversation.direction
        if direction.situation:
            yield [Span("Situation: "), self.shared(direction.situation, "situation")]
        if direction.instruction:
            yield [Span("Instruction: "), self.shared(direction.instruction, "instruction")]
        for speaker in conversation.cast:
            if facts := direction.facts(speaker):
                yield [
                    *self.about(conversation, speaker),
                    *self.listed(facts, f"personas.{speaker}"),
                ]
        if direction.knowledge:
            yield [Span("What you know:"), *self.listed(direction.knowledge, "knowledge")]
        if direction.memory:
            yield [Span("What you remember:"), *self.listed(direction.memory, "memory")]

    def who(self, conversation: Conversation) -> list[Span]:
        others = [self.name(conversation, speaker) for speaker in conversation.cast[1:]]
        me = self.name(conversation, conversation.agent)
        return [Span("You are "), me, Span(", talking with "), *joined(others, ", "), Span(".")]

    def about(self, conversation: Conversation, speaker: str) -> list[Span]:
        if speaker == conversation.agent:
            return [Span("About you:")]
        return [Span("About "), self.name(conversation, speaker), Span(":")]

    def name(self, conversation: Conversation, speaker: str) -> Span:
        return self.named(speaker, name_field(conversation, speaker))

    def named(self, speaker: str, field: str) -> Span:
        """A name on one line and without a colon, which would end it."""
        safe = self.safe(speaker)
        return Span(safe if self.verbatim else safe.translate(NAME), field=field)

    def listed(self, texts: Iterable[str], path: str) -> Iterator[Span]:
        for n, text in enumerate(texts):
            yield Span("\n- ")
            yield self.shared(text, f"{path}.{n}")

    def turns(self, conversation: Conversation, *, merged: bool, shared: bool) -> list[Entry]:
        """The turns as messages.

        merged  neighbouring turns of one role become one message, a line each
        shared  the first message will have to share with the system text
        """
        named = len(conversation.cast) > 2
        roles = [(role(conversation, t), n, t) for n, t in enumerate(conversation.turns)]
        groups = (
            [(name, list(group)) for name, group in groupby(roles, key=lambda each: each[0])]
            if merged
            else [(each[0], [each]) for each in roles]
        )
        entries: list[Entry] = []
        for place, (who, group) in enumerate(groups):
            label = named and who == "user"
            write = self.shared if label or len(group) > 1 or (shared and not place) else self.alone
            lines = [self.told(turn, f"turns.{n}.", write, label) for _, n, turn in group]
            entries.append(Entry(who, tuple(between(lines, "\n"))))
        return entries

    def told(self, turn: Turn, path: str, write: Write, label: bool) -> list[Span]:
        """A turn; an empty path names no field."""
        spans = [self.named(turn.speaker, f"{path}speaker"), Span(": ")] if label else []
        spans.append(write(turn.text, path and f"{path}text"))
        if turn.image:
            spans.append(Span(f"\n{IMAGE} " if turn.text else f"{IMAGE} "))
            spans += [self.shared(turn.image, path and f"{path}image"), Span("]")]
        return spans

    def note(self, conversation: Conversation) -> tuple[Span, ...]:
        plan = conversation.plan
        if not plan:
            return ()
        spans = [Span(NOTE)]
        for field, label in PLAN:
            if text := getattr(plan, field):
                spans += [Span(f"\n{label}: "), self.shared(text, f"plan.{field}")]
        return tuple(spans)


def attempts(conversation: Conversation, author: Author, system: str) -> Iterator[list[Entry]]:
    """The talk as messages, in forms that ask ever less of a template.

    system  "role" keeps the system role, "fold" puts its text into the first user message, "auto"
            tries the one, then the other

    First as it is; then with neighbours of one role merged; then with the user speaking first.
    """
    top, note = author.system(conversation), author.note(conversation)
    if top is not None and system != "fold":
        for merged in (False, True):
            entries = author.turns(conversation, merged=merged, shared=False)
            yield [top, *noted(entries, note)]
        yield [top, *opened(noted(entries, note))]
    if top is None or system != "role":
        for merged in (False, True):
            entries = author.turns(conversation, merged=merged, shared=top is not None)
            yield folded(top, noted(entries, note))
        yield opened(folded(top, noted(entries, note)))


def noted(entries: list[Entry], note: tuple[Span, ...]) -> list[Entry]:
    """The note at the end of the last user message; a message of its own after the agent's."""
    if not note:
        return entries
    if not entries or entries[-1].role != "user":
        return [*entries, Entry("user", note)]
    last = entries[-1]
    return [*entries[:-1], replace(last, spans=(*last.spans, Span("\n\n"), *note))]


def opened(entries: list[Entry]) -> list[Entry]:
    if entries and entries[0].role == "user":
        return entries
    return [Entry("user", (Span(OPENING),)), *entries]


def folded(top: Entry | None, entries: list[Entry]) -> list[Entry]:
    """The system text at the head of the first user message, which may be of its own."""
    if top is None:
        return entries
    if not entries or entries[0].role != "user":
        return [replace(top, role="user"), *entries]
    first = entries[0]
    return [replace(first, spans=(*top.spans, Span("\n\n"), *first.spans)), *entries[1:]]


def between(parts: Iterable[Iterable[Span]], by: str) -> Iterator[Span]:
    for place, part in enumerate(parts):
        if place:
            yield Span(by)
        yield from part


def role(conversation: Conversation, turn: Turn) -> str:
    return "assistant" if turn.speaker == conversation.agent else "user"


def name_field(conversation: Conversation, speaker: str) -> str:
    """The field of the scene that a name in the cast comes from."""
    if speaker == conversation.agent:
        return "agent"
    if speaker == conversation.user:
        return "user"
    if any(each.speaker == speaker for each in conversation.direction.personas):
        return f"personas.{speaker}"
    return f"turns.{[turn.speaker for turn in conversation.turns].index(speaker)}.speaker"
