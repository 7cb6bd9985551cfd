"""Thanos plans what was left open; what it could not say as a plan can still be seen."""

from typing import Any

import pytest

from tertulia import engines, formats, planners
from tertulia.conversation import Conversation, Direction, Plan
from tertulia.engines.scripted import Scripted
from tertulia.errors import ConfigError, PromptTooLong, UnsupportedDecoding
from tertulia.planners import Unread
from tertulia.planners.thanos import Thanos
from tertulia.skills import Malformed, NoSkill

TALK = Conversation(agent="Sam", user="Tom", direction=Direction(situation="A bar."))
TALK = TALK.said("Tom", "I lost my job.")
SAID = "Tom is sad. [RESULT SKILL] Empathy"
EMPTY = "So. [RESULT SKILL]"
PLAN = Plan(skill="Empathy", explanation="Tom is sad.")


def thinking(*lines: str, context_window: int = 2048, **settings: object) -> Thanos:
    """A planner alone, on an engine that says the lines."""
    engine = engines.load("scripted", lines=lines or (SAID,), context_window=context_window)
    format = formats.load("thanos", variant="both")
    made = planners.load("thanos", format=format, engine=engine, **settings)
    assert isinstance(made, Thanos)
    return made


def prompts(planner: Thanos) -> list[str]:
    assert isinstance(planner.engine, Scripted)
    return [prompt.text for prompt in planner.engine.seen]


@pytest.mark.parametrize(
    ("uses", "plan"),
    [
        ("both", PLAN),
        ("skill", Plan(skill="Empathy")),
        ("explanation", Plan(explanation="Tom is sad.")),
    ],
)
def test_the_reply_is_told_what_the_planner_is_used_for(uses: str, plan: Plan) -> None:
    assert thinking(uses=uses).plan(TALK, 0) == plan


def test_the_model_is_asked_in_the_published_words() -> None:
    planner = thinking()
    planner.plan(TALK, 0)
    assert prompts(planner) == [formats.load("thanos", variant="planner").render(TALK).text]


def test_a_whole_plan_needs_no_thinking() -> None:
    planner = thinking()
    given = Plan(goal="g", skill="Echoing", explanation="e")
    assert planner.plan(TALK.planned(given), 0) == given and prompts(planner) == []


def test_a_given_skill_needs_no_thinking_where_only_a_skill_is_used() -> None:
    planner = thinking(uses="skill")
    assert planner.plan(TALK.planned(Plan(skill="Echoing")), 0) == Plan(skill="Echoing")
    assert prompts(planner) == []


def test_the_skill_follows_from_a_given_explanation() -> None:
    planner = thinking(" Active Listening")
    plan = planner.plan(TALK.planned(Plan(explanation="I want to hear more.")), 0)
    assert plan == Plan(skill="Active Listening", explanation="I want to hear more.")
    assert prompts(planner)[0].endswith("### Explanation: I want to hear more. [RESULT SKILL]")


def test_an_explanation_of_the_given_skill_is_kept() -> None:
    assert thinking().plan(TALK.planned(Plan(skill="Empathy")), 0) == PLAN


def test_an_explanation_that_argues_for_another_skill_is_left_out_and_can_be_seen() -> None:
    plan = thinking().plan(TALK.planned(Plan(skill="Persuasion")), 0)
    assert isinstance(plan, Unread) and (plan.skill, plan.explanation) == ("Persuasion", "")
    told = "it argues for Empathy, and the given skill is Persuasion"
    assert plan.written == Malformed(SAID, told)


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("", NoSkill("")),
        ("I do not know.", NoSkill("I do not know.")),
        (
            "So. [RESULT SKILL]",
            Malformed("So. [RESULT SKILL]", "no skill follows the marker, but ''"),
        ),
    ],
)
def test_what_is_no_plan_is_no_error_and_can_be_seen(line: str, written: object) -> None:
    plan = thinking(line).plan(TALK.planned(Plan(goal="g")), 0)
    assert isinstance(plan, Unread) and plan.written == written
    assert (plan.goal, plan.skill, plan.explanation) == ("g", "", "")


def test_a_thought_that_was_cut_before_its_skill_says_so() -> None:
    plan = thinking(SAID, decoding={"max_new_tokens": 2}).plan(TALK, 0)
    assert isinstance(plan, Unread)
    assert plan.written == Malformed("Tom is", "cut at its length limit, before a skill")


def test_a_skill_of_its_own_making_is_kept_as_it_was_said() -> None:
    assert thinking("x [RESULT SKILL] Moonwalking").plan(TALK, 0).skill == "Moonwalking"


def test_it_thinks_as_its_card_says_unless_told_otherwise() -> None:
    decoding = thinking().decoding
    assert (decoding.temperature, decoding.top_k, decoding.max_new_tokens) == (0.9, 50, 256)
    changed = thinking(decoding={"preset": "thanos_eval", "top_k": 0}).decoding
    assert (changed.temperature, changed.top_p, changed.top_k) == (1.0, 0.9, 0)


def test_a_decoding_that_its_engine_cannot_do_is_refused_when_it_is_opened() -> None:
    with pytest.raises(UnsupportedDecoding, match="repetition_penalty"):
        thinking(decoding={"repetition_penalty": 1.2})


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"uses": "skil"}, "uses is 'skil', must be skill, explanation, both"),
        ({"decoding": {"candidates": 2}}, "candidates is 2, but a plan is one"),
        ({"decoding": {"temprature": 1}}, r"\[planner.decoding\]: no key 'temprature'"),
        ({"own_format": {"variant": "cosmo"}}, "of a responder, which writes no plan"),
    ],
)
def test_a_wrong_setting_is_told_with_its_cure(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        thinking(**settings)


def test_the_oldest_turns_are_left_out_of_a_thought_that_would_not_fit() -> None:
    planner = thinking(context_window=500, decoding={"max_new_tokens": 100})
    talk = TALK
    for n in range(400):
        talk = talk.said("Sam", f"word {n}")
    planner.plan(talk, 0)
    assert "word 399" in prompts(planner)[0] and "word 0\n" not in prompts(planner)[0]


def test_a_turn_that_cannot_fit_is_told_with_its_cure() -> None:
    with pytest.raises(PromptTooLong, match=r"lower max_new_tokens in \[planner.decoding\]"):
        thinking(context_window=300).plan(TALK.said("Tom", "a " * 200), 0)
