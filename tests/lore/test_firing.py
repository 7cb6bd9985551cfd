"""What fires at one moment: groups, levels of recursion, conditions, and what is held back."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia import lore
from tertulia.conversation import LoreEntry, Turn
from tests.lore.made import due, entry

SAID = (Turn("User", "The castle has a moat."),)


def told(*entries: LoreEntry, turns: tuple[Turn, ...] = SAID, seed: int = 0) -> list[int]:
    return [n for n, each in due(entries, turns, seed=seed).items() if each.told]


def test_of_a_group_one_fires_and_the_others_are_told_to_be_held_back() -> None:
    book = tuple(entry(str(n), "castle", groups=("g",)) for n in range(5))
    found = due(book, SAID)
    assert sorted(each.held for each in found.values()) == ["", *["group"] * 4]


def test_a_group_chooses_by_weight() -> None:
    weights = (10, 30, 60)
    book = tuple(entry("a", "castle", groups=("g",), group_weight=each) for each in weights)
    count = Counter(told(*book, seed=seed)[0] for seed in range(2_000))
    expected = [2_000 * each / 100 for each in weights]
    chi = sum((count[n] - many) ** 2 / many for n, many in enumerate(expected))
    # Two degrees of freedom: above 13.8 in one of a thousand.
    assert chi < 13.8, count


def test_the_seed_chooses_and_the_same_seed_chooses_the_same() -> None:
    book = tuple(entry(str(n), "castle", groups=("g",)) for n in range(9))
    assert len({told(*book, seed=seed)[0] for seed in range(40)}) > 4
    assert told(*book, seed=3) == told(*book, seed=3)
    assert lore.chancy(book)


def test_priority_in_a_group_goes_by_order() -> None:
    first = {"groups": ("g",), "group_priority": True}
    book = (
        entry("a", "castle", groups=("g",), order=99),
        entry("b", "castle", order=5, **first),
        entry("c", "castle", order=7, **first),
    )
    assert all(told(*book, seed=seed) == [2] for seed in range(20))


def test_with_scoring_the_entry_with_most_keys_said_is_chosen() -> None:
    book = (
        entry("a", "castle", "tower", groups=("g",), group_scoring=True),
        entry("b", "castle", "moat", groups=("g",), group_scoring=True),
    )
    assert all(told(*book, seed=seed) == [1] for seed in range(20))


@pytest.mark.parametrize(("logic", "chosen"), [("any", {1}), ("all", {1}), ("not_any", {0})])
def test_secondary_keys_count_in_scores_as_the_logic_says(logic: str, chosen: set[int]) -> None:
    scored = {"groups": ("g",), "group_scoring": True}
    more = {"selective": True, "logic": logic, **scored}
    other, words = ("has", "pike") if logic == "not_any" else ("tower", "moat")
    book = (
        entry("a", "castle", other, **scored),
        entry("b", "castle", secondary_keys=(words,), **more),
    )
    assert {told(*book, seed=seed)[0] for seed in range(20)} == chosen


def test_an_entry_of_two_groups_leaves_out_both() -> None:
    first = {"group_priority": True}
    book = (
        entry("a", "castle", groups=("g", "h"), order=9, **first),
        entry("b", "castle", groups=("g",), **first),
        entry("c", "castle", groups=("h",), **first),
    )
    assert told(*book) == [0]


def test_a_sticky_entry_keeps_its_group() -> None:
    turns = (Turn("User", "moat"), Turn("Agent", "Hm."), Turn("User", "castle"))
    book = (
        entry("a", "moat", groups=("g",), sticky=9, scan_depth=1),
        entry("b", "castle", groups=("g",), group_weight=1_000_000, scan_depth=1),
    )
    assert told(*book, turns=turns) == [0]


def test_one_that_cools_down_leaves_its_group_to_the_others() -> None:
    turns = (Turn("User", "moat"), Turn("Agent", "Hm."), Turn("User", "castle moat"))
    first = {"groups": ("g",), "group_priority": True}
    book = (entry("a", "moat", order=9, cooldown=9, **first), entry("b", "castle", **first))
    assert told(*book, turns=turns) == [1]


def test_an_entry_that_waits_for_recursion_fires_only_when_a_passage_did() -> None:
    waits = entry("b", "moat", recursive=True, recursion_level=1)
    assert told(waits) == []
    assert told(entry("a", "castle"), waits) == [0, 1]


def test_levels_open_one_after_another() -> None:
    book = (
        entry("a", "castle"),
        entry("frog", "moat", recursive=True, recursion_level=1),
        entry("pike", "frog", recursive=True, recursion_level=2),
        entry("never", "moat", recursive=True, recursion_level=3, exclude_keys=("pike",)),
    )
    assert told(*book) == [0, 1, 2]


def test_a_constant_entry_may_wait_for_recursion_too() -> None:
    waits = entry("b", constant=True, recursive=True, recursion_level=1)
    assert told(waits) == [] and told(entry("a", "castle"), waits) == [0, 1]


def test_a_secondary_key_may_stand_in_a_passage() -> None:
    asked = entry("b", "castle", selective=True, secondary_keys=("frog",), recursive=True)
    found = due((asked, entry("a frog", "moat")), SAID)
    assert found[0].by == "passage" and found[0].key == "castle"


def test_additional_keys_must_be_said_and_excluded_ones_must_not() -> None:
    assert told(entry("a", "castle", additional_keys=("tower", "moat"))) == [0]
    assert told(entry("a", "castle", additional_keys=("tower",))) == []
    assert told(entry("a", "castle", exclude_keys=("tower",))) == [0]
    assert told(entry("a", "castle", exclude_keys=("tower", "moat"))) == []


def test_they_count_beside_secondary_keys() -> None:
    asked = entry("a", "castle", selective=True, secondary_keys=("moat",), exclude_keys=("has",))
    assert told(asked) == [] and told(replace(asked, exclude_keys=("had",))) == [0]


def test_a_key_is_not_found_across_two_turns() -> None:
    turns = (Turn("User", "cas"), Turn("User", "tle"))
    assert (
        told(entry("a", "s\nt"), entry("b", "s\0t"), entry("c", "(?s)s.t", regex=True), turns=turns)
        == []
    )


keys = st.sampled_from(["a", "b", "c", "d", "ab", "bc"])
books = st.lists(
    st.builds(
        LoreEntry,
        content=st.text("abcd ", min_size=1, max_size=6),
        keys=st.lists(keys, max_size=2).map(tuple),
        secondary_keys=st.lists(keys, max_size=2).map(tuple),
        additional_keys=st.lists(keys, max_size=1).map(tuple),
        exclude_keys=st.lists(keys, max_size=1).map(tuple),
        selective=st.booleans(),
        logic=st.sampled_from(["any", "all", "not_any", "not_all"]),
        constant=st.booleans(),
        recursive=st.booleans(),
        recursion_level=st.integers(0, 3),
        fires_others=st.booleans(),
        probability=st.sampled_from([0.0, 0.5, 1.0]),
        groups=st.lists(st.sampled_from("gh"), max_size=2).map(tuple),
        group_weight=st.integers(1, 9),
        group_priority=st.booleans(),
        group_scoring=st.booleans(),
        sticky=st.integers(0, 3),
        cooldown=st.integers(0, 3),
        delay=st.integers(0, 3),
        after_replies=st.integers(0, 2),
        every_replies=st.integers(0, 2),
        scan_depth=st.integers(0, 3),
    ),
    max_size=6,
).map(tuple)
talks = st.lists(
    st.builds(Turn, st.sampled_from(["User", "Agent"]), st.text("abcd ", max_size=5)), max_size=9
).map(tuple)


@given(books, talks, st.integers())
@settings(max_examples=300, deadline=None)
def test_any_lorebook_and_talk_give_the_same_entries_again_each_once_and_one_of_a_group(
    book: tuple[LoreEntry, ...], turns: tuple[Turn, ...], seed: int
) -> None:
    found = lore.fired(book, turns, seed)
    assert found == lore.fired(book, turns, seed)
    places = [each.entry for each in found]
    assert len(set(places)) == len(places)
    assert all(each.told == (not each.held) for each in found)
    groups = [g for each in found if each.told for g in set(book[each.entry].groups)]
    assert len(set(groups)) == len(groups)


def test_a_chain_of_passages_ends() -> None:
    book = tuple(entry(f"w{n + 1}x", f"w{n}x", recursive=True) for n in range(2_000))
    found = told(*book, turns=(Turn("User", "w0x"),))
    assert found == list(range(len(found))) and 10 < len(found) < 60
