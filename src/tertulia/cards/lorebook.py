"""The lorebook of a card -> lore entries: fields of versions 2 and 3, and SillyTavern's own.

SillyTavern writes `use_regex: true` into every entry it exports, while it reads a key as a regular
expression only when it is written `/…/flags`. An entry that carries its marks is read that way, and
`constant` and `selective` count in it. Source: SillyTavern's world-info.js and characters.js.
"""

import re
from dataclasses import replace
from typing import Any

from tertulia import lore
from tertulia.cards import decorators
from tertulia.cards.decorators import Decorated
from tertulia.cards.document import Fields
from tertulia.cards.macros import Filler
from tertulia.cards.report import Part
from tertulia.config import shown
from tertulia.conversation import LOGICS, LoreEntry
from tertulia.errors import CardError, ConfigError

MAX_ENTRIES = 2_000
MAX_KEYS = 10_000
"""Of a lorebook; a look through 100,000 characters for that many takes about a second."""

MAX_TRIED = 1_000
"""The most keys of a lorebook that are read as regular expressions."""

SCAN_DEPTH = 4
"""Turns that are looked at where the card does not say: two of each side."""

SLASHED = re.compile(r"/(.+)/([a-z]*)", re.DOTALL)
TAVERN_LOGICS = ("any", "not_all", "not_any", "all")
WORLD = {
    "key": "keys", "keysecondary": "secondary_keys", "order": "insertion_order",
    "disable": "enabled", "caseSensitive": "case_sensitive",
}  # fmt: skip
"""SillyTavern's world-info names -> the cards'."""

INSIDE = {
    "selectiveLogic": "selectiveLogic", "matchWholeWords": "match_whole_words",
    "scanDepth": "scan_depth", "excludeRecursion": "exclude_recursion",
    "preventRecursion": "prevent_recursion", "probability": "probability",
    "useProbability": "useProbability",
}  # fmt: skip
"""The same, for those that a card keeps in `extensions`."""

TIMED = ("sticky", "cooldown", "delay", "delay_until_recursion", "group", "vectorized")
"""What SillyTavern has beside these, and nothing here does."""


