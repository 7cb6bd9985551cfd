"""A lorebook beside a talk: what may be passed over, and how much of a talk is looked at."""

from hypothesis import given, settings

from tertulia.conversation import LoreEntry, Turn
from tertulia.lore.book import LOOKED_AT, Book, remembered
from tertulia.lore.firing import Chance, Moment
from tertulia.lore.history import Talk, since
from tests.lore.made import entry, exchanges
from tests.lore.test_firing import books, talks


def gone_through(book: Book, talk: Talk) -> dict[int, int]:
    """When each timed entry fired last, by looking at every entry at every reply."""
    found: dict[int, int] = {}
    for moment in talk.moments(0):
        chance = Chance.at(talk.turns, moment, talk.seed, talk.timers)
        look = Moment(book, moment, talk.spoken(moment), found, chance, book.known)
        look.look(book.known)
        found = look.later()
    return found


def running(found: dict[int, int], lore: tuple[LoreEntry, ...], now: int) -> dict[int, int]:
    """Those whose timers are not over now."""
    return {n: at for n, at in found.items() if now - at <= lore[n].sticky + lore[n].cooldown}


@given(books, talks)
@settings(max_examples=400, deadline=None)
def test_looking_only_at_what_matters_finds_the_same_past(
    lore: tuple[LoreEntry, ...], turns: tuple[Turn, ...]
) -> None:
    book, talk, now = Book(lore, turns, 0), Talk(turns, "Agent", 0, True), len(turns)
    short, whole = since(book, talk), gone_through(book, talk)
    assert running(short, lore, now) == running(whole, lore, now)


def test_without_timers_only_the_turns_that_some_entry_looks_at_are_looked_at() -> None:
    turns = exchanges(50)
    assert remembered((entry("a", scan_depth=4), entry("b", scan_depth=2)), turns, False) == 95
    assert remembered((entry("a"),), turns, False) == 0


def test_with_timers_a_talk_of_two_hundred_turns_is_remembered_whole() -> None:
    book = (entry("a", sticky=1),) * 500
    assert remembered(book, exchanges(100, "so many words that a turn may have " * 5), True) == 0


def test_of_a_longer_talk_the_first_turn_moves_in_steps() -> None:
    turns, book = exchanges(3_000, "x" * 150), (entry("a", sticky=1),)
    firsts = {remembered(book, turns[:n], True) for n in range(4_000, 4_100)}
    assert len(firsts) == 1
    heard = sum(len(turn.text) for turn in turns[firsts.pop() : 4_000])
    assert LOOKED_AT / 3 < heard <= LOOKED_AT
