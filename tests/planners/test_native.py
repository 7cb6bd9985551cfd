"""The model thinks first, through its own format; what was given is never thought over."""

import pytest

from tertulia import engines, formats, planners
from tertulia.conversation import Conversation, Plan
from tertulia.engines.scripted import Scripted
from tertulia.errors import ConfigError, PromptTooLong
from tertulia.planners.native import Native

TALK = Conversation().said("User", "My cat died.")
THOUGHT = " offer comfort<|explanation|> They are sad.<|skill|> empathy<|says|>"


def thinking(*lines: str, context_window: int = 2048, **settings: object) -> Native:
    engine = engines.load("scripted", lines=lines, context_window=context_window)
    made = planners.load("native", format=formats.load("native"), engine=engine, **settings)
    assert isinstance(made, Native)
    return made


def prompts(planner: Native) -> list[str]:
    assert isinstance(planner.engine, Scripted)
    return [prompt.text for prompt in planner.engine.seen]


def test_the_model_writes_the_whole_plan() -> None:
    plan = thinking(THOUGHT).plan(TALK, 0)
    assert plan == Plan(goal="offer comfort", explanation="They are sad.", skill="Empathy")


def test_it_is_asked_through_the_formats_own_prompt() -> None:
    planner = thinking(THOUGHT)
    planner.plan(TALK, 0)
    assert prompts(planner) == [formats.load("native").render_plan(TALK).text]  # type: ignore[attr-defined]


def test_a_given_field_is_kept_and_the_others_are_written() -> None:
    plan = thinking(" They are sad.<|skill|> Echoing").plan(TALK.planned(Plan(goal="cheer up")), 0)
    assert plan == Plan(goal="cheer up", explanation="They are sad.", skill="Echoing")


def test_a_whole_plan_needs_no_thinking() -> None:
    planner = thinking(THOUGHT)
    planner.plan(TALK.planned(Plan(goal="g", skill="s", explanation="e")), 0)
    assert prompts(planner) == []


def test_only_the_fields_that_are_asked_for_are_kept() -> None:
    assert thinking(THOUGHT, fields=("skill",)).plan(TALK, 0) == Plan(skill="Empathy")


def test_a_skill_of_its_own_making_is_kept_as_it_was_said() -> None:
    assert thinking(" x<|skill|> Moonwalking").plan(TALK, 0).skill == "Moonwalking"


def test_a_seed_gives_the_same_plan_and_another_seed_may_give_another() -> None:
    planner = thinking(" one", " two")
    assert [planner.plan(TALK, seed).goal for seed in (0, 1, 0)] == ["one", "two", "one"]


def test_an_empty_thought_is_an_empty_plan() -> None:
    assert thinking("").plan(TALK, 0) == Plan()


def test_the_oldest_turns_are_left_out_of_a_thought_that_would_not_fit() -> None:
    planner = thinking(THOUGHT, context_window=100)
    talk = TALK
    for n in range(50):
        talk = talk.said("Agent", f"word {n}")
    planner.plan(talk, 0)
    assert "word 49" in prompts(planner)[0] and "word 0" not in prompts(planner)[0]


def test_a_turn_that_cannot_fit_is_told_with_its_cure() -> None:
    with pytest.raises(PromptTooLong, match="shorten the direction or the last turn"):
        thinking(THOUGHT, context_window=70).plan(Conversation().said("User", "a " * 100), 0)


def test_a_format_that_cannot_think_is_refused_with_the_cure() -> None:
    with pytest.raises(ConfigError, match="use the native format, or the planner 'pinned'"):
        engine = engines.load("scripted")
        planners.load("native", format=formats.load("meena"), engine=engine)


@pytest.mark.parametrize(
    "setting", [{"fields": ("mood",)}, {"temperature": -1.0}, {"max_new_tokens": 0}], ids=str
)
def test_a_setting_out_of_range_is_refused(setting: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="must be"):
        thinking(THOUGHT, **setting)