class Book:
    """Turns the entries of one lorebook into lore, and keeps account."""

    def __init__(self, book: Fields, filler: Filler, greeting: int) -> None:
        self.book, self.filler, self.greeting = book, filler, greeting
        self.parts: list[Part] = []
        self.instructions = self.keys = self.tried = 0
        depth, budget = book.number("scan_depth"), book.number("token_budget")
        self.depth = SCAN_DEPTH if depth is None else int(depth)
        self.budget = max(int(budget or 0), 0)
        self.recursive = bool(book.flag("recursive_scanning"))

    def entries(self) -> tuple[LoreEntry, ...]:
        """Every entry, in the card's order. Raises CardError for too many."""
        value = self.book.table.get("entries")
        given = list(value.values()) if isinstance(value, dict) else value
        if not isinstance(given, list):
            self.book.note("entries", f"is {shown(value)}, must be a list")
            return ()
        if len(given) > MAX_ENTRIES:
            raise CardError(
                f"{len(given)} lore entries, more than {MAX_ENTRIES}: split the lorebook"
            )
        found: list[LoreEntry] = []
        for n, each in enumerate(given):
            where = f"{self.book.where}entries[{n}]"
            if not isinstance(each, dict):
                self.parts.append(Part(where, "", f"{shown(each)} is no entry"))
                continue
            entry, notes = self.entry(Fields(translated(each), self.book.notes, f"{where}."))
            to = f"lore[{len(found)}]" if entry else ""
            self.parts.append(Part(where, to, "; ".join(notes)))
            if entry:
                found.append(entry)
        return tuple(found)

    def entry(self, fields: Fields) -> tuple[LoreEntry | None, list[str]]:
        """One entry, and what is to be said about it; None for one that can never fire."""
        more = fields.inside("extensions")
        head = decorators.taken(fields.text("content"))
        notes = unread(fields, more, head)
        if (only := head.number("is_greeting")) is not None and only != self.greeting:
            return None, [*notes, f"it belongs to greeting {only}"]
        before = len(self.filler.hidden)
        # Without a priority the order counts as one, as in version 3.
        order, priority = int(fields.number("insertion_order") or 0), fields.number("priority")
        content = self.filler.fill(head.text, f"{fields.where}content")
        entry = LoreEntry(
            content=content,
            keys=self.filled(fields, "keys"),
            name=fields.text("comment") or fields.text("name"),
            constant=bool(fields.flag("constant")) or "activate" in head.values,
            enabled=fields.flag("enabled") is not False
            and ("dont_activate" not in head.values or "activate" in head.values),
            hidden="\n".join(self.filler.hidden[before:]),
            case_sensitive=bool(
                first_of(fields.flag("case_sensitive"), more.flag("case_sensitive"))
            ),
            whole_words=bool(more.flag("match_whole_words")),
            scan_depth=self.scanned(more, head),
            recursive=self.recursive and not more.flag("exclude_recursion"),
            fires_others=not more.flag("prevent_recursion"),
            probability=probability(more),
            budget=self.budget,
            order=order,
            priority=order if priority is None else int(priority),
        )
        entry = self.with_secondary(entry, fields, more, head, notes)
        return self.with_patterns(entry, fields, more, notes), notes

    def filled(self, fields: Fields, name: str) -> tuple[str, ...]:
        """Keys with their macros replaced, empty ones left out."""
        keys = (self.filler.fill(each, f"{fields.where}{name}") for each in fields.texts(name))
        found = tuple(key.strip() for key in keys if key.strip())
        self.keys += len(found)
        if self.keys > MAX_KEYS:
            raise CardError(f"more than {MAX_KEYS} keys of lore: split the lorebook")
        return found

    def scanned(self, more: Fields, head: Decorated) -> int:
        """How many turns are looked at: the entry's own depth, or the book's."""
        own = first_of(head.number("scan_depth"), more.number("scan_depth"))
        # No depth at all means "none of the turns" in a card and "all of them" here.
        return max(int(self.depth if own is None else own), 1)

    def with_secondary(
        self, entry: LoreEntry, fields: Fields, more: Fields, head: Decorated, notes: list[str]
    ) -> LoreEntry:
        """The entry with its secondary keys, from the field or from decorators."""
        number = int(more.number("selectiveLogic") or 0)
        logic = TAVERN_LOGICS[number] if 0 <= number < len(LOGICS) else "any"
        keys = self.filled(fields, "secondary_keys") if fields.flag("selective") else ()
        choices = [(keys, logic), (head.words("additional_keys"), "any")]
        choices += [(head.words("exclude_keys"), "not_any")]
        given = [each for each in choices if each[0]]
        if not given:
            return entry
        if len(given) > 1:
            notes.append("only the first of secondary keys, @@additional_keys and @@exclude_keys")
        return replace(entry, secondary_keys=given[0][0], logic=given[0][1], selective=True)

    def with_patterns(
        self, entry: LoreEntry, fields: Fields, more: Fields, notes: list[str]
    ) -> LoreEntry:
        """The entry with keys as RE2 reads them, when one of them is a regular expression."""
        given = (*entry.keys, *entry.secondary_keys)
        tavern = "selectiveLogic" in more.table
        whole = bool(fields.flag("use_regex")) and not tavern
        if not whole and not any(SLASHED.fullmatch(key) for key in given):
            return entry
        keys = self.readable(entry.keys, entry, whole, notes)
        secondary = self.readable(entry.secondary_keys, entry, whole, notes)
        # How capitals count is written into each pattern.
        return replace(
            entry, keys=keys, secondary_keys=secondary, regex=True, case_sensitive=True,
            whole_words=False,
        )  # fmt: skip

    def readable(
        self, keys: tuple[str, ...], entry: LoreEntry, whole: bool, notes: list[str]
    ) -> tuple[str, ...]:
        """Those keys that RE2 reads, as patterns; the others are told."""
        found: list[str] = []
        for key in keys:
            pattern = as_pattern(key, entry, whole)
            self.tried += 1
            try:
                if self.tried > MAX_TRIED:
                    raise ConfigError(f"more than {MAX_TRIED} patterns")
                size = lore.size(lore.compiled(pattern, True))
                if self.instructions + size > lore.MAX_PATTERNS:
                    raise ConfigError("all patterns together are too much")
            except ConfigError as error:
                notes.append(f"key {shown(key)} never matches: {error}")
            else:
                self.instructions += size
                found.append(pattern)
        return tuple(found)


def as_pattern(key: str, entry: LoreEntry, whole: bool) -> str:
    """A key as RE2 reads it: /…/flags unwrapped, a plain word quoted."""
    slashed = SLASHED.fullmatch(key)
    if slashed:
        flags = "".join(each for each in "ims" if each in slashed[2])
        return f"(?{flags}){slashed[1]}" if flags else slashed[1]
    fold = "" if entry.case_sensitive else "(?i)"
    return f"{fold}{key if whole else re.escape(key)}"


def translated(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry with the cards' names, where it has those of a world-info file."""
    if "key" not in entry or "keys" in entry:
        return entry
    found = {WORLD.get(name, name): value for name, value in entry.items() if name not in INSIDE}
    if isinstance(entry.get("disable"), bool):
        found["enabled"] = not entry["disable"]
    inside = entry.get("extensions")
    found["extensions"] = {
        **(inside if isinstance(inside, dict) else {}),
        **{INSIDE[name]: value for name, value in entry.items() if name in INSIDE},
    }
    return found


def unread(fields: Fields, more: Fields, head: Decorated) -> list[str]:
    """What an entry asks for that has no place in a scene."""
    notes = [f"{each} is not taken" for each in head.ignored[:8]]
    notes += [f"{name} is not taken" for name in TIMED if more.table.get(name)]
    if fields.table.get("position") or more.table.get("position"):
        notes.append("its place is where the family puts knowledge")
    return notes


def probability(more: Fields) -> float:
    """From per cent; 1 where it is not used."""
    given = more.number("probability")
    if given is None or more.flag("useProbability") is False:
        return 1.0
    return min(max(given, 0), 100) / 100


def first_of(*values: Any) -> Any:  # noqa: ANN401 - the first that is given, of one type
    return next((each for each in values if each is not None), None)
