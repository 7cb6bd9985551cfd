"""Lorebooks of cards: fields of versions 2 and 3, decorators, and SillyTavern's own."""

import json

import pytest

from tertulia import cards
from tertulia import lore as lore_of
from tertulia.cards import decorators
from tertulia.conversation import LoreEntry, Turn
from tertulia.errors import CardError
from tests.cards.made import as_json, card, entry, lore


def one(*keys: str, **rest: object) -> LoreEntry:
    """The only entry of a book; `book_…` goes to the book."""
    book = {name.removeprefix("book_"): rest.pop(name) for name in list(rest) if "book_" in name}
    [found] = lore(entry(*keys, **rest), **book)[0].direction.lore
    return found


def notes(*keys: str, **rest: object) -> str:
    _, report = lore(entry(*keys, **rest))
    return next(each.note for each in report.parts if each.part.startswith("character_book"))


def fires(found: LoreEntry, text: str) -> bool:
    return bool(lore_of.fired((found,), (Turn("Bo", text),), 0))


def test_the_fields_of_an_entry_are_taken() -> None:
    found = one("a", insertion_order=3, priority=9, comment="Bees", selective=True,
                secondary_keys=["b"], case_sensitive=True, enabled=False)  # fmt: skip
    assert (found.keys, found.secondary_keys, found.selective) == (("a",), ("b",), True)
    assert (found.order, found.priority, found.name) == (3, 9, "Bees")
    assert found.case_sensitive and not found.enabled and not found.constant


def test_the_book_s_own_fields_hold_for_all_its_entries() -> None:
    found = one("a", book_scan_depth=7, book_token_budget=50, book_recursive_scanning=True)
    assert (found.scan_depth, found.budget, found.recursive) == (7, 50, True)


def test_without_a_depth_the_latest_four_turns_are_looked_at() -> None:
    assert one("a").scan_depth == 4 and one("a", book_scan_depth=0).scan_depth == 1


def test_without_a_priority_the_order_counts_as_one() -> None:
    assert one("a", insertion_order=40).priority == 40


def test_secondary_keys_of_an_entry_that_is_not_selective_are_left() -> None:
    assert one("a", secondary_keys=["b"]).secondary_keys == ()


def test_macros_are_filled_in_content_and_keys() -> None:
    found = one("{{char}}'s hive", content="{{user}} likes {{hidden_key: bees}}it.")
    assert found.keys == ("Ana's hive",) and found.content == "Bo likes it."
    assert found.hidden == "bees"


@pytest.mark.parametrize(
    ("number", "logic"), [(0, "any"), (1, "not_all"), (2, "not_any"), (3, "all")]
)
def test_sillytavern_s_own_fields_are_read(number: int, logic: str) -> None:
    found = one("a", selective=True, secondary_keys=["b"], extensions={
        "selectiveLogic": number, "probability": 30, "useProbability": True, "scan_depth": 2,
        "match_whole_words": True, "prevent_recursion": True, "exclude_recursion": True,
    }, book_recursive_scanning=True)  # fmt: skip
    assert (found.logic, found.probability, found.scan_depth) == (logic, 0.3, 2)
    assert found.whole_words and not found.fires_others and not found.recursive


def test_a_probability_that_is_not_used_is_one() -> None:
    assert one("a", extensions={"probability": 30, "useProbability": False}).probability == 1


def test_a_regular_expression_is_one_only_where_the_card_says_so() -> None:
    assert fires(one("hon.y", use_regex=True), "HONEY") and not fires(one("hon.y"), "honey")


def test_slashes_make_a_regular_expression_with_flags() -> None:
    assert fires(one("/hon.y/i"), "HONEY") and not fires(one("/hon.y/"), "HONEY")
    assert fires(one("/^b/m"), "a\nb") and not fires(one("/^b/"), "a\nb")


def test_plain_keys_beside_a_regular_expression_stay_plain() -> None:
    found = one("/ho+ney/", "what?")
    assert fires(found, "so WHAT?") and not fires(found, "so wha") and fires(found, "hooney")


def test_sillytavern_s_mark_on_every_entry_makes_no_regular_expression() -> None:
    found = one("Mr. X (old)", use_regex=True, constant=True, extensions={"selectiveLogic": 0})
    assert not found.regex and found.constant and fires(found, "anything")


@pytest.mark.parametrize("key", ["(?=a)", r"(a)\1", "(", "[", "a{2000}"])
def test_a_pattern_that_re2_does_not_read_never_matches_and_is_told(key: str) -> None:
    assert one(key, use_regex=True).keys == ()
    assert "never matches" in notes(key, use_regex=True)


def test_patterns_that_are_too_much_together_are_told_and_the_scene_can_be_read() -> None:
    from tertulia import scene

    many = [entry(f"[ab]{{0,400}}{n}", use_regex=True) for n in range(40)]
    talk, report = lore(*many)
    assert any("together" in each.note for each in report.parts)
    assert scene.read(scene.to_toml(talk), "a.toml") == talk


