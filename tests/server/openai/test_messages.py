"""Messages and a direction as a Conversation."""

from typing import Any

import pytest

from tertulia import Conversation, Turn
from tertulia.server.doors.refusals import Refusal
from tertulia.server.openai.messages import conversation
from tertulia.server.openai.shapes import Message


def talk(*messages: dict[str, Any], **direction: Any) -> Conversation:
    return conversation([Message.model_validate(each) for each in messages], direction)


def refused(*messages: dict[str, Any], **direction: Any) -> str | None:
    with pytest.raises(Refusal) as caught:
        talk(*messages, **direction)
    assert caught.value.status == 400
    return caught.value.param


def user(text: Any, **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": text, **more}


def test_roles_become_the_two_sides() -> None:
    found = talk(user("hi"), {"role": "assistant", "content": "hello"}, user("so?"))
    assert found.turns == (Turn("User", "hi"), Turn("Agent", "hello"), Turn("User", "so?"))


def test_system_text_is_instruction_before_that_of_the_direction() -> None:
    first = {"role": "system", "content": "Be kind."}
    second = {"role": "developer", "content": "Be brief."}
    found = talk(first, user("hi"), second, instruction="Be Ann.")
    assert found.direction.instruction == "Be kind.\nBe brief.\nBe Ann."
    assert found.turns == (Turn("User", "hi"),)


def test_names_of_messages_are_those_of_the_speakers() -> None:
    found = talk(user("hi", name="Bo"), {"role": "assistant", "content": "yo", "name": "Ann"})
    assert (found.user, found.agent) == ("Bo", "Ann")
    third = talk(user("hi", name="Bo"), user("me too", name="Cy"), user("and?"))
    assert [turn.speaker for turn in third.turns] == ["Bo", "Cy", "Bo"]
    assert talk(user("hi", name="Cy"), user="Bo").user == "Bo"


def test_nobody_speaks_in_the_name_of_the_other_side() -> None:
    bo, ann = user("hi", name="Bo"), user("hi", name="Ann")
    assert refused(bo, ann, agent="Ann") == "messages[1].name"
    assert refused(bo, {"role": "assistant", "content": "x", "name": "Bo"}) == "direction"


def test_the_direction_is_the_scene_without_turns() -> None:
    found = talk(user("hi"), situation="A storm.", personas={"Agent": ["i sail."]},
                 knowledge=["k"], memory=["m"], plan={"goal": "ask"})  # fmt: skip
    assert found.direction.facts("Agent") == ("i sail.",)
    assert (found.direction.knowledge, found.direction.memory) == (("k",), ("m",))
    assert found.plan.goal == "ask"
    assert refused(user("hi"), turns=[]) == "direction.turns"
    assert refused(user("hi"), situaton="x") == "direction"
    assert refused(user("hi"), knowledge="x") == "direction"


def test_content_may_be_parts_of_text_and_nothing_else() -> None:
    found = talk(user([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]))
    assert found.turns[0].text == "a\nb"
    picture = [{"type": "image_url", "image_url": {"url": "http://x"}}]
    assert refused(user(picture)) == "messages[0].content[0]"
    assert refused(user(None)) == "messages[0].content"
    assert refused(user("hi"), {"role": "tool", "content": "x"}) == "messages[1].role"
    call = {"role": "assistant", "content": "", "tool_calls": [{}]}
    assert refused(call) == "messages[0].tool_calls"
