"""Pingpong's two families: the published order of tokens, and no typed separator."""

import json
from pathlib import Path
from typing import Any

import pytest

from tertulia import formats
from tertulia.conversation import Conversation, Direction, Plan, Turn

GOLDEN = Path(__file__).parents[1] / "golden" / "published_personagpt_pingpong.jsonl"
CASES = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
PINGPONG = [c for c in CASES if c["system"] == "pingpong"]
FAMILIES = {"gpt": "pingpong_gpt", "meena": "meena"}


def talk(*turns: str) -> Conversation:
    found = Conversation()
    for place, text in enumerate(turns):
        found = found.said("Agent" if place % 2 else "User", text)
    return found


def words(name: str, conversation: Conversation, **settings: object) -> list[str]:
    """Whitespace words stand for sentencepiece's pieces, as in the published cases."""
    return formats.load(name, **settings).render(conversation).text.split()


@pytest.mark.parametrize("case", PINGPONG, ids=lambda c: c["case"])
def test_tokens_come_in_the_published_order(case: dict[str, Any]) -> None:
    given, name = case["inputs"], FAMILIES[case["inputs"]["model"]]
    conversation = talk(*given["context"])
    assert words(name, conversation, verbatim=True) == case["expected"]
    assert words(name, conversation) == case["expected"]


def test_the_whole_string_has_single_blanks() -> None:
    conversation = talk("a b", "c")
    assert formats.load("pingpong_gpt").render(conversation).text == "[BOS] a b [SEPT] c [SEPT]"
    assert formats.load("meena").render(conversation).text == "a b [SEPT] c [SEPT]"


def test_the_old_meena_example_ends_with_the_beginning() -> None:
    assert words("meena", talk("a", "b"), variant="trailing_bos")[-2:] == ["[SEPT]", "[BOS]"]
    assert words("meena", talk(), variant="trailing_bos") == ["[BOS]"]


@pytest.mark.parametrize("name", FAMILIES.values())
def test_a_typed_separator_makes_no_turn_and_comes_back_as_typed(name: str) -> None:
    made = formats.load(name)
    typed = "a [SEPT] b ［ＳＥＰＴ］ [EOS][BOS][PAD]"
    prompt = made.render(talk(typed))
    assert sum(span.control for span in prompt.spans) == sum(
        span.control for span in made.render(talk("x")).spans
    )
    assert prompt.text.count("[SEPT]") == 1
    said = "".join(span.text for span in made.target(Turn("Agent", typed), Plan()))
    assert made.parse(said).text == typed


@pytest.mark.parametrize("name", FAMILIES.values())
def test_verbatim_leaves_a_typed_separator_as_the_published_code_does(name: str) -> None:
    prompt = formats.load(name, verbatim=True).render(talk("a [SEPT] b"))
    assert prompt.text.count("[SEPT]") == 2


@pytest.mark.parametrize("name", FAMILIES.values())
def test_a_reply_ends_where_the_next_utterance_would_begin(name: str) -> None:
    assert formats.load(name).parse("응 [SEPT] 아니").text == "응"
    assert formats.load(name).parse("응[EOS] 아니").text == "응"


def test_the_decoder_start_is_not_part_of_a_reply() -> None:
    assert formats.load("meena").parse("[BOS]응 [EOS]").text == "응"


@pytest.mark.parametrize("name", FAMILIES.values())
def test_no_direction_can_be_taken_and_each_is_reported(name: str) -> None:
    direction = Direction(situation="s", memory=("m",))
    conversation = talk("hi").directed(direction).planned(Plan(goal="g"))
    made = formats.load(name).render(conversation)
    assert made.unsupported == ("situation", "memory", "plan.goal")


@pytest.mark.parametrize("name", FAMILIES.values())
def test_the_reply_is_stopped_by_end_of_sequence(name: str) -> None:
    assert formats.load(name).render(talk("hi")).stop == ("[EOS]",)
