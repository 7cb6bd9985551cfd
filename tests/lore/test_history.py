"""Timers: what an entry did at earlier replies is found again from the talk alone."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia import lore
from tertulia.conversation import FOREVER, LoreEntry, Turn
from tests.lore.made import due, entry, exchanges, states

SPEAKERS = ("User", "Agent")


def alone(*texts: str) -> tuple[Turn, ...]:
    """A talk in which every turn is a reply, so that every number of turns is a moment."""
    return tuple(Turn("Agent", text) for text in texts)


def test_the_example_of_sillytavern_s_documentation() -> None:
    asked = entry("a", "castle", sticky=3, cooldown=2, delay=2)
    told = states(asked, alone(*["castle"] * 8))
    assert told == ["delay", "turn", *["sticky"] * 3, *["cooldown"] * 2, "turn"]


def test_a_sticky_entry_stays_when_its_key_is_no_longer_said() -> None:
    turns = alone("castle", *["Hm."] * 5)
    assert states(entry("a", "castle", sticky=3, scan_depth=1), turns) == [
        "turn", "sticky", "sticky", "sticky", "", "",
    ]  # fmt: skip


def test_its_key_said_again_does_not_make_it_stay_longer() -> None:
    turns = alone("castle", "castle", "castle", "Hm.", "Hm.")
    assert states(entry("a", "castle", sticky=2, scan_depth=1), turns)[3:] == ["", ""]


def test_cooldown_begins_when_an_entry_fires_or_is_no_longer_sticky() -> None:
    turns = alone(*["castle"] * 5)
    assert states(entry("a", "castle", cooldown=1), turns) == [
        "turn", "cooldown", "turn", "cooldown", "turn",
    ]  # fmt: skip


def test_timers_are_counted_from_replies_and_not_from_what_nobody_answered() -> None:
    # The agent says the key itself; before its next reply nobody had heard the passage.
    turns = (Turn("User", "Hi"), Turn("Agent", "A castle!"), Turn("User", "Ah."))
    asked = entry("a", "castle", cooldown=2)
    assert due((asked,), turns)[0].told


def test_an_opening_turn_is_no_reply() -> None:
    opened = (Turn("Agent", "Welcome."), Turn("User", "Hi"))
    assert due((entry("a", constant=True, cooldown=9),), opened)[0].told


def test_a_reply_that_was_taken_back_is_forgotten() -> None:
    asked = entry("a", "castle", cooldown=9, scan_depth=1)
    talk = exchanges(2)
    assert due((asked,), talk)[0].held == "cooldown"
    branch = (Turn("User", "Hi"), Turn("Agent", "Hm."), Turn("User", "castle"))
    assert due((asked,), branch)[0].told


def test_an_entry_may_fire_once_for_ever_or_from_then_on_for_ever() -> None:
    turns = exchanges(40)
    once = entry("a", "castle", cooldown=FOREVER)
    assert due((once,), turns[:1])[0].told and due((once,), turns)[0].held == "cooldown"
    kept = entry("a", "tower", sticky=FOREVER, scan_depth=1)
    said = (Turn("User", "tower"), *turns[1:])
    assert due((kept,), said)[0].by == "sticky"


def test_replies_are_counted_for_after_and_every() -> None:
    after = entry("a", constant=True, after_replies=2)
    every = entry("b", constant=True, every_replies=3)
    told = [due((after, every), exchanges(n)) for n in range(1, 8)]
    assert [each[0].told for each in told] == [n >= 2 for n in range(7)]
    assert [each[1].told for each in told] == [n % 3 == 0 for n in range(7)]


def test_the_seed_does_not_change_what_a_lorebook_with_timers_did() -> None:
    book = (entry("a", "castle", sticky=4, probability=0.5), entry("b", "castle", probability=0.5))
    turns = exchanges(9)
    assert len({lore.fired(book, turns, seed) for seed in range(20)}) == 1
    assert not lore.chancy(book) and lore.chancy(book[1:])


def test_chance_with_timers_changes_with_what_is_said() -> None:
    book = tuple(entry("a", constant=True, probability=0.5, cooldown=1) for _ in range(40))
    found = {tuple(due(book, (Turn("User", text),))) for text in "abcdef"}
    assert len(found) == 6


def test_a_passage_that_its_budget_left_out_has_fired_all_the_same() -> None:
    book = (entry("aaaa", "castle", budget=3, cooldown=9),)
    assert due(book, exchanges(1))[0].held == "budget"
    assert due(book, exchanges(2))[0].held == "cooldown"


timed = st.builds(
    entry,
    st.just("a"),
    st.just("castle"),
    sticky=st.integers(0, 6),
    cooldown=st.integers(0, 6),
    delay=st.integers(0, 6),
    scan_depth=st.integers(0, 3),
)
talks = st.lists(
    st.builds(Turn, st.sampled_from(SPEAKERS), st.sampled_from(["castle", "Hm.", "moat"])),
    min_size=1,
    max_size=24,
).map(tuple)


def automaton(asked: LoreEntry, turns: tuple[Turn, ...]) -> str:
    """What becomes of an entry now, by going through the moments one after another."""
    since = None
    moments = [n for n in range(1, len(turns)) if turns[n].speaker == "Agent"]
    state = ""
    for n in (*moments, len(turns)):
        gone = None if since is None else n - since
        window = turns[max(n - asked.scan_depth, 0) if asked.scan_depth else 0 : n]
        heard = any("castle" in turn.text for turn in window)
        if gone is not None and gone <= asked.sticky:
            state = "sticky"
        elif not heard:
            state = ""
        elif n < asked.delay:
            state = "delay"
        elif gone is not None and gone <= asked.sticky + asked.cooldown:
            state = "cooldown"
        else:
            state, since = "turn", n
    return state


@given(timed, talks)
@settings(max_examples=300, deadline=None)
def test_timers_do_what_going_through_the_talk_by_hand_does(
    asked: LoreEntry, turns: tuple[Turn, ...]
) -> None:
    found = due((asked,), turns).get(0)
    assert ("" if found is None else found.held or found.by) == automaton(asked, turns)


@given(timed.filter(lambda each: each.sticky), st.integers(1, 8))
@settings(max_examples=60, deadline=None)
def test_a_sticky_entry_stays_exactly_so_many_turns(asked: LoreEntry, before: int) -> None:
    asked = replace(asked, delay=0, cooldown=0, scan_depth=1)
    turns = alone(*["Hm."] * before, "castle", *["Hm."] * 9)
    told = states(asked, turns)
    assert told == [*[""] * before, "turn", *["sticky"] * asked.sticky, *[""] * (9 - asked.sticky)]


@given(st.lists(timed | st.builds(entry, st.just("b"), st.just("moat"), cooldown=st.integers(0, 3),
                                  groups=st.just(("g",)), recursive=st.booleans()),
                max_size=4).map(tuple), talks)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_the_same_talk_gives_the_same_entries(
    book: tuple[LoreEntry, ...], turns: tuple[Turn, ...]
) -> None:
    assert lore.fired(book, turns, 1) == lore.fired(book, turns, 1)


@pytest.mark.parametrize("letters", [60, 3_000])
def test_of_a_very_long_talk_the_latest_part_is_remembered_and_the_same_for_some_turns(
    letters: int,
) -> None:
    talk = exchanges(4_000 if letters < 100 else 90, "castle " + "x" * letters)
    asked = entry("a", "castle", cooldown=5, scan_depth=1)
    told = [due((asked,), talk[: len(talk) - 2 * n])[0].told for n in range(6)]
    assert told in ([bool(n % 3 == k) for n in range(6)] for k in range(3))
