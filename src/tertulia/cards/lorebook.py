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
from tertulia.cards.lore_fields import (
    count,
    first_of,
    grouped,
    probability,
    ranked,
    regexed,
    timers,
    translated,
    unread,
    waits,
)
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


class Book:
    """Turns the entries of one lorebook into lore, and keeps account."""

    def __init__(self, book: Fields, filler: Filler, greeting: int | None) -> None:
        self.book, self.filler, self.greeting = book, filler, greeting
        self.parts: list[Part] = []
        self.instructions = self.keys = self.tried = self.before = 0
        depth, budget = book.number("scan_depth"), book.number("token_budget")
        self.depth = SCAN_DEPTH if depth is None else int(depth)
        self.budget = max(int(budget or 0), 0)
        self.given = given(book)
        recursive = book.flag("recursive_scanning")
        # Where a book does not say, the maker of an entry that waits for recursion had it on.
        self.recursive = any(map(waits, self.given)) if recursive is None else recursive

    def entries(self) -> tuple[LoreEntry, ...]:
        """Every entry that can fire, in the card's order. Raises CardError for too many."""
        return tuple(each for each in self.cast() if each)

    def cast(self) -> list[LoreEntry | None]:
        """For each entry of the file what it is in a scene, None for one that has no place there.

        Raises CardError for too many.
        """
        given = self.given
        if len(given) > MAX_ENTRIES:
            raise CardError(
                f"{len(given)} lore entries, more than {MAX_ENTRIES}: split the lorebook"
            )
        found: list[LoreEntry | None] = []
        taken = 0
        for n, each in enumerate(given):
            where = f"{self.book.where}entries[{n}]"
            if not isinstance(each, dict):
                self.parts.append(Part(where, "", f"{shown(each)} is no entry"))
                found.append(None)
                continue
            entry, notes = self.entry(Fields(translated(each), self.book.notes, f"{where}."))
            to = f"lore[{self.before + taken}]" if entry else ""
            self.parts.append(Part(where, to, "; ".join(notes)))
            taken += entry is not None
            found.append(entry)
        return found

    def entry(self, fields: Fields) -> tuple[LoreEntry | None, list[str]]:
        """One entry, and what is to be said about it; None for one that can never fire."""
        more = fields.inside("extensions")
        head = decorators.taken(fields.text("content"))
        notes = unread(fields, more, head)
        only = head.number("is_greeting")
        if only is not None and self.greeting is not None and only != self.greeting:
            return None, [*notes, f"it belongs to greeting {only}"]
        before = len(self.filler.hidden)
        content = self.filler.fill(head.text, f"{fields.where}content")
        entry = LoreEntry(
            content=content,
            keys=self.filled(fields, "keys"),
            name=fields.text("comment") or fields.text("name"),
            constant=bool(fields.flag("constant")) or head.any("activate", "constant"),
            enabled=fields.flag("enabled") is not False
            and (not head.any("dont_activate") or head.any("activate")),
            hidden="\n".join(self.filler.hidden[before:]),
            case_sensitive=bool(
                first_of(fields.flag("case_sensitive"), more.flag("case_sensitive"))
            ),
            whole_words=not head.any("match_partial_word")
            and (bool(more.flag("match_whole_words")) or head.any("match_full_word")),
            scan_depth=self.scanned(more, head),
            probability=probability(more, head),
            budget=0 if more.flag("ignore_budget") else self.budget,
            **self.recursion(more, head, notes),
            **ranked(fields, head),
            **grouped(more, notes),
            **timers(more, head),
        )
        entry = self.with_secondary(entry, fields, more, head, notes)
        return self.with_patterns(entry, fields, more, notes), notes

    def recursion(self, more: Fields, head: Decorated, notes: list[str]) -> dict[str, Any]:
        """Whether passages bring it up and it brings up others, and at which level."""
        on = (self.recursive or head.any("recursive")) and not head.any("unrecursive")
        on = on and not more.flag("exclude_recursion")
        given = more.table.get("delay_until_recursion")
        level = int(given) if isinstance(given, bool) else count(more, "delay_until_recursion")
        if level and not on:
            notes.append("it waits for recursion, which it does not take part in: it never fires")
        return {
            "recursive": on,
            "recursion_level": level,
            "fires_others": not more.flag("prevent_recursion")
            and not head.any("no_recursive_search"),
        }

    def filled(self, fields: Fields, name: str) -> tuple[str, ...]:
        """Keys with their macros replaced, empty ones left out."""
        keys = (self.filler.fill(each, f"{fields.where}{name}") for each in fields.texts(name))
        found = tuple(key.strip() for key in keys if key.strip())
        self.count_keys(len(found))
        return found

    def count_keys(self, more: int) -> None:
        self.keys += more
        if self.keys > MAX_KEYS:
            raise CardError(f"more than {MAX_KEYS} keys of lore: split the lorebook")

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
        keys = self.filled(fields, "secondary_keys") if fields.flag("selective") else ()
        additional, excluded = head.words("additional_keys"), head.words("exclude_keys")
        self.count_keys(len(additional) + len(excluded))
        if regexed(fields, more):
            # So the specification: with regular expressions these are further ones.
            entry = replace(entry, keys=(*entry.keys, *additional))
            additional = ()
            if excluded:
                notes.append("@@exclude_keys is not taken with regular expressions")
            excluded = ()
        entry = replace(entry, additional_keys=additional, exclude_keys=excluded)
        if not keys:
            return entry
        logic = TAVERN_LOGICS[number] if 0 <= number < len(LOGICS) else "any"
        return replace(entry, secondary_keys=keys, logic=logic, selective=True)

    def with_patterns(
        self, entry: LoreEntry, fields: Fields, more: Fields, notes: list[str]
    ) -> LoreEntry:
        """The entry with keys as RE2 reads them, when one of them is a regular expression."""
        given = {name: getattr(entry, name) for name in lore.KEYS}
        whole = regexed(fields, more)
        slashed = (SLASHED.fullmatch(key) for keys in given.values() for key in keys)
        if not whole and not any(slashed):
            return entry
        read: dict[str, Any] = {
            name: self.readable(keys, entry, whole, notes) for name, keys in given.items()
        }
        if entry.additional_keys and not read["additional_keys"]:
            read["keys"] = ()
        # How capitals count is written into each pattern.
        return replace(entry, **read, regex=True, case_sensitive=True, whole_words=False)

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


def given(book: Fields) -> list[Any]:
    """The entries as they stand in the file: a list, or an object by their numbers."""
    value = book.table.get("entries")
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, list):
        return value
    book.note("entries", f"is {shown(value)}, must be a list")
    return []


def as_pattern(key: str, entry: LoreEntry, whole: bool) -> str:
    """A key as RE2 reads it: /…/flags unwrapped, a plain word quoted."""
    slashed = SLASHED.fullmatch(key)
    if slashed:
        flags = "".join(each for each in "ims" if each in slashed[2])
        return f"(?{flags}){slashed[1]}" if flags else slashed[1]
    fold = "" if entry.case_sensitive else "(?i)"
    return f"{fold}{key if whole else re.escape(key)}"
