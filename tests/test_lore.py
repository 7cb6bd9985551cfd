"""Lore: what fires, why, in which order, and that nobody's pattern can keep it busy."""

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia import Agent, Conversation, Decoding, engines, formats, lore, scene
from tertulia.conversation import Direction, LoreEntry, Turn
from tertulia.errors import ConfigError, SceneError

SAID = (Turn("Bo", "Have you seen the Castle?"), Turn("Ana", "Not yet."))


def fires(*entries: LoreEntry, turns: tuple[Turn, ...] = SAID, **rest: Any) -> list[int]:
    """Places of the entries that are told, in order."""
    return [each.entry for each in lore.fired(entries, turns, 7, **rest) if each.told]


def entry(content: str = "Old.", *keys: str, **rest: Any) -> LoreEntry:
    return LoreEntry(content=content, keys=keys, **rest)


def test_an_entry_fires_when_one_of_its_keys_is_said() -> None:
    assert fires(entry("a", "tower", "castle"), entry("b", "tower")) == [0]


def test_it_is_told_which_key_was_found_and_where() -> None:
    found = lore.fired((entry("a", "castle"), entry("b", constant=True)), SAID, 7)
    assert [(each.by, each.key) for each in found] == [("turn", "castle"), ("constant", "")]


def test_capitals_count_only_where_they_are_said_to() -> None:
    assert fires(entry("a", "CASTLE"), entry("b", "castle", case_sensitive=True)) == [0]


def test_a_whole_word_is_not_found_inside_a_longer_one() -> None:
    turns = (Turn("Bo", "concatenate; a cat."), Turn("Bo", "catalogue"))
    assert fires(entry("a", "cat", whole_words=True, scan_depth=1), turns=turns) == []
    assert fires(entry("a", "cat", whole_words=True), turns=turns) == [0]


def test_only_the_latest_turns_are_looked_at() -> None:
    assert fires(entry("a", "castle", scan_depth=1), entry("b", "castle", scan_depth=2)) == [1]


def test_what_a_picture_shows_is_looked_at_too() -> None:
    assert fires(entry("a", "ferry"), turns=(Turn("Bo", "Look!", image="a red ferry"),)) == [0]


@pytest.mark.parametrize(
    ("logic", "fired"), [("any", True), ("all", False), ("not_any", False), ("not_all", True)]
)
def test_secondary_keys_count_as_the_logic_says(logic: str, fired: bool) -> None:
    asked = entry("a", "castle", selective=True, secondary_keys=("yet", "moat"), logic=logic)
    assert bool(fires(asked)) == fired


def test_secondary_keys_count_only_when_the_entry_is_selective() -> None:
    assert fires(entry("a", "castle", secondary_keys=("moat",))) == [0]


def test_a_disabled_or_empty_entry_never_fires() -> None:
    assert fires(entry("a", constant=True, enabled=False), entry("", constant=True)) == []


def test_an_empty_key_is_found_nowhere() -> None:
    assert fires(entry("a", ""), entry("b")) == []


def test_passages_are_told_in_their_order_and_equals_as_they_stand() -> None:
    entries = (("a", 5), ("b", -1), ("c", 5))
    assert fires(*(entry(n, order=order, constant=True) for n, order in entries)) == [1, 0, 2]


def test_a_passage_brings_up_recursive_entries_only() -> None:
    book = (
        entry("It has a moat.", "castle"),
        entry("Pikes live there.", "moat", recursive=True),
        entry("Pikes eat frogs.", "pikes", recursive=True),
        entry("Never.", "moat"),
    )
    assert fires(*book) == [0, 1, 2]
    assert lore.fired(book, SAID, 7)[2].by == "passage"


def test_a_passage_may_keep_to_itself() -> None:
    book = (entry("moat", "castle", fires_others=False), entry("b", "moat", recursive=True))
    assert fires(*book) == [0]


def test_hidden_words_bring_up_others_and_are_never_told() -> None:
    book = (entry("Stone.", "castle", hidden="moat"), entry("b", "moat", recursive=True))
    assert fires(*book) == [0, 1]
    talk = Conversation(direction=Direction(lore=book), turns=SAID)
    assert lore.informed(talk, 0).direction.knowledge == ("Stone.", "b")


