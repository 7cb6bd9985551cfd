"""What fires at one moment of a talk, and what is held back.

First what is constant, sticky or brought up by the turns; then, round by round, what the passages
bring up. In each round timers and delays hold back, each group leaves one, and chance decides.
"""

import hashlib
import random
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tertulia.conversation import Fired, LoreEntry, Turn
from tertulia.lore.book import ROUNDS, Book, Known, timed
from tertulia.lore.texts import Key


@dataclass(frozen=True, slots=True)
class Chance:
    """Numbers in [0, 1) that are the same whenever they are drawn again.

    Without timers they depend on the seed and the number of turns. With timers on what was said
    last instead: a reply with another seed would else remember another past.
    """

    base: str
    timers: bool

    @classmethod
    def at(cls, turns: Sequence[Turn], moment: int, seed: int | None, timers: bool) -> "Chance":
        if not timers:
            return cls(f"{seed or 0} {moment}", timers)
        last = turns[moment - 1].text if moment else ""
        return cls(f"said {zlib.crc32(last.encode('utf-8', 'replace'))} {moment}", timers)

    def drawn(self, what: object) -> float:
        text = f"{self.base} {what}"
        if self.timers:
            # All earlier replies are drawn for again: this takes a tenth of what Random takes.
            drawn = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=7).digest()
            return int.from_bytes(drawn) / (1 << 56)
        return random.Random(text).random()


