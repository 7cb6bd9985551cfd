"""Prompts: marked spans of text, and what a tokenizer is given of them."""

from hypothesis import given
from hypothesis import strategies as st

from tertulia.prompt import Prompt, Span, runs

SPANS = st.lists(st.builds(Span, st.text(max_size=4), control=st.booleans()), max_size=8)


def test_the_text_is_every_span_with_control_tokens_by_name() -> None:
    assert Prompt((Span("<s>", control=True), Span("Hi"), Span(" you"))).text == "<s>Hi you"


def test_a_prompt_is_printed_as_its_text() -> None:
    assert f"{Prompt((Span('<|me|>', control=True), Span(' Hi')))}" == "<|me|> Hi"


def test_neighbouring_text_is_joined_and_control_tokens_never_are() -> None:
    spans = (Span("a", field="x"), Span("b"), Span("<s>", control=True), Span("<s>", control=True))
    assert runs(spans) == [
        Span("ab"),
        Span("<s>", control=True),
        Span("<s>", control=True),
    ]


def test_text_without_a_character_leaves_no_run() -> None:
    assert runs((Span(""), Span("<s>", control=True), Span(""))) == [Span("<s>", control=True)]


def test_the_closing_tokens_come_last_and_do_not_show() -> None:
    prompt = Prompt((Span("Hi"),), closing=("</s>",))
    assert prompt.runs() == [Span("Hi"), Span("</s>", control=True)]
    assert prompt.text == "Hi"


@given(SPANS)
def test_joining_keeps_the_text_and_the_control_tokens(spans: list[Span]) -> None:
    joined = runs(spans)
    assert "".join(each.text for each in joined) == "".join(each.text for each in spans)
    assert [each.text for each in joined if each.control] == [s.text for s in spans if s.control]


@given(SPANS)
def test_no_two_runs_of_text_are_neighbours(spans: list[Span]) -> None:
    joined = runs(spans)
    assert all(a.control or b.control for a, b in zip(joined, joined[1:], strict=False))


@given(SPANS)
def test_joining_twice_is_joining_once(spans: list[Span]) -> None:
    assert runs(runs(spans)) == runs(spans)
