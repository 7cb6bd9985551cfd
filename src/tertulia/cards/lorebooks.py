"""Lorebooks of their own: into a scene, and out of one again.

A file of SillyTavern's World Info or a `lorebook_v3` has no character; its entries go behind the
lore that a scene has. Put back onto the file, every entry that the scene did not change stays as it
stands there, with what nobody here knows.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tertulia import lore
from tertulia.cards import lore_fields, lore_written
from tertulia.cards.card import LOREBOOK, Card
from tertulia.cards.casting import Casting, reported, weight
from tertulia.cards.document import Fields
from tertulia.cards.lorebook import Book
from tertulia.cards.macros import Filler
from tertulia.cards.reading import read
from tertulia.cards.report import Report
from tertulia.conversation import Conversation, LoreEntry
from tertulia.errors import CardError, ConfigError
from tertulia.scene import MAX_BYTES

KINDS = (LOREBOOK, "world_info")
"""What lorebooks of their own are, and what a scene's lore is written as."""


def added(card: Card, conversation: Conversation, *, seed: int = 0) -> tuple[Conversation, Report]:
    """The conversation with the entries of a lorebook behind its own, and the report of it.

    card  a lorebook, or a card with one; of a card nothing else is taken
    seed  of the draws of {{random}}, {{pick}} and {{roll}}

    Raises CardError when there is no lorebook, and for more than a scene may hold.
    """
    if not isinstance(card.book, dict):
        raise CardError(f"{card.name} has no lorebook: give a card or a file with one")
    filler = Filler(conversation.agent, conversation.user, seed)
    book = opened(card, filler, len(conversation.direction.lore))
    entries = (*conversation.direction.lore, *book.entries())
    talk = conversation.directed(replace(conversation.direction, lore=entries))
    try:
        lore.check(entries, "lore")
    except ConfigError as error:
        raise CardError(str(error)) from error
    if weight(talk) > MAX_BYTES:
        raise CardError(f"the scene is larger than {MAX_BYTES // 1024**2} MB: leave entries out")
    casting = Casting(card, book.book, filler, card.name or "Lorebook", book.parts)
    spec = KINDS[isinstance(card.book.get("entries"), dict)]
    return talk, replace(reported(casting, 0, seed), spec=spec, greetings=(), creator_notes="")


def opened(card: Card, filler: Filler, before: int = 0) -> Book:
    """The lorebook in a card, its entries not yet read; `before` entries stand in the scene."""
    book = Book(Fields({"character_book": card.book}).inside("character_book"), filler, None)
    book.before = before
    return book


def of_lore(conversation: Conversation, kind: str) -> tuple[Card, tuple[str, ...]]:
    """The knowledge and lore of a scene as a lorebook, and what of the lore it cannot hold.

    kind  one of KINDS
    """
    direction = conversation.direction
    if kind == LOREBOOK:
        made = {"spec": LOREBOOK, "data": lore_written.book(direction.knowledge, direction.lore)}
    else:
        made = lore_written.world_info(direction.knowledge, direction.lore)
    return again(made), tuple(lore_written.unheld(direction.lore))


def again(document: dict[str, Any]) -> Card:
    text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    return read(text.encode("utf-8", "surrogatepass"), "the lorebook")


@dataclass(slots=True)
class Slot:
    """One entry of a file: its number there, what stands there, what it is in a scene, and the
    place of the scene's entry that it is now; None for none."""

    number: int
    stands: Any
    entry: LoreEntry | None
    now: int | None = None


