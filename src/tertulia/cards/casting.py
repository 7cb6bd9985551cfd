"""Card -> scene: every part has one place, or is told to have stayed in the card.

    name, nickname                agent: the nickname where there is one, as for {{char}}
    description, personality      personas of the agent: a fact for each line, in the card's words
    scenario                      situation
    system_prompt,
    post_history_instructions     instruction, one after the other
    first_mes or a greeting       the first turn
    mes_example                   memory, one for each <START>; or turns; or nothing
    character_book                lore

A description is parted at its line breaks and nowhere else: joined by line breaks it is the same
text again but for empty lines, and no sentence loses the one before it. Markdown and HTML stay as
they were typed; they are text here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from tertulia.cards.card import LOREBOOK, Card
from tertulia.cards.document import Fields
from tertulia.cards.lorebook import Book
from tertulia.cards.macros import Filler
from tertulia.cards.report import Part, Report
from tertulia.conversation import Conversation, Direction, LoreEntry, Persona, Turn
from tertulia.errors import CardError
from tertulia.scene import MAX_BYTES

EXAMPLES = ("memory", "turns", "leave")
MAX_NAME = 200
MAX_PARTS = 5_000
"""The most lines of a description, examples, lines of an example, and greetings."""

NAMELESS = "Character"
START = re.compile(r"<start>", re.IGNORECASE)
PLACED = frozenset(
    ("name", "nickname", "description", "personality", "scenario", "system_prompt")
    + ("post_history_instructions", "first_mes", "alternate_greetings", "mes_example")
    + ("character_book",)
)
SHOWN = frozenset(
    ("creator_notes", "creator_notes_multilingual", "tags", "creator", "character_version")
    + ("source", "creation_date", "modification_date")
)
KEPT = {
    "assets": "pictures and sounds are not used, and none is fetched",
    "group_only_greetings": "greetings of group talks are not used",
    "extensions": "data of other programs",
    "spec": "", "spec_version": "", "data": "",
}  # fmt: skip


@dataclass(slots=True)
class Casting:
    """One card on its way to a scene; `parts` grows."""

    card: Card
    fields: Fields
    filler: Filler
    agent: str
    parts: list[Part] = field(default_factory=list)

    def text(self, name: str, to: str, original: str | None = None) -> str:
        """A field of the card with its macros filled, line breaks as LF, and its part told."""
        given = self.fields.text(name).replace("\r\n", "\n")
        filled = self.filler.fill(given, name, original).strip()
        if filled:
            self.parts.append(Part(name, to))
        return filled

    def facts(self) -> tuple[str, ...]:
        """The lines of description and personality."""
        found: list[str] = []
        for name in ("description", "personality"):
            lines = [each for each in parted(name, self.text(name, ""), "\n") if each]
            if lines:
                last = len(found) + len(lines) - 1
                place = f"personas.{self.agent}.{len(found)}"
                many = Part(name, f"{place}-{last}", "a fact for each line")
                self.parts[-1] = many if len(lines) > 1 else Part(name, place)
                found += lines
        return tuple(found)

    def instruction(self) -> str:
        """The system prompt and what is to stand after the talk; there is no original of either."""
        names = ("system_prompt", "post_history_instructions")
        return "\n\n".join(filter(None, (self.text(each, "instruction", "") for each in names)))

    def opening(self, greeting: int) -> tuple[Turn, ...]:
        """The greeting of that number as the first turn; none when it is empty."""
        offered = self.card.greetings
        if len(offered) > MAX_PARTS:
            raise CardError(f"{len(offered)} greetings, {MAX_PARTS} at most: leave some out")
        if not 0 <= greeting < len(offered):
            raise CardError(
                f"no greeting {greeting}: the card has {len(offered)}, numbered from 0; "
                "`tertulia card show` lists them"
            )
        name = "first_mes" if greeting == 0 else f"alternate_greetings[{greeting - 1}]"
        said = self.filler.fill(offered[greeting].replace("\r\n", "\n"), name).strip()
        self.parts += self.offered(greeting)
        return (Turn(self.agent, said),) if said else ()

    def offered(self, greeting: int) -> Iterator[Part]:
        for n, text in enumerate(self.card.greetings):
            if text.strip():
                name = "first_mes" if n == 0 else f"alternate_greetings[{n - 1}]"
                taken = ("turns", "the opening turn") if n == greeting else ("", "another opening")
                yield Part(name, *taken)

    def examples(self, place: str) -> tuple[str, ...]:
        """The example talks, one for each <START>, as text."""
        given = self.text("mes_example", {"leave": ""}.get(place, place))
        found = tuple(filter(None, parted("mes_example", START.sub("\0", given), "\0")))
        if given:
            notes = {"leave": "left out, as was asked", "turns": "before the opening turn"}
            note = notes.get(place, "told as what was said in earlier talks")
            count = "1 example" if len(found) == 1 else f"{len(found)} examples"
            self.parts[-1] = replace(self.parts[-1], note=f"{count}, {note}")
        return found

    def lore(self, greeting: int) -> tuple[LoreEntry, ...]:
        if self.card.book is None:
            return ()
        outer = Fields({"character_book": self.card.book}, self.fields.notes)
        book = Book(outer.inside("character_book"), self.filler, greeting)
        found = book.entries()
        self.parts += book.parts
        return found

    def rest(self) -> Iterator[Part]:
        """What stays in the card."""
        for key, value in self.card.data.items():
            if key in PLACED or not value:
                continue
            note = (
                "shown, not told to the model" if key in SHOWN else KEPT.get(key, "not known here")
            )
            if note:
                yield Part(key[:80], "", note)
        if self.card.spec != LOREBOOK and self.card.data is not self.card.document:
            others = [key[:40] for key in self.card.document if key not in KEPT]
            if others:
                yield Part("(beside data)", "", f"for older programs: {', '.join(others)[:200]}")


def scene(
    card: Card,
    *,
    user: str = "User",
    greeting: int = 0,
    seed: int = 0,
    examples: str = "memory",
) -> tuple[Conversation, Report]:
    """The scene that a card describes, and the report of it.

    user      who talks with the character: what {{user}} means
    greeting  the number of the opening turn: 0 is first_mes, 1 the first alternate one
    seed      of the draws of {{random}}, {{pick}} and {{roll}}
    examples  where mes_example goes: "memory"; "turns" before the opening one, forgotten first when
              the prompt grows too long; or "leave"

    Raises CardError for a greeting that is not there, names that do not differ, too many macros or
    entries, and a scene larger than 8 MB.
    """
    if examples not in EXAMPLES:
        raise CardError(f"examples is {examples!r}, must be one of {', '.join(EXAMPLES)}")
    fields = Fields(card.data)
    agent = called(card, fields, user)
    casting = Casting(card, fields, Filler(agent, user, seed), agent)
    casting.parts += names(card, fields, agent)
    situation, instruction = casting.text("scenario", "situation"), casting.instruction()
    facts, opening = casting.facts(), casting.opening(greeting)
    told = casting.examples(examples)
    lore = casting.lore(greeting)
    talk = Conversation(
        agent=agent,
        user=user,
        direction=Direction(
            situation=situation,
            instruction=instruction,
            personas=(Persona(agent, facts),) if facts else (),
            memory=told if examples == "memory" else (),
            lore=lore,
        ),
        turns=(*(played(told, agent, user) if examples == "turns" else ()), *opening),
    )
    casting.parts += casting.rest()
    if weight(talk) > MAX_BYTES:
        raise CardError(f"the scene is larger than {MAX_BYTES // 1024**2} MB: shorten the card")
    return talk, reported(casting, greeting, seed)


def called(card: Card, fields: Fields, user: str) -> str:
    """The name the character goes by. Raises CardError for one that is too long or the user's."""
    nickname = "" if card.spec == LOREBOOK else " ".join(fields.text("nickname").split())
    found = nickname or ("" if card.spec == LOREBOOK else card.name) or NAMELESS
    for name in (found, user):
        if len(name) > MAX_NAME:
            raise CardError(
                f"the name {name[:20]!r}… has {len(name)} characters, {MAX_NAME} at most"
            )
    if not user:
        raise CardError("the user has no name: give one")
    if found == user:
        raise CardError(f"the card and the user are both called {found!r}: give another user name")
    return found