def test_a_card_s_pattern_cannot_hang_a_talk() -> None:
    assert not fires(one("(a+)+$", use_regex=True), "a" * 99_999 + "!")


def test_what_has_no_place_is_told() -> None:
    told = notes("a", position="before_char", extensions={"vectorized": True, "triggers": ["x"]})
    place = "its place is where the family puts knowledge"
    assert told == f"vectorized is not taken; triggers is not taken; {place}"


def test_decorators_are_read_and_never_told_to_the_model() -> None:
    found = one("a", content="@@scan_depth 9\n@@depth 3\n@@exclude_keys b, c\n\nOld.\n@@not one")
    assert (found.content, found.scan_depth) == ("Old.\n@@not one", 9)
    assert (found.exclude_keys, found.secondary_keys) == (("b", "c"), ())
    assert "@@depth is not taken" in notes("a", content="@@depth 3\nOld.")


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("@@activate_only_after 3", "after_replies", 3),
        ("@@activate_only_every 2", "every_replies", 2),
        ("@@keep_activate_after_match", "sticky", 1_000_000),
        ("@@dont_activate_after_match", "cooldown", 1_000_000),
        ("@@additional_keys b, c\n@@additional_keys d", "additional_keys", ("b", "c", "d")),
        ("@@exclude_keys b", "exclude_keys", ("b",)),
        ("@@ignore_on_max_context", "priority", -1_000_000),
        ("@@constant", "constant", True),
        ("@@probability 30", "probability", 0.3),
        ("@@priority -4", "priority", -4),
        ("@@match_full_word", "whole_words", True),
        ("@@recursive", "recursive", True),
        ("@@no_recursive_search", "fires_others", False),
        ("@@scan_depth many\n@@@scan_depth 7", "scan_depth", 7),
        ("@@activate_only_after\n@@@activate_only_after 2\n@@@activate_only_after 3",
         "after_replies", 2),
    ],
)  # fmt: skip
def test_a_decorator_becomes_what_the_entry_does(line: str, field: str, value: object) -> None:
    found = one("a", content=f"{line}\n\nOld.")
    assert (getattr(found, field), found.content) == (value, "Old.")


@pytest.mark.parametrize(
    "name",
    ["depth 3", "reverse_depth 1", "instruct_depth 3", "role user", "position after_desc",
     "instruct_scan_depth 5", "is_user_icon x", "disable_ui_prompt system_prompt"],
)  # fmt: skip
def test_a_decorator_about_a_place_in_the_prompt_is_told_by_name(name: str) -> None:
    assert notes("a", content=f"@@{name}\nOld.") == f"@@{name.split()[0]} is not taken"


def test_with_regular_expressions_additional_keys_are_further_ones() -> None:
    found = one("hon.y", content="@@additional_keys w.x\n@@exclude_keys b\nOld.", use_regex=True)
    assert fires(found, "wax") and fires(found, "honey") and found.additional_keys == ()
    told = notes("hon.y", content="@@exclude_keys b\nOld.", use_regex=True)
    assert told == "@@exclude_keys is not taken with regular expressions"


def test_a_decorator_nobody_knows_gives_way_to_the_one_below() -> None:
    found = decorators.taken("@@risu_only 4\n@@@agn_only 4\n@@@scan_depth 5\n@@@scan_depth 6\nx")
    assert found.values == {"scan_depth": ["5"]} and found.text == "x"
    assert found.ignored == ["@@risu_only", "@@agn_only"]


def test_decorators_can_switch_an_entry() -> None:
    assert one("a", content="@@activate\nx").constant
    assert not one("a", content="@@dont_activate\nx").enabled
    assert one("a", content="@@dont_activate\n@@activate\nx").enabled


def test_an_entry_of_another_greeting_is_left_out() -> None:
    book = {"entries": [entry("a", content="@@is_greeting 1\nx")]}
    found = cards.read(as_json(card(character_book=book)))
    assert cards.scene(found, greeting=0)[0].direction.lore == ()
    assert len(cards.scene(found, greeting=1)[0].direction.lore) == 1


def test_too_many_entries_and_keys_are_refused() -> None:
    with pytest.raises(CardError, match="2001 lore entries, more than 2000"):
        lore(*[entry()] * 2_001)
    with pytest.raises(CardError, match="more than 10000 keys"):
        lore(*[entry(*"abcdefghijk")] * 990)


def test_what_is_no_entry_is_told_and_passed_over() -> None:
    talk, report = lore(json.loads("3"), entry("a"))  # type: ignore[arg-type]
    assert len(talk.direction.lore) == 1
    assert [each.note for each in report.parts if "entries[0]" in each.part] == ["3 is no entry"]