@dataclass
class Moment:
    """One look through a lorebook, when so many turns had been said.

    spoken    how often the agent had spoken
    since     place -> the moment at which a timed entry fired last
    asked     the places of the entries that are looked at
    found     what was due, by its place
    told      the places of what fired, in the order they did
    settled   places that are decided, whether they fired or not
    decided   groups of which an entry was chosen
    sources   places of the passages that others are looked for in
    """

    book: Book
    turns: int
    spoken: int
    since: Mapping[int, int]
    chance: Chance
    asked: Collection[int]
    found: dict[int, Fired] = field(default_factory=dict)
    told: list[int] = field(default_factory=list)
    settled: set[int] = field(default_factory=set)
    decided: set[str] = field(default_factory=set)
    sources: set[int] = field(default_factory=set)

    def look(self, places: Iterable[int]) -> dict[int, Fired]:
        """What is due among these entries, and what their passages bring up."""
        waiting: set[int] = set()
        due: list[Fired] = []
        for place in places:
            known = self.book.known[place]
            each = self.by_itself(known)
            if each:
                due.append(each)
            elif known.entry.recursive:
                waiting.add(place)
        self.settle(due)
        self.pass_on(waiting)
        return self.found

    def by_itself(self, known: Known) -> Fired | None:
        """The entry, if it is due without any passage."""
        place, entry = known.place, known.entry
        if self.state(place, entry) == "sticky":
            return Fired(entry=place, by="sticky")
        if entry.recursion_level:
            return None
        if entry.constant:
            return Fired(entry=place, by="constant")
        key = self.book.in_turns(known, self.turns)
        if key is None or not self.book.agreed(known, self.turns, ()):
            return None
        return Fired(entry=place, by="turn", key=key)

    def pass_on(self, waiting: set[int]) -> None:
        """What passages bring up, until nothing more is or after fifty rounds."""
        fresh, level = list(self.told), self.book.first_level
        found_keys: set[Key] = set()
        for _ in range(ROUNDS):
            loud = [n for n in fresh if self.book.known[n].entry.fires_others]
            self.sources.update(loud)
            if not self.sources:
                return
            spoken_of = {key for n in loud for key in self.book.keys_in.get(n, ())} - found_keys
            found_keys |= spoken_of
            waiting.update(n for key in spoken_of for n in self.book.having[key] if n in self.asked)
            waiting -= self.settled
            found = (self.by_passages(self.book.known[n], level) for n in sorted(waiting))
            before = len(self.told)
            self.settle([each for each in found if each])
            fresh = self.told[before:]
            if not fresh:
                levels = {self.book.known[n].entry.recursion_level for n in waiting - self.settled}
                higher = [each for each in levels if each > level]
                if not higher:
                    return
                level = min(higher)

    def by_passages(self, known: Known, level: int) -> Fired | None:
        """The entry, if it is due now that these passages are told."""
        place, entry = known.place, known.entry
        if entry.recursion_level > level:
            return None
        if entry.constant:
            return Fired(entry=place, by="constant")
        by, key = "passage", self.book.in_passages(known, self.sources)
        if key is None:
            key = self.book.in_turns(known, self.turns)
            by = "turn" if entry.recursion_level else "passage"
        if key is None or not self.book.agreed(known, self.turns, self.sources):
            return None
        return Fired(entry=place, by=by, key=key)

    def settle(self, due: Sequence[Fired]) -> None:
        """Decides about the entries that are due, once for each."""
        free: list[Fired] = []
        for each in due:
            self.settled.add(each.entry)
            if held := self.held(each):
                self.found[each.entry] = kept_back(each, held)
            else:
                free.append(each)
        left_out = self.left_out(free)
        for each in free:
            if each.entry in left_out:
                self.found[each.entry] = kept_back(each, "group")
            elif self.lucky(each):
                self.found[each.entry] = each
                self.told.append(each.entry)

    def state(self, place: int, entry: LoreEntry) -> str:
        """What its timers say: "sticky", "cooldown", or nothing."""
        if place not in self.since:
            return ""
        gone = self.turns - self.since[place]
        if gone <= entry.sticky:
            return "sticky"
        return "cooldown" if gone <= entry.sticky + entry.cooldown else ""

    def held(self, each: Fired) -> str:
        """Why an entry that is due must wait; empty when it need not."""
        entry = self.book.known[each.entry].entry
        if each.by == "sticky":
            return ""
        every = entry.every_replies
        if self.turns < entry.delay or self.spoken < entry.after_replies:
            return "delay"
        if every and self.spoken % every:
            return "delay"
        return self.state(each.entry, entry)

    def lucky(self, each: Fired) -> bool:
        probability = self.book.known[each.entry].entry.probability
        if each.by == "sticky" or probability == 1:
            return True
        return probability > 0 and self.chance.drawn(each.entry) < probability

    def left_out(self, due: Sequence[Fired]) -> set[int]:
        """Those that another entry of one of their groups leaves out."""
        members: dict[str, list[Fired]] = {}
        for each in due:
            for group in dict.fromkeys(self.book.known[each.entry].entry.groups):
                members.setdefault(group, []).append(each)
        out: set[int] = set()
        for group, given in members.items():
            left = [each for each in given if each.entry not in out]
            if group in self.decided:
                out.update(each.entry for each in left)
            elif left:
                chosen = self.chosen(group, left)
                out.update(each.entry for each in left if each.entry != chosen)
                self.decided.add(group)
        return out

    def chosen(self, group: str, due: Sequence[Fired]) -> int:
        """The one of a group: sticky ones first, then by score, priority, and weight."""
        places = [each.entry for each in due if each.by == "sticky"] or self.scored(due)
        entries = {n: self.book.known[n].entry for n in places}
        first = [n for n, entry in entries.items() if entry.group_priority]
        if first:
            return max(first, key=lambda n: (entries[n].order, -n))
        if len(places) == 1:
            return places[0]
        total = sum(entry.group_weight for entry in entries.values())
        left = self.chance.drawn(f"group {group}") * total
        for n, entry in entries.items():
            left -= entry.group_weight
            if left < 0:
                return n
        return places[-1]

    def scored(self, due: Sequence[Fired]) -> list[int]:
        """Those that may be chosen, now that found keys were counted where that is asked for."""
        places = [each.entry for each in due]
        known = [self.book.known[n] for n in places]
        if not any(each.entry.group_scoring for each in known):
            return places
        scores = [self.book.score(each, self.turns, self.sources) for each in known]
        best = max(scores)
        return [
            each.place
            for each, score in zip(known, scores, strict=True)
            if score == best or not each.entry.group_scoring
        ]

    def later(self) -> dict[int, int]:
        """`since` for the moments after this one."""
        known = self.book.known
        kept = {n: at for n, at in self.since.items() if self.state(n, known[n].entry)}
        fired = (self.found[n] for n in self.told if timed(known[n].entry))
        return {**kept, **{each.entry: self.turns for each in fired if each.by != "sticky"}}


def kept_back(due: Fired, held: str) -> Fired:
    return Fired(entry=due.entry, by=due.by, key=due.key, told=False, held=held)
