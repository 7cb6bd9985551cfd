"""A person picks the goal, as PersonaGPT's picker lets them, or says another."""

from dataclasses import replace

import pytest

from tertulia import engines, formats, planners, skills
from tertulia.conversation import Conversation, Plan
from tertulia.errors import ConfigError, UnknownName
from tertulia.planners.action_picker import ActionPicker


def picker(answer: str | None = None, **settings: object) -> ActionPicker:
    engine = engines.load("scripted")
    made = planners.load("action_picker", format=formats.load("native"), engine=engine, **settings)
    assert isinstance(made, ActionPicker)
    return made if answer is None else replace(made, ask=lambda talk, goals: answer)


@pytest.mark.parametrize(
    ("answer", "goal"),
    [
        ("0", "ask about kids."),
        (" 10 ", "talk about politics."),
        ("ask about hobbies", "ask about hobbies."),
        ("Ask About HOBBIES!", "ask about hobbies."),
        ("talk about pokemon", "talk about pokemon"),
        ("", ""),
    ],
)
def test_an_answer_is_a_number_a_spelling_or_another_goal(answer: str, goal: str) -> None:
    assert picker(answer).plan(Conversation(), None).goal == goal


def test_the_number_of_no_goal_is_told_with_the_right_ones() -> None:
    with pytest.raises(UnknownName, match="numbered 0 to 10"):
        picker("11").plan(Conversation(), None)


def test_a_pinned_goal_is_not_asked_for() -> None:
    assert picker("1").plan(Conversation(plan=Plan(goal="row")), None).goal == "row"


def test_a_pinned_goal_gets_the_spelling_of_the_goal_it_names() -> None:
    assert picker().plan(Conversation(plan=Plan(goal="6")), None).goal == skills.ACTIONS[6]


def test_without_a_way_to_ask_there_is_no_goal() -> None:
    assert picker().plan(Conversation(), None) == Plan()


def test_own_goals_are_numbered_in_their_order() -> None:
    assert picker("1", goals=("row", "sing")).plan(Conversation(), None).goal == "sing"


def test_the_person_sees_the_talk_and_the_goals() -> None:
    seen: list[object] = []
    talk = Conversation().said("User", "Hi")
    replace(picker(), ask=lambda *shown: str(seen.append(shown) or "")).plan(talk, None)
    assert seen == [(talk, skills.ACTIONS)]


@pytest.mark.parametrize(
    ("goals", "told"), [((), "empty"), (("a", " "), "empty"), (("a", "A."), "twice")]
)
def test_goals_that_cannot_be_picked_are_refused(goals: tuple[str, ...], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        picker(goals=goals)