def test_two_entries_that_bring_each_other_up_fire_once_each() -> None:
    assert fires(entry("x y", "x", "castle", recursive=True), entry("x", "y", recursive=True)) == [
        0,
        1,
    ]


def test_over_budget_the_lowest_priority_is_left_out_and_it_is_told() -> None:
    book = tuple(entry("aaaa", constant=True, budget=9, priority=n) for n in (1, 3, 2))
    assert fires(*book) == [1, 2]
    assert [each.told for each in lore.fired(book, SAID, 7)] == [False, True, True]


def test_a_budget_is_counted_as_the_caller_counts() -> None:
    book = tuple(entry("one two", constant=True, budget=4) for _ in range(3))
    assert fires(*book, count=lambda text: len(text.split())) == [0, 1]


def test_a_probability_is_drawn_the_same_for_a_seed_and_anew_for_each_turn() -> None:
    book = tuple(entry("a", constant=True, probability=0.5) for _ in range(64))
    first = fires(*book)
    assert first == fires(*book) and 10 < len(first) < 54
    assert first != fires(*book, turns=SAID[:1])
    assert [each.entry for each in lore.fired(book, SAID, 8)] != first


def test_probability_zero_is_never_and_one_is_always() -> None:
    never = (entry("a", constant=True, probability=0.0),) * 50
    assert fires(*never, entry("b", constant=True, probability=1.0)) == [50]


def test_a_regular_expression_is_read_by_re2() -> None:
    assert fires(entry("a", r"cast\w+\?", regex=True), entry("b", r"^yet", regex=True)) == [0]


def test_a_pattern_that_hangs_others_is_answered_on_a_hundred_thousand_letters() -> None:
    turns = (Turn("Bo", "a" * 99_999 + "!"),)
    assert fires(entry("a", r"(a+)+$", regex=True), turns=turns) == []


def test_python_never_sees_a_stranger_s_pattern() -> None:
    # In a process of its own with `re` made deaf: only lore may look for the key.
    code = (
        "import re2, re\n"
        "from tertulia import lore\nfrom tertulia.conversation import LoreEntry, Turn\n"
        "def deaf(*a, **k): raise AssertionError(a)\n"
        "re.search = re.match = re.compile = re.fullmatch = re.finditer = deaf\n"
        "e = LoreEntry(content='a', keys=('(a+)+b',), regex=True)\n"
        "print(len(lore.fired((e,), (Turn('Bo', 'aab'),), 0)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "1\n", done.stderr


@pytest.mark.parametrize("pattern", ["(?=a)b", r"(a)\1", "a{2000}", "(", "a" * 2001, "\ud800"])
def test_what_re2_does_not_read_is_an_error_with_its_place(pattern: str) -> None:
    with pytest.raises(ConfigError, match=r"here\[1\]\.keys\[0\] is .*"):
        lore.check((entry(), entry("a", pattern, regex=True)), "here")


def test_patterns_that_are_too_much_together_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"here\[\d+\].* more than 5000 instructions"):
        lore.check((entry("a", "[ab]{0,400}c", regex=True),) * 20, "here")


def test_lone_surrogates_are_looked_through() -> None:
    turns = (Turn("Bo", "a\ud800 castle"),)
    assert fires(entry("a", "castle"), entry("b", "castl.", regex=True), turns=turns) == [0, 1]


