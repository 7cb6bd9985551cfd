"""Lorebooks of their own: World Info and lorebook_v3, into a scene and out of one again."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia import cards
from tertulia.conversation import Conversation, Direction, LoreEntry
from tertulia.errors import CardError
from tests.cards.made import as_json, card, entry

OWN = LoreEntry(content="It is Sunday.", constant=True)
SCENE = Conversation(agent="Ana", user="Bo", direction=Direction(lore=(OWN,)))


def world_entry(**changes: Any) -> dict[str, Any]:
    """An entry as SillyTavern writes it into a World Info file."""
    plain: dict[str, Any] = {
        "uid": 0, "key": ["honey"], "keysecondary": [], "comment": "Honey",
        "content": "{{char}}'s honey is dark.", "constant": False, "vectorized": False,
        "selective": True, "selectiveLogic": 0, "addMemo": True, "order": 100, "position": 0,
        "disable": False, "ignoreBudget": False, "excludeRecursion": False,
        "preventRecursion": False, "delayUntilRecursion": False, "probability": 100,
        "useProbability": True, "depth": 4, "group": "", "groupOverride": False,
        "groupWeight": 100, "scanDepth": None, "caseSensitive": None, "matchWholeWords": None,
        "useGroupScoring": None, "automationId": "", "role": None, "sticky": None,
        "cooldown": None, "delay": None, "displayIndex": 0, "triggers": [],
        "characterFilter": {"isExclude": False, "names": [], "tags": []},
    }  # fmt: skip
    return {**plain, **changes}


def world(*entries: dict[str, Any]) -> cards.Card:
    document = {"entries": {str(n): each for n, each in enumerate(entries)}, "x_unknown": [1]}
    return cards.read(as_json(document), "world.json")


def only(**changes: Any) -> LoreEntry:
    return cards.added(world(world_entry(**changes)), SCENE)[0].direction.lore[1]


def notes(**changes: Any) -> str:
    return cards.added(world(world_entry(**changes)), SCENE)[1].parts[0].note


def test_its_entries_go_behind_the_scene_s_own_and_macros_are_the_scene_s_names() -> None:
    talk, report = cards.added(world(world_entry()), SCENE)
    assert talk.direction.lore[0] == OWN
    assert talk.direction.lore[1].content == "Ana's honey is dark."
    assert [(each.part, each.to) for each in report.parts] == [
        ("character_book.entries[0]", "lore[1]")
    ]
    assert replace(talk, direction=SCENE.direction) == SCENE


def test_every_field_of_world_info_that_means_something_here_is_taken() -> None:
    found = only(
        keysecondary=["hive"], selectiveLogic=3, order=7, disable=True, excludeRecursion=True,
        preventRecursion=True, probability=30, group="sweet, dark", groupOverride=True,
        groupWeight=40, scanDepth=2, caseSensitive=True, matchWholeWords=True,
        useGroupScoring=True, sticky=3, cooldown=2, delay=1,
    )  # fmt: skip
    assert found == LoreEntry(
        content="Ana's honey is dark.", keys=("honey",), name="Honey", secondary_keys=("hive",),
        selective=True, logic="all", order=7, priority=7, enabled=False, fires_others=False,
        probability=0.3, groups=("sweet", "dark"), group_priority=True, group_weight=40,
        scan_depth=2, case_sensitive=True, whole_words=True, group_scoring=True, sticky=3,
        cooldown=2, delay=1,
    )  # fmt: skip


def test_an_entry_without_anything_special_is_told_without_a_word() -> None:
    assert notes() == ""


@pytest.mark.parametrize(
    "name", ["vectorized", "automationId", "matchScenario", "matchPersonaDescription"]
)
def test_what_nothing_here_does_is_told_by_name(name: str) -> None:
    assert "is not taken" in notes(**{name: "x" if name == "automationId" else True})


def test_a_filter_of_characters_is_told() -> None:
    assert notes(characterFilter={"names": ["Ana"]}) == "characterFilter is not taken"


@pytest.mark.parametrize(("given", "level"), [(True, 1), (3, 3), (False, 0), (None, 0)])
def test_an_entry_that_waits_for_recursion_turns_it_on(given: object, level: int) -> None:
    found = only(delayUntilRecursion=given)
    assert (found.recursion_level, found.recursive) == (level, level > 0)


def test_an_entry_that_waits_for_what_it_takes_no_part_in_is_told() -> None:
    assert "it never fires" in notes(delayUntilRecursion=True, excludeRecursion=True)


def test_an_entry_that_ignores_the_budget_has_none() -> None:
    book = {"token_budget": 50, "entries": [entry("a", extensions={"ignore_budget": True})]}
    found = cards.read(as_json({"spec": "lorebook_v3", "data": book}))
    assert cards.added(found, SCENE)[0].direction.lore[1].budget == 0


@pytest.mark.parametrize("number", [-5, 10**8, 2.9, "3", True])
def test_odd_numbers_become_counts_within_a_million(number: object) -> None:
    found = only(sticky=number, cooldown=number, delay=number, groupWeight=number)
    for each in (found.sticky, found.cooldown, found.delay, found.group_weight):
        assert 0 <= each <= 1_000_000 and type(each) is int


def test_the_lorebook_of_a_card_can_be_added_too_and_nothing_else_of_it() -> None:
    talk, _ = cards.added(cards.read(as_json(card())), SCENE)
    assert len(talk.direction.lore) == 2 and talk.direction.personas == ()
    with pytest.raises(CardError, match="Ana has no lorebook"):
        cards.added(cards.read(as_json(card(character_book=None))), SCENE)


def test_patterns_of_scene_and_lorebook_together_stay_within_their_limit() -> None:
    many = [world_entry(key=[f"/[ab]{{0,200}}{n}/"]) for n in range(9)]
    talk, _ = cards.added(world(*many), SCENE)
    with pytest.raises(CardError, match="more than 5000 instructions"):
        for _ in range(9):
            talk, _ = cards.added(world(*many), talk)


V3 = cards.read(as_json({"spec": "lorebook_v3", "x": 1, "data": {"entries": [
    entry("honey", content="@@keep_activate_after_match\n{{char}}'s honey.", x_unknown={"a": 1}),
    entry("bees", content="They hum.", extensions={"group": "g", "depth": 4}),
], "name": "Bees"}}))  # fmt: skip
FILES = [V3, world(world_entry(x_unknown=1), world_entry(uid=1, content="Thunder."))]


def alone(found: cards.Card) -> Conversation:
    return cards.added(found, replace(SCENE, direction=Direction()))[0]


def lored(talk: Conversation, *lore: LoreEntry) -> Conversation:
    return talk.directed(replace(talk.direction, lore=lore))


@pytest.mark.parametrize("found", FILES)
def test_a_lorebook_that_the_scene_did_not_change_comes_back_byte_for_byte(
    found: cards.Card,
) -> None:
    back, missing = cards.put_back(found, alone(found))
    assert (back.content, missing) == (found.content, ())


@pytest.mark.parametrize("found", FILES)
def test_what_the_scene_changed_is_written_and_unknown_fields_stay(found: cards.Card) -> None:
    talk = alone(found)
    first, second = talk.direction.lore
    new = lored(talk, replace(first, cooldown=9, keys=("jar",)), second)
    back, missing = cards.put_back(found, new)
    assert missing == () and alone(back) == new
    assert back.document.get("x", back.document.get("x_unknown")) == found.document.get(
        "x", found.document.get("x_unknown")
    )
    was, now = (each.book["entries"] for each in (found, back))
    was, now = ([*(e.values() if isinstance(e, dict) else e)] for e in (was, now))
    assert now[1] == was[1] and now[0]["x_unknown"] == was[0]["x_unknown"]


@pytest.mark.parametrize("found", FILES)
def test_a_changed_text_keeps_what_decorators_said(found: cards.Card) -> None:
    talk = alone(found)
    new = lored(talk, replace(talk.direction.lore[0], content="Pale."), talk.direction.lore[1])
    assert alone(cards.put_back(found, new)[0]) == new


@pytest.mark.parametrize("found", FILES)
def test_entries_of_the_scene_are_added_last_and_those_it_lacks_are_left_out(
    found: cards.Card,
) -> None:
    talk = alone(found)
    new = lored(
        talk, talk.direction.lore[1], LoreEntry(content="Wax.", keys=("wax",), scan_depth=4)
    )
    back, _ = cards.put_back(found, new)
    assert alone(back) == new


EVERYTHING = LoreEntry(
    content="All.", keys=("a", "b"), secondary_keys=("c",), additional_keys=("d", "e"),
    exclude_keys=("f",), selective=True, logic="not_all", case_sensitive=True, whole_words=True,
    scan_depth=3, recursive=True, recursion_level=2, fires_others=False, hidden="h",
    probability=0.25, order=4, priority=5, groups=("g", "h"), group_weight=7, group_priority=True,
    group_scoring=True, sticky=1, cooldown=2, delay=3, after_replies=4, every_replies=5,
    enabled=False, name="n",
)  # fmt: skip


@pytest.mark.parametrize("kind", cards.KINDS)
def test_a_scene_s_lore_becomes_a_lorebook_and_is_the_same_again(kind: str) -> None:
    # World Info has no priority but the order, and budgets are the whole book's.
    same = replace(EVERYTHING, priority=4) if kind == "world_info" else EVERYTHING
    talk = Conversation(agent="Ana", user="Bo", direction=Direction(lore=(same,)))
    made, missing = cards.of_lore(talk, kind)
    assert missing == () and alone(made).direction.lore == (same,)


def test_a_card_of_a_scene_holds_all_of_an_entry() -> None:
    talk = Conversation(agent="Ana", user="Bo", direction=Direction(lore=(EVERYTHING,)))
    made, missing = cards.of_scene(talk)
    assert missing == () and cards.scene(made, user="Bo")[0].direction.lore == (EVERYTHING,)


def test_a_key_that_a_decorator_cannot_hold_is_told() -> None:
    asked = LoreEntry(content="a", keys=("b",), exclude_keys=("x, y", "z"))
    made, missing = cards.of_lore(lored(SCENE, asked), "lorebook_v3")
    assert missing == ("lore.0.exclude_keys",)
    assert alone(made).direction.lore[0].exclude_keys == ("z",)


def test_a_hundred_thousand_entries_and_keys_of_a_megabyte_are_bounded() -> None:
    with pytest.raises(CardError, match="100000 lore entries, more than 2000"):
        cards.added(cards.read(as_json({"entries": [{}] * 100_000})), SCENE)
    talk, _ = cards.added(world(world_entry(key=["x" * 1_000_000], group="g," * 100_000)), SCENE)
    assert cards.put_back(world(), talk)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "-1" + "0" * 4_000])
def test_numbers_that_are_none_are_refused_or_left_out(number: str) -> None:
    content = as_json({"entries": [entry("a", extensions={"sticky": 12345})]})
    try:
        talk, _ = cards.added(cards.read(content.replace(b"12345", number.encode())), SCENE)
    except CardError:
        return
    assert talk.direction.lore[1].sticky == 0


values = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9)
)
fields = st.dictionaries(
    st.sampled_from(sorted(world_entry())), values | st.lists(values, max_size=3), max_size=9
)


@given(st.lists(fields, max_size=4))
@settings(max_examples=200, deadline=None)
def test_any_world_info_goes_into_a_scene_and_comes_back_or_is_a_card_error(
    entries: list[dict[str, Any]],
) -> None:
    content = json.dumps({"entries": entries}).replace("Infinity", "1").encode()
    try:
        found = cards.read(content)
        talk, report = cards.added(found, SCENE)
    except CardError:
        return
    assert report.table()
    assert cards.put_back(found, alone(found))[0].content == content
    cards.put_back(found, talk)
