"""training/masking.py: what is learned and what is only shown."""

from dataclasses import replace
from typing import cast

from tests.training.dialogue import DIRECTED, PLAN

from tertulia import formats
from tertulia.conversation import Conversation, Plan, Turn
from tertulia.formats.native import Native
from tertulia.training import masking
from tertulia.training.conditions import Example

NATIVE = cast(Native, formats.load("native"))
TALK = replace(DIRECTED.conversation, turns=DIRECTED.conversation.turns[:3])


def learned(given: Plan, thought: Plan, talk: Conversation = TALK) -> str:
    reply = Turn("B", "What grows in your garden?")
    example = Example(conversation=talk.planned(given), reply=reply, thought=thought, names=False)
    return "".join(
        span.text if span.learn else "_" for span in masking.spans(example, NATIVE)
    ).lstrip("_")


def test_turns_and_what_ends_them_are_learned_and_the_direction_is_not() -> None:
    found = learned(Plan(), Plan())
    assert found.startswith(" Hi there!<|end|>__ Hello.")
    assert found.endswith(" I have a big garden.<|end|>__ What grows in your garden?<|end|>")


def test_a_given_plan_is_shown_and_a_plan_thought_up_is_learned() -> None:
    assert "ask about" not in learned(PLAN, Plan())
    assert "_ ask about garden.<|explanation|> I like plants." in learned(Plan(), PLAN)


def test_the_control_token_that_asks_for_the_first_field_is_not_learned() -> None:
    found = learned(Plan(goal=PLAN.goal), Plan(skill=PLAN.skill))
    assert found.endswith("_ Clarification<|says|> What grows in your garden?<|end|>")
    assert "<|skill|>" not in found


def test_a_picture_is_learned_with_its_turn() -> None:
    talk = replace(TALK, turns=(Turn("A", "Look!", "a wet dog"),))
    assert learned(Plan(), Plan(), talk).startswith(" Look!<|image|> a wet dog<|end|>")


def test_every_token_of_a_span_is_learned_or_none_is() -> None:
    example = Example(conversation=TALK, reply=Turn("B", "Yes."), thought=Plan(), names=False)
    found = masking.tokens(masking.spans(example, NATIVE), lambda span: [len(span.text)] * 2)
    assert len(found.ids) == len(found.learned)
    assert found.learned[::2] == found.learned[1::2]
