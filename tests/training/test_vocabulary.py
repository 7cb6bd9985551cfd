"""training/vocabulary.py: any text comes back as it went in."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia import tokenizer
from tertulia.prompt import Span
from tertulia.training import vocabulary


@cache
def made() -> tokenizer.Tokenizer:
    with TemporaryDirectory() as folder:
        texts = [" hello there, how are you? I'm fine.", " the day the night 1995"] * 9
        vocabulary.train(texts, 330).save(f"{folder}/tokenizer.json")
        return tokenizer.load(Path(folder))


@given(st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(["▁ a", "<0x41>", "안"]))
@settings(max_examples=300, deadline=None)
def test_nothing_is_lost(text: str) -> None:
    assert made().text(made().ids([Span(text)])) == text


def test_control_tokens_have_the_first_ids_and_cannot_be_typed() -> None:
    assert [made().control(name) for name in vocabulary.CONTROL] == list(range(24))
    assert min(made().ids([Span("<|me|>")])) >= 24


def test_merges_do_not_reach_over_words_digits_or_punctuation() -> None:
    tokens = made().ids([Span(" the 1995 there, the")])
    pieces = [made().text([token]) for token in tokens]
    assert [" 1", "9", "9", "5"] == [p for p in pieces if p.strip().isdigit()]
    assert not [p for p in pieces if "," in p and len(p) > 1]
