"""What every file in planners/ promises, by existing."""

from dataclasses import fields, is_dataclass, replace

import pytest

from tertulia import engines, formats, planners, registry
from tertulia.conversation import Conversation, Direction, Persona, Plan
from tertulia.errors import ConfigError
from tertulia.planners import Planner

NAMES = registry.names("tertulia.planners")
PINNED = Plan(goal="talk about the sea", skill="Echoing", explanation="I want to be heard.")
TALK = Conversation(
    direction=Direction(situation="At sea.", personas=(Persona("Agent", ("i row.",)),))
).said("User", "How are you?")
LINES = (
    " Empathy<|says|>",
    " talk about boats<|skill|> Empathy",
    "They are sad. [RESULT SKILL] Empathy",
)


def planner(name: str, *lines: str) -> Planner:
    engine = engines.load("scripted", lines=lines or LINES)
    return planners.load(name, format=formats.load("native"), engine=engine)


@pytest.mark.parametrize("name", NAMES)
def test_its_settings_are_frozen_and_all_have_a_default(name: str) -> None:
    settings = registry.load("tertulia.planners", name).Settings
    assert is_dataclass(settings) and settings.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert len(fields(settings())) == len(fields(settings))


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_setting_is_refused_by_name(name: str) -> None:
    with pytest.raises(ConfigError, match="no key 'gaol'"):
        planners.load(name, format=formats.load("native"), engine=engines.load("scripted"), gaol=1)


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_that_the_director_gave_is_kept_whole(name: str) -> None:
    assert planner(name).plan(TALK.planned(PINNED), 7) == PINNED


@pytest.mark.parametrize("field", ["goal", "skill", "explanation"])
@pytest.mark.parametrize("name", NAMES)
def test_a_field_that_the_director_gave_is_kept(name: str, field: str) -> None:
    given = replace(Plan(), **{field: getattr(PINNED, field)})
    for seed in range(3):
        made = planner(name).plan(TALK.planned(given), seed)
        assert getattr(made, field) == getattr(PINNED, field)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_talk_and_seed_give_the_same_plan(name: str) -> None:
    for seed in range(3):
        assert planner(name).plan(TALK, seed) == planner(name).plan(TALK, seed)


@pytest.mark.parametrize(
    "line", ["", " ", "\0", "<|end|>", "<|skill|><|goal|>", "[RESULT SKILL]" * 3]
)
@pytest.mark.parametrize("name", NAMES)
def test_whatever_the_engine_says_there_is_a_plan(name: str, line: str) -> None:
    assert isinstance(planner(name, line).plan(TALK, 0), Plan)


@pytest.mark.parametrize("name", NAMES)
def test_a_talk_that_has_not_begun_can_be_planned(name: str) -> None:
    assert isinstance(planner(name).plan(Conversation(), None), Plan)
