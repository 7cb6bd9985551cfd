"""What is streamed is the beginning of what the whole says, however the pieces fall."""

import random

import pytest

from tertulia import formats
from tertulia.prompt import Prompt, Span
from tertulia.registry import own
from tertulia.server.making.growing import Growing, heard

PARTS = ("Hello", " there", " ", "<", "|", "think>", "</think>", "<think>", "[", "EOS", "¦", "␊",
         "\n", "]", "안녕", "👋🏽", "=>", "</s>", "<|image|>", "[image: a cat]", "<turn>",
         "<t¦urn>", "[SEPT]", "[BOS]", "[RESULT SKILL] ", "a|b", "(a picture: x)")  # fmt: skip


ASKING = Prompt((Span("Hi"),))


def grown(format: str, pieces: list[str]) -> tuple[str, str]:
    """(what was streamed, what the whole says)."""
    # What Thanos' own format reads is a plan; it speaks in the layout of a responder.
    settings = {"variant": "both"} if format == "thanos" else {}
    growing = Growing(formats.load(format, **settings), ASKING)
    said = "".join(growing.add(piece).said for piece in pieces)
    whole = growing.format.parse("".join(pieces))
    return said + growing.end(whole).said, whole.text


@pytest.mark.parametrize("name", own("tertulia.formats"))
def test_a_stream_equals_the_whole_in_every_format(name: str) -> None:
    chance = random.Random(name)
    for _ in range(600):
        pieces = [chance.choice(PARTS) for _ in range(chance.randint(1, 9))]
        if "</think>" in pieces and not "".join(pieces).lstrip().startswith("<think>"):
            continue  # A thought that was never opened: what came before it has been said.
        cut = [letter for piece in pieces for letter in piece]
        for parts in (pieces, cut):
            streamed, whole = grown(name, parts)
            assert streamed == whole, parts


def test_plain_text_is_streamed_as_it_comes() -> None:
    growing = Growing(formats.load("native"), ASKING)
    assert [growing.add(piece).said for piece in (" Hel", "lo", " you")] == ["Hel", "lo", " you"]


def test_thinking_is_streamed_before_it_is_over() -> None:
    growing = Growing(formats.load("chat_template"), ASKING)
    thoughts = [growing.add(piece).thought for piece in ("<think>", "so", " it", " is", "</think>")]
    assert thoughts == ["", "so", " it", " is", ""]


def test_thinking_that_the_prompt_opens_is_thinking_until_it_is_closed() -> None:
    asking = Prompt((Span("Hi <think>\n"),))
    format = formats.load("chat_template")
    growing = Growing(format, asking)
    deltas = [growing.add(piece) for piece in ("so", " it", " is</think>", " Yes", ".")]
    assert [each.said for each in deltas] == ["", "", "", "Yes", "."]
    assert "".join(each.thought for each in deltas) == "so it is"
    cut = heard(format, asking, "so it")
    assert (cut.text, cut.plan.explanation) == ("", "so it")


def test_a_family_that_does_not_think_says_what_looks_like_thinking() -> None:
    asking = Prompt((Span("knowledge: <think>"),))
    assert heard(formats.load("godel"), asking, "Yes.").text == "Yes."


def test_a_long_reply_is_not_parsed_at_every_token() -> None:
    growing, parsed = Growing(formats.load("native"), ASKING), 0
    parse = growing.format.parse

    class Counting:
        def parse(self, raw: str):  # type: ignore[no-untyped-def]
            nonlocal parsed
            parsed += 1
            return parse(raw)

    growing.format = Counting()  # type: ignore[assignment]
    for _ in range(20_000):
        growing.add(" x")
    assert parsed < 1_000
