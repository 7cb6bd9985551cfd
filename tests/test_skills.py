"""skills.py: the 39 skills, the eleven action codes, and how a model names a skill."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia import skills
from tertulia.errors import UnknownName
from tertulia.skills import (
    Annotation,
    Malformed,
    NoSkill,
    Skill,
    parse_annotations,
    parse_skill,
)
from tests.hostile import texts


def test_there_are_39_skills_in_five_categories() -> None:
    assert len(skills.SKILLS) == 39
    assert len(Counter(skills.SKILLS.values())) == 5


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("Harmlesseness", "Harmlessness"),
        ("self disclosure", "Self-disclosure"),
        ("IMAGE SHARING", "Image-Sharing"),
        ("Image Commenting", "Image-Commenting"),
        ("decision making.", "Decision-making"),
    ],
)
def test_spelling_variants_are_the_skill(spelling: str, name: str) -> None:
    assert skills.skill(spelling) == name


def test_an_unknown_skill_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'Empathy'"):
        skills.skill("Empaty")


@pytest.mark.parametrize("spelling", ["6", "ask about hobbies", "Ask about HOBBIES."])
def test_an_action_code_goes_by_number_or_words(spelling: str) -> None:
    assert skills.action(spelling) == "ask about hobbies."


def test_an_unknown_action_code_is_answered_with_the_cure() -> None:
    with pytest.raises(UnknownName, match="0 to 10"):
        skills.action("11")


@pytest.mark.parametrize(
    ("text", "skill"),
    [
        ("I'm curious. [RESULT SKILL] Clarification", Skill("I'm curious.", "Clarification")),
        ("a RESULT SKILL: Empathy", Skill("a", "Empathy")),
        ("a [result skill]: **Harmlesseness**.\n\nNext", Skill("a", "Harmlessness")),
        ("### Explanation: a [RESULT SKILL] Empathy", Skill("a", "Empathy")),
        ("a [RESULT SKILL] Empathy [RESULT SKILL] Ethics", Skill("a", "Ethics")),
        ("a [RESULT SKILL] Empathy\nb [RESULT SKILL] Ethics", Skill("b", "Ethics")),
        ("a [RESULT SKILL] Empathy [RESULT SKILL]", Skill("a", "Empathy")),
        ("a [RESULT SKILL] Empathy (Interpersonal)", Skill("a", "Empathy")),
        ("a [RESULT SKILL] Dry Humour", Skill("a", "Dry Humour")),
        ("[RESULT SKILL] Empathy", Skill("", "Empathy")),
    ],
)
def test_the_last_marker_with_a_skill_behind_it_wins(text: str, skill: Skill) -> None:
    assert parse_skill(text) == skill


@pytest.mark.parametrize("text", ["", "Just text", "RESULT SKILL", "[RESULT] Empathy"])
def test_without_a_marker_there_is_no_skill(text: str) -> None:
    assert parse_skill(text) == NoSkill(text)


@pytest.mark.parametrize(
    "text", ["a [RESULT SKILL]", "a [RESULT SKILL] one two three four five six"]
)
def test_a_marker_without_a_skill_is_malformed(text: str) -> None:
    found = parse_skill(text)
    assert isinstance(found, Malformed)
    assert found.raw == text


@given(st.lists(texts | st.just("[RESULT SKILL]") | st.sampled_from(tuple(skills.SKILLS))))
def test_reading_a_skill_never_raises(parts: list[str]) -> None:
    assert isinstance(parse_skill(" ".join(parts)), Skill | NoSkill | Malformed)


def test_a_marker_in_a_million_blanks_is_read_in_time_for_its_length() -> None:
    text = "RESULT" + " " * 500_000 + "[" * 500_000 + "a [RESULT SKILL] Empathy"
    assert isinstance(parse_skill(text), Skill)


def test_inference_py_keeps_its_fault_with_two_markers() -> None:
    with pytest.raises(ValueError, match="unpack"):
        skills.inference_py("a [RESULT SKILL] b [RESULT SKILL] c")


def test_output_py_takes_the_first_two_parts() -> None:
    assert skills.output_py("a [RESULT SKILL] b [RESULT SKILL] c") == ("a", "b")


@pytest.mark.parametrize(
    "generation",
    ["", "Sure! []", "{}x", "[1]", '[{"skill": "Empathy"}]', "[" * 100_000, '{"skill": 1}', "null"],
)
def test_an_annotation_that_is_no_list_of_entries_is_skipped(generation: str) -> None:
    assert parse_annotations(generation) is None


def test_an_annotation_is_read_with_and_without_its_fence() -> None:
    entry = {"skill": "Empathy", "explanation": "e", "counterfactual response": "c"}
    plain = json.dumps([entry])
    expected = (Annotation("Empathy", "e", "c"),)
    assert parse_annotations(plain) == parse_annotations(f"```json\n{plain}\n```") == expected
