"""A lorebook beside one talk: which keys stand in which turns, and in which passages.

Made once for a talk, for all the moments that are looked at. A moment is a number of turns: that
many had been said. Only entries that could fire at some moment are looked at again.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tertulia.conversation import LoreEntry, Turn
from tertulia.lore.texts import Key, Texts, Wanted, read_as

LOOKED_AT = 100_000
"""Keys are looked for in so many of the latest characters, and in so many of fired passages."""

AT_ONCE = 400_000
"""Turns times entries that timers remember: eight hundred turns of a lorebook of five hundred."""

LEAST = 16
"""Turns that timers remember in any lorebook."""

ROUNDS = 50
"""The most times that passages bring up more passages."""

Heard = tuple[str, tuple[int, ...]]
"""A key, and the turns that it stands in, from the first that is looked at."""


def timed(entry: LoreEntry) -> bool:
    """Whether what the entry does depends on when it fired before."""
    return bool(entry.sticky or entry.cooldown)


def remembered(lore: Sequence[LoreEntry], turns: Sequence[Turn], timers: bool) -> int:
    """The place of the first turn that is looked at.

    Without timers the turns that some entry looks at, of the latest 100,000 characters. With them
    all of those, fewer for a large lorebook; the place then moves in steps, so that timers do not
    change from turn to turn.
    """
    least = LOOKED_AT // max(AT_ONCE // max(len(lore), 1), LEAST) if timers else 0
    depths = [each.scan_depth or len(turns) for each in lore]
    earliest = 0 if timers else max(len(turns) - max(depths, default=0), 0)
    first, room = len(turns), LOOKED_AT
    while first > earliest and (first == len(turns) or room > 0):
        first -= 1
        room -= max(len(turns[first].text) + len(turns[first].image), least)
    if not (first and timers):
        return first
    step = 1 << max(((len(turns) - first) // 2).bit_length() - 1, 0)
    return -(-first // step) * step


def said(turn: Turn) -> str:
    """What is looked at of a turn."""
    return (f"{turn.text}\n{turn.image}" if turn.image else turn.text)[-LOOKED_AT:]


@dataclass(slots=True)
class Known:
    """An entry that could fire.

    heard     the keys that stand in turns, in the entry's order
    said_at   all turns that they stand in
    """

    place: int
    entry: LoreEntry
    heard: list[Heard] = field(default_factory=list)
    said_at: list[int] = field(default_factory=list)

    def window(self, moment: int) -> tuple[int, int]:
        """The turns that are looked at: from the first to before the last."""
        depth = self.entry.scan_depth
        return (max(moment - depth, 0) if depth else 0), moment


class Book:
    """The entries that could fire in a talk.

    known        by place, in the lorebook's order
    keys_in      place of a passage -> the keys of recursive entries that stand in it
    having       key -> the places of the recursive entries that have it
    inside       key -> the places of the passages that it stands in
    first_level  the lowest recursion level above 0, the first that passages bring up; 0 for none
    """

    def __init__(self, lore: Sequence[LoreEntry], turns: Sequence[Turn], first: int) -> None:
        self.first = first
        self.turns = Texts([said(each) for each in turns[first:]])
        self.known: dict[int, Known] = {}
        self.shelves: list[tuple[Texts, list[int]]] = []
        self.keys_in: dict[int, list[Key]] = {}
        self.having: dict[Key, dict[int, None]] = {}
        self.inside: dict[Key, set[int]] = {}
        entries = [(n, each) for n, each in enumerate(lore) if each.enabled and each.content]
        levels = (each.recursion_level for _, each in entries if each.recursion_level)
        self.first_level = min(levels, default=0)
        wanted = Wanted(entries)
        possible = wanted.possible(self.turns)
        for place, entry in entries:
            found = self.heard(place, entry, possible.get(place, ()))
            if entry.constant or found.heard:
                self.known[place] = found
        if any(each.recursive and each.keys for _, each in entries):
            self.pass_on(lore, wanted)
        self.known = dict(sorted(self.known.items()))

    def heard(self, place: int, entry: LoreEntry, keys: Iterable[int]) -> Known:
        found = Known(place, entry)
        for n in keys:
            key = entry.keys[n]
            if places := self.turns.having(key, entry):
                found.heard.append((key, places))
                found.said_at += places
        found.said_at = sorted(set(found.said_at))
        return found

    def pass_on(self, lore: Sequence[LoreEntry], wanted: Wanted) -> None:
        """Finds what passages can bring up, from those that turns can, round by round."""
        left, fresh = LOOKED_AT, list(self.known)
        for _ in range(ROUNDS):
            shelf, passages = [], []
            for place in fresh:
                if lore[place].fires_others and left > 0:
                    passage = f"{lore[place].content}\n{lore[place].hidden}"[:left]
                    left -= len(passage)
                    shelf.append(place)
                    passages.append(passage)
            if not shelf:
                return
            self.shelves.append((Texts(passages), shelf))
            fresh = self.newly_known(lore, wanted)

    def newly_known(self, lore: Sequence[LoreEntry], wanted: Wanted) -> list[int]:
        """The entries whose keys stand in the latest passages and that were not known before."""
        texts, shelf = self.shelves[-1]
        fresh: list[int] = []
        new: set[Key] = set()
        for place, keys in wanted.possible(texts).items():
            entry = lore[place]
            if not entry.recursive:
                continue
            found = [
                read_as(entry.keys[n], entry) for n in keys if texts.having(entry.keys[n], entry)
            ]
            for key in found:
                self.having.setdefault(key, {})[place] = None
            new.update(found)
            if found and place not in self.known:
                self.known[place] = Known(place, entry)
                fresh.append(place)
        for key in sorted(new):
            sources = [shelf[n] for n in texts.found[key]]
            self.inside.setdefault(key, set()).update(sources)
            for source in sources:
                self.keys_in.setdefault(source, []).append(key)
        return fresh

    def in_turns(self, known: Known, moment: int) -> str | None:
        """The first key of an entry that stands in the turns it looks at."""
        low, high = (each - self.first for each in known.window(moment))
        for key, at in known.heard:
            n = bisect_left(at, low)
            if n < len(at) and at[n] < high:
                return key
        return None

    def holds(self, known: Known, key: str, moment: int, passages: Collection[int]) -> bool:
        """Whether a key stands in the turns that its entry looks at, or in these passages."""
        low, high = (each - self.first for each in known.window(moment))
        places = self.turns.having(key, known.entry)
        n = bisect_left(places, low)
        if n < len(places) and places[n] < high:
            return True
        return bool(passages) and not self.sources(known, key).isdisjoint(passages)

    def sources(self, known: Known, key: str) -> set[int]:
        """The passages that a key stands in."""
        asked = read_as(key, known.entry)
        if asked not in self.inside:
            self.inside[asked] = {
                shelf[n] for texts, shelf in self.shelves for n in texts.having(key, known.entry)
            }
        return self.inside[asked]

    def bringing(self, known: Known) -> set[int]:
        """The passages that have to do with whether a recursive entry fires."""
        entry = known.entry
        more = (*entry.secondary_keys, *entry.additional_keys, *entry.exclude_keys)
        found: set[int] = set().union(*(self.sources(known, key) for key in more))
        return found.union(*(self.inside.get(read_as(key, entry), ()) for key in entry.keys))

    def in_passages(self, known: Known, passages: Collection[int]) -> str | None:
        """The first key of an entry that stands in one of these passages."""
        for key in known.entry.keys:
            sources = self.inside.get(read_as(key, known.entry))
            if sources and not sources.isdisjoint(passages):
                return key
        return None

    def agreed(self, known: Known, moment: int, passages: Collection[int]) -> bool:
        """Whether the other keys of an entry whose key was found let it fire."""
        entry = known.entry

        def seen(keys: Sequence[str]) -> Iterator[bool]:
            return (self.holds(known, each, moment, passages) for each in keys)

        if entry.additional_keys and not any(seen(entry.additional_keys)):
            return False
        if entry.exclude_keys and any(seen(entry.exclude_keys)):
            return False
        if not entry.selective or not entry.secondary_keys:
            return True
        match entry.logic:
            case "any":
                return any(seen(entry.secondary_keys))
            case "all":
                return all(seen(entry.secondary_keys))
            case "not_any":
                return not any(seen(entry.secondary_keys))
            case _:
                return not all(seen(entry.secondary_keys))

    def score(self, known: Known, moment: int, passages: Collection[int]) -> int:
        """How many of an entry's keys were found, for entries of one group."""
        entry = known.entry
        found = sum(self.holds(known, key, moment, passages) for key in entry.keys)
        if entry.selective and entry.secondary_keys and entry.logic in ("any", "all"):
            more = [self.holds(known, key, moment, passages) for key in entry.secondary_keys]
            found += sum(more) if entry.logic == "any" or all(more) else 0
        return found