def put_back(
    card: Card, conversation: Conversation, *, seed: int = 0
) -> tuple[Card, tuple[str, ...]]:
    """A lorebook with what the scene changed of its lore, and what it cannot hold, as paths.

    seed  that it was added with

    Without a change it is the file itself, byte for byte. An entry is known again by its content,
    its keys or its name; what is new in the scene comes last.
    """
    book = opened(card, Filler(conversation.agent, conversation.user, seed))
    slots = [
        Slot(n, stands, entry)
        for n, (stands, entry) in enumerate(zip(book.given, book.cast(), strict=True))
    ]
    now = conversation.direction.lore
    new = recognized(slots, now)
    same = [each.entry is None or unchanged(each, now) for each in slots]
    if all(same) and not new:
        return card, ()
    world = isinstance(card.book.get("entries"), dict)
    missing: list[str] = []
    made: list[Any] = []
    for slot, as_it_was in zip(slots, same, strict=True):
        if as_it_was:
            made.append(slot.stands)
        elif slot.now is not None:
            table, whole = changed_entry(book, slot, now[slot.now], world)
            made.append(table)
            missing += [] if whole else [f"lore.{slot.now}"]
    made += [fresh(now[n], len(slots) + count, world) for count, n in enumerate(new)]
    missing += [path for path in lore_written.unheld(now) if int(path.split(".")[1]) in new]
    return again(with_entries(card, made)), tuple(dict.fromkeys(missing))


def unchanged(slot: Slot, now: Sequence[LoreEntry]) -> bool:
    return slot.now is not None and now[slot.now] == slot.entry


def recognized(slots: Sequence[Slot], now: Sequence[LoreEntry]) -> list[int]:
    """Gives every slot its entry of the scene; the places of the entries that have no slot."""
    left = dict(enumerate(now))
    for mark in MARKS:
        places: dict[object, list[int]] = {}
        for n, entry in left.items():
            if mark(entry):
                places.setdefault(mark(entry), []).append(n)
        for slot in slots:
            if slot.entry is not None and slot.now is None and mark(slot.entry):
                found = places.get(mark(slot.entry))
                if found:
                    slot.now = found.pop(0)
                    del left[slot.now]
    return list(left)


MARKS: tuple[Callable[[LoreEntry], object], ...] = (
    lambda entry: entry,
    lambda entry: entry.content,
    lambda entry: entry.keys,
    lambda entry: entry.name,
)
"""What an entry is known by, the surest first."""


def changed_entry(
    book: Book, slot: Slot, entry: LoreEntry, world: bool
) -> tuple[dict[str, Any], bool]:
    """An entry of a file as the scene has it now, and whether all of it could be written."""
    stands = slot.stands if isinstance(slot.stands, dict) else {}
    before = fresh(slot.entry, slot.number, world) if slot.entry else {}
    after = fresh(entry, slot.number, world)
    # First only what differs; all, where that does not say it: decorators may have been there.
    for old in (before, {}):
        made = merged(stands, old, after)
        if read_again(book, made, slot.number) == entry:
            return made, True
    return made, False


def read_again(book: Book, table: dict[str, Any], number: int) -> LoreEntry | None:
    """What an entry of the file, written anew, is in a scene."""
    book.keys = book.tried = book.instructions = 0
    where = f"{book.book.where}entries[{number}]."
    return book.entry(Fields(lore_fields.translated(table), [], where))[0]


def merged(
    stands: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
) -> dict[str, Any]:
    """What stands there, with the fields that differ between before and after."""
    gone = before.keys() - after.keys()
    made = {name: each for name, each in stands.items() if name not in gone}
    for name, each in after.items():
        if isinstance(each, dict):
            inside, old = stands.get(name), before.get(name, {})
            made[name] = merged(inside if isinstance(inside, dict) else {}, old, each)
        elif name not in before or before[name] != each:
            made[name] = each
    return made


def fresh(entry: LoreEntry, number: int, world: bool) -> dict[str, Any]:
    table = lore_written.entry_table(entry, number)
    return lore_written.in_world(table) if world else table


def with_entries(card: Card, entries: Sequence[Any]) -> dict[str, Any]:
    """The file's object with these entries, as a list or by their numbers as it had them."""
    held: Any = entries
    if isinstance(card.book.get("entries"), dict):
        keys = [*card.book["entries"]]
        names = keys if len(entries) == len(keys) else map(str, range(len(entries)))
        held = dict(zip(names, entries, strict=True))
    book = {**card.book, "entries": held}
    inside = card.document.get("data") is card.book
    return {**card.document, "data": book} if inside else book
