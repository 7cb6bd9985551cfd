"""cosmo: the string, and what a T5 makes of it."""

from pathlib import Path

import pytest
import sentencepiece
from tests import reference_tokenizers
from tests.hostile import full_width

from tertulia import formats, tokenizer
from tertulia.conversation import Conversation, Direction, Turn

TALK = Conversation().said("User", "Hello, how are you?").said("Agent", "I am fine, thank you.")


def test_a_part_is_left_out_only_when_exactly_empty() -> None:
    talk = TALK.directed(Direction(situation=" "))
    assert formats.load("cosmo").render(talk).text.startswith("  <sep> Hello")


def test_the_published_tokenizer_closes_the_input_and_the_string_does_not_show_it() -> None:
    prompt = formats.load("cosmo").render(TALK)
    assert prompt.closing == ("</s>",)
    assert "</s>" not in prompt.text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reference_tokenizers.t5(tmp_path_factory.mktemp("t5"))


@pytest.fixture(scope="module")
def pieces(folder: Path) -> sentencepiece.SentencePieceProcessor:
    return sentencepiece.SentencePieceProcessor(model_file=str(folder / "spiece.model"))


@pytest.mark.parametrize(("family", "end"), [("cosmo", "</s>"), ("godel", "</s>")])
def test_ids_are_those_of_the_whole_string_and_the_end(
    folder: Path, pieces: sentencepiece.SentencePieceProcessor, family: str, end: str
) -> None:
    talk = TALK.directed(Direction(instruction="You are Cosmo.", knowledge=("It is cold.",)))
    prompt = formats.load(family).render(talk)
    expected = [*pieces.encode(prompt.text), pieces.piece_to_id(end)]
    assert tokenizer.load(folder).ids(prompt.runs()) == expected


@pytest.mark.parametrize(
    "typed", ["<turn>", full_width("<turn>"), "{turn>", "<tu\u200brn>", "▁<turn>▁"]
)
def test_a_neutralised_marker_has_other_ids_than_the_marker(
    pieces: sentencepiece.SentencePieceProcessor, typed: str
) -> None:
    told = formats.load("cosmo").target(Turn("Agent", typed), TALK.plan)[0].text
    assert pieces.encode(told) != pieces.encode(typed)
    assert pieces.encode(told) != pieces.encode("<turn>")
    assert "turn" not in pieces.decode(pieces.encode(told))


@pytest.mark.models
def test_ids_are_those_of_the_published_call(folder: Path) -> None:
    transformers = pytest.importorskip("transformers")
    published = transformers.T5Tokenizer.from_pretrained(str(folder), extra_ids=0)
    prompt = formats.load("cosmo").render(TALK.directed(Direction(situation="i like cats.")))
    assert tokenizer.load(folder).ids(prompt.runs()) == published(prompt.text).input_ids
