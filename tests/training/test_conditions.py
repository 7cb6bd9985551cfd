"""training/conditions.py: any part of the direction may be there or not."""

from dataclasses import replace
from random import Random

from tests.training.dialogue import DIRECTED, KNOWN, PLAN, PUBLIC

from tertulia.conversation import Plan
from tertulia.training.conditions import Example, Odds, examples

ALL = Odds(given=1, swapped=0, no_plan=0, names_in_turns=0)


def drawn(dialogue: object, odds: Odds, seeds: int = 60) -> list[Example]:
    return [
        each
        for seed in range(seeds)
        for each in examples(dialogue, KNOWN, odds, Random(seed), most_words=100)  # type: ignore[arg-type]
    ]


def test_every_planned_turn_of_a_scene_is_a_tail() -> None:
    found = list(examples(DIRECTED, KNOWN, ALL, Random(1), most_words=100))
    assert [each.reply.text for each in found] == [
        "Hello. I play the violin.",
        "What grows in your garden?",
    ]


def test_each_direction_of_a_scene_is_sometimes_shown_and_sometimes_dropped() -> None:
    talks = [each.conversation.direction for each in drawn(DIRECTED, Odds())]
    for name in ("situation", "instruction", "personas", "knowledge", "memory"):
        assert {bool(getattr(direction, name)) for direction in talks} == {True, False}, name


def test_plan_fields_are_given_thought_up_or_left_out() -> None:
    found = drawn(DIRECTED, replace(Odds(), swapped=0))
    for name in ("goal", "skill", "explanation"):
        seen = {
            (bool(getattr(e.conversation.plan, name)), bool(getattr(e.thought, name)))
            for e in found
        }
        assert seen == {(True, False), (False, True), (False, False)}, name


def test_the_other_side_of_a_scene_gets_no_instruction_and_no_plan() -> None:
    found = drawn(DIRECTED, replace(ALL, swapped=1))
    assert {each.conversation.agent for each in found} == {"A"}
    assert {each.conversation.direction.instruction for each in found} == {""}
    assert {each.conversation.plan.over(each.thought) for each in found} == {Plan()}


def test_what_is_mined_from_a_public_dialogue_shows_in_its_turns() -> None:
    found = drawn(PUBLIC, Odds(own_facts=1, other_facts=1, goal=1))
    facts = {f for e in found for p in e.conversation.direction.personas for f in p.facts}
    assert facts == {"i play the violin.", "i have a big garden."}
    goals = {e.conversation.plan.goal for e in found if "grows" in e.reply.text}
    assert "ask about garden." in goals


def test_turns_hold_the_names_of_the_cast() -> None:
    for each in drawn(PUBLIC, Odds()):
        cast = {each.conversation.agent, each.conversation.user}
        assert {turn.speaker for turn in each.conversation.turns} <= cast
        assert each.reply.speaker == each.conversation.agent


def test_the_oldest_turns_go_first_when_words_are_few() -> None:
    (*_, last) = examples(DIRECTED, KNOWN, ALL, Random(1), most_words=12)
    assert [turn.text for turn in last.conversation.turns] == ["I have a big garden."]
    assert PLAN