WRONG = {
    '[[lore]]\nkeys = ["a"]': "lore[0] has no content",
    '[[lore]]\ncontent = "a"\nkey = "a"': "lore[0]: no key 'key': did you mean 'keys'?",
    '[[lore]]\ncontent = "a"\nlogic = "xor"': "lore[0]: logic is 'xor', must be one of any, all",
    '[[lore]]\ncontent = "a"\nprobability = 40': "lore[0]: probability is 40.0, must be in [0, 1]",
    '[[lore]]\ncontent = "a"\nbudget = -1': "lore[0]: budget is -1, must be 0 or more",
    '[[lore]]\ncontent = "a"\nregex = true\nkeys = ["(?!a)"]': "lore[0].keys[0] is '(?!a)'; RE2",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_entry_of_a_scene_is_told_with_its_place(text: str) -> None:
    with pytest.raises(SceneError) as caught:
        scene.read(text, "a.toml")
    assert WRONG[text] in str(caught.value)


BOOK = (entry("The castle is old.", "castle"), entry("Ana hums.", constant=True, order=-1))
TALK = Conversation(
    agent="Ana", user="Bo", direction=Direction(knowledge=("Own.",), lore=BOOK), turns=SAID
)


def agent(format: str = "native", **rest: Any) -> Agent:
    return Agent(format=formats.load(format), engine=engines.load("scripted"), **rest)


def test_passages_join_the_knowledge_with_the_paths_of_their_entries() -> None:
    reply = agent().reply(TALK)
    spans = [(each.field, each.text.strip()) for each in reply.prompt.spans]
    told = [each for each in spans if each[0].startswith(("knowledge", "lore"))]
    assert told == [
        ("knowledge.0", "Own."),
        ("lore.1.content", "Ana hums."),
        ("lore.0.content", "The castle is old."),
    ]
    assert [each.entry for each in reply.fired] == [1, 0]


def test_the_planner_knows_the_passages_too() -> None:
    seen: list[tuple[str, ...]] = []

    class Planner:
        def plan(self, conversation: Conversation, seed: int | None) -> Any:
            seen.append(conversation.direction.knowledge)
            return conversation.plan

    agent(planner=Planner()).reply(TALK)
    assert seen == [("Own.", "Ana hums.", "The castle is old.")]


def test_a_family_without_knowledge_reports_the_lore() -> None:
    assert agent("cosmo").reply(TALK).prompt.unsupported == ("knowledge", "lore")
    alone = TALK.directed(Direction(lore=BOOK))
    assert agent("cosmo").reply(alone).prompt.unsupported == ("lore",)


def test_a_reply_without_a_seed_can_be_made_again_with_the_one_it_tells() -> None:
    book = tuple(entry(str(n), constant=True, probability=0.5) for n in range(40))
    talk = TALK.directed(Direction(lore=book))
    reply = agent(decoding=Decoding(seed=None)).reply(talk)
    assert reply.seed is not None
    assert agent().reply(talk, seed=reply.seed).fired == reply.fired


def test_the_seed_of_the_reply_draws_once_even_when_nothing_fires() -> None:
    book = (entry("a", constant=True, probability=0.5),)
    talk = TALK.directed(Direction(lore=book))
    for seed in range(20):
        expected = lore.fired(book, talk.turns, seed)
        assert agent(decoding=Decoding(seed=3)).reply(talk, seed=seed).fired == expected


texts = st.text(st.characters(), max_size=20)
entries = st.builds(
    LoreEntry,
    content=texts,
    keys=st.lists(texts, max_size=3).map(tuple),
    secondary_keys=st.lists(texts, max_size=2).map(tuple),
    selective=st.booleans(),
    constant=st.booleans(),
    case_sensitive=st.booleans(),
    whole_words=st.booleans(),
    recursive=st.booleans(),
    scan_depth=st.integers(0, 4),
    probability=st.floats(0, 1),
    budget=st.integers(0, 40),
    order=st.integers(-9, 9),
)


@given(
    st.lists(entries, max_size=5),
    st.lists(st.builds(Turn, texts, texts), max_size=4),
    st.integers(),
)
@settings(max_examples=150, deadline=None)
def test_any_lore_gives_the_same_passages_again_each_at_most_once(
    book: list[LoreEntry], turns: list[Turn], seed: int
) -> None:
    found = lore.fired(book, turns, seed)
    assert found == lore.fired(book, turns, seed)
    places = [each.entry for each in found]
    assert len(set(places)) == len(places)
    told = [book[each.entry] for each in found if each.told]
    assert all(len(each.content) <= each.budget for each in told if each.budget)


def test_a_scene_without_lore_never_loads_re2() -> None:
    code = (
        "import sys, tertulia\nfrom tertulia import scene\n"
        'scene.read(\'[[lore]]\\ncontent = "a"\\nkeys = ["b"]\', "x")\nprint("re2" in sys.modules)'
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