def parted(name: str, text: str, by: str) -> list[str]:
    """The parts of a text, stripped. Raises CardError for more than 5,000."""
    if text.count(by) > MAX_PARTS:
        raise CardError(f"{name} has more than {MAX_PARTS} parts: shorten it")
    return [each.strip() for each in text.split(by)]


def names(card: Card, fields: Fields, agent: str) -> Iterator[Part]:
    if card.name and card.spec != LOREBOOK:
        yield Part("name", "agent" if card.name == agent else "", "" if card.name == agent else
                   "the nickname is used")  # fmt: skip
    if fields.text("nickname").strip():
        yield Part("nickname", "agent")


def played(examples: tuple[str, ...], agent: str, user: str) -> tuple[Turn, ...]:
    """Example talks as turns: a line that begins with one of the names begins a turn."""
    sides = {agent.casefold(): agent, user.casefold(): user}
    turns: list[Turn] = []
    for example in examples:
        speaker = ""
        for line in parted("mes_example", example, "\n"):
            name, colon, said = line.partition(":")
            if colon and name.strip().casefold() in sides:
                speaker = sides[name.strip().casefold()]
                turns.append(Turn(speaker, said.strip()))
            elif speaker:
                turns[-1] = replace(turns[-1], text=f"{turns[-1].text}\n{line}".strip())
            elif line:
                speaker = agent
                turns.append(Turn(agent, line))
    return tuple(turns)


def weight(talk: Conversation) -> int:
    """Bytes of all its texts."""
    direction = talk.direction
    texts = [direction.situation, direction.instruction, *direction.facts(talk.agent)]
    texts += [*direction.memory, *(turn.text for turn in talk.turns)]
    for entry in direction.lore:
        texts += [entry.content, entry.hidden, entry.name, *entry.keys, *entry.secondary_keys]
    return sum(len(each.encode()) for each in texts)


def reported(casting: Casting, greeting: int, seed: int) -> Report:
    card, filler = casting.card, casting.filler
    return Report(
        name=casting.agent,
        spec=card.spec,
        form=card.form,
        parts=tuple(casting.parts),
        notes=(*card.notes, *casting.fields.notes),
        greetings=card.greetings,
        greeting=greeting,
        creator_notes=casting.fields.text("creator_notes"),
        seed=seed,
        draws=tuple(filler.draws),
        unknown=tuple(filler.unknown),
    )
