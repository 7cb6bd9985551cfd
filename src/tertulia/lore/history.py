"""What lore did at the earlier replies of a talk, found again from the talk alone.

Nothing about timers is kept: each time the replies before are gone through again. So a branch, a
deleted turn and a talk that was read from a file have the past that their turns tell.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from tertulia.conversation import Turn
from tertulia.lore.book import Book, Known, timed
from tertulia.lore.firing import Chance, Moment


@dataclass(frozen=True, slots=True)
class Talk:
    """A talk as lore sees it: its turns, who the agent is, and the seed of chance."""

    turns: Sequence[Turn]
    agent: str
    seed: int | None
    timers: bool

    def spoken(self, moment: int) -> int:
        """How often the agent had spoken when so many turns had been said."""
        return sum(turn.speaker == self.agent for turn in self.turns[:moment])

    def moments(self, first: int) -> list[int]:
        """How many turns had been said before each reply after the first of these turns.

        An opening turn is no reply: nothing had been said.
        """
        return [n for n in range(first + 1, len(self.turns)) if self.turns[n].speaker == self.agent]


def since(book: Book, talk: Talk) -> dict[int, int]:
    """Place -> the moment at which a timed entry fired last, before now."""
    asked = relevant(book)
    if not asked:
        return {}
    places = {each.place for each in asked}
    moments = talk.moments(book.first)
    due = calendar(asked, [each - book.first for each in moments])
    before, found = talk.spoken(book.first + 1), dict[int, int]()
    for number, moment in enumerate(moments):
        # Every turn of the agent after the first that is looked at is one of the moments.
        spoken = before + number
        chance = Chance.at(talk.turns, moment, talk.seed, talk.timers)
        look = Moment(book, moment, spoken, found, chance, places)
        sticky = (n for n in found if look.state(n, book.known[n].entry) == "sticky")
        if begun := {*due[number], *sticky}:
            look.look(sorted(begun))
            found = look.later()
    return found


def relevant(book: Book) -> list[Known]:
    """The entries whose past matters: timed ones, and those that decide whether they fire."""
    left = [n for n, each in book.known.items() if timed(each.entry)]
    groups: dict[str, list[int]] = {}
    for n, each in book.known.items():
        for group in each.entry.groups:
            groups.setdefault(group, []).append(n)
    wanted = set(left)
    while left:
        known = book.known[left.pop()]
        if known.entry.recursive and known.entry.recursion_level:
            # It waits for any passage whatever.
            return list(book.known.values())
        more = {n for group in known.entry.groups for n in groups.pop(group, ())}
        if known.entry.recursive:
            more |= book.bringing(known)
        left += more - wanted
        wanted |= more
    return [each for n, each in book.known.items() if n in wanted]


def calendar(asked: Sequence[Known], moments: Sequence[int]) -> list[list[int]]:
    """For each moment the entries that may be due: constant ones, and those whose keys stand in the
    turns they look at. Moments are counted from the first turn that is looked at."""
    due: list[list[int]] = [[] for _ in moments]
    for known in asked:
        if known.entry.constant:
            for each in due:
                each.append(known.place)
            continue
        end = 0
        for at in known.said_at:
            begin = max(bisect_right(moments, at), end)
            depth = known.entry.scan_depth
            end = bisect_right(moments, at + depth) if depth else len(moments)
            for each in due[begin:end]:
                each.append(known.place)
            end = max(begin, end)
    return due
