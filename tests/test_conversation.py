"""Conversation: a frozen value that is replaced, never changed."""

import dataclasses
from collections.abc import Callable

import pytest

from tertulia import Conversation, Direction, Persona, Plan, Turn


def test_saying_something_leaves_the_old_talk_as_it_was() -> None:
    before = Conversation()
    after = before.said("User", "Hi", image="a red kite")
    assert before.turns == ()
    assert after.turns == (Turn("User", "Hi", "a red kite"),)


def test_a_talk_cannot_be_changed_in_place() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Conversation().agent = "Eve"  # type: ignore[misc]


def test_the_cast_is_everyone_once_the_agent_first() -> None:
    direction = Direction(personas=(Persona("Cleo", ("i sing.",)),))
    talk = Conversation(agent="Ana", user="Ben", direction=direction)
    assert talk.said("Ben", "Hi").said("Dan", "Yo").cast == ("Ana", "Ben", "Cleo", "Dan")


def test_facts_of_one_speaker_are_replaced_in_place() -> None:
    direction = Direction(personas=(Persona("Ana", ("old.",)), Persona("Ben", ("b.",))))
    assert direction.with_facts("Ana", ("new.",)).personas == (
        Persona("Ana", ("new.",)),
        Persona("Ben", ("b.",)),
    )


def test_facts_of_a_new_speaker_come_last() -> None:
    assert Direction().with_facts("Ana", ("a.",)).facts("Ana") == ("a.",)


def test_a_plan_over_another_keeps_its_own_fields() -> None:
    assert Plan(goal="ask").over(Plan(goal="tell", skill="Empathy")) == Plan(
        goal="ask", skill="Empathy"
    )


def test_an_empty_plan_is_false() -> None:
    assert not Plan()
    assert Plan(skill="Empathy")


def test_swapping_twice_is_the_same_talk() -> None:
    talk = Conversation(agent="Ana", user="Ben").said("Ben", "Hi")
    assert talk.swapped().agent == "Ben"
    assert talk.swapped().swapped() == talk


def test_forgetting_takes_the_oldest_turn() -> None:
    talk = Conversation().said("User", "one").said("Agent", "two")
    assert [turn.text for turn in talk.without_oldest_turn().turns] == ["two"]


@pytest.mark.parametrize("personas", [{"Cosmo": ["i like cats."]}, ["i like cats."]])
def test_what_is_no_persona_is_refused(personas: object) -> None:
    with pytest.raises(TypeError, match="must hold Persona"):
        Direction(personas=personas)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Persona("Cosmo", "i like cats."),  # type: ignore[arg-type]
        lambda: Direction(knowledge="Tea is ready."),  # type: ignore[arg-type]
        lambda: Direction(memory="They met."),  # type: ignore[arg-type]
    ],
)
def test_one_string_in_the_place_of_several_is_refused(wrong: Callable[[], object]) -> None:
    with pytest.raises(TypeError, match="is a string, must be a tuple of strings: write \\('"):
        wrong()
