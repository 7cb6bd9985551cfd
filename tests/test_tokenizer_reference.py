"""Ten thousand strings through every kind of tokenizer: the ids are those of the reference.

The reference is the library of whoever made the file: sentencepiece for its models, tokenizers for
a tokenizer.json, transformers' classes over both. Ids differ by design in three cases, each said
below: control tokens that somebody typed, lone surrogates, and what the classes of transformers
change about the files they open.
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
import tokenizers

from tertulia import tokenizer
from tertulia.prompt import Span
from tertulia.tokenizer import SURROGATE, Tokenizer
from tests import reference_tokenizers
from tests.folders import new_folder
from tests.many_strings import COUNT, strings, written

KINDS = (
    "t5",
    "pingpong",
    "persona_gpt",
    "dialogpt",
    "llama_3",
    "llama_2",
    "llama_2_model",
    "gemma",
)
SIZE = 1500
each_kind = pytest.mark.parametrize("kind", KINDS)
Rows = list[list[int]]


@cache
def folder(kind: str) -> Path:
    """A tokenizer of that kind, trained on other strings of the same sort."""
    made: Path = getattr(reference_tokenizers, kind)(new_folder("tokenizer"), written(), SIZE)
    return made


@cache
def opened(kind: str) -> Tokenizer:
    return tokenizer.load(folder(kind))


@cache
def clean() -> list[str]:
    """The strings as libraries take them: a lone surrogate has no UTF-8, so it is U+FFFD."""
    return [SURROGATE.sub("\ufffd", text) for text in strings()]


@cache
def found(kind: str) -> Rows:
    return [opened(kind).ids([Span(text)]) for text in strings()]


@cache
def expected(kind: str) -> Rows:
    """The reference's ids, in which typed control tokens are control tokens."""
    place = folder(kind)
    for file in place.glob("*.model"):
        model = sentencepiece.SentencePieceProcessor(model_file=str(file))
        rows: Rows = model.encode(clean(), num_threads=1)
        return rows
    return encoded(whole(place))


def whole(place: Path) -> tokenizers.Tokenizer:
    """The tokenizers library's own reading of a folder."""
    if (place / "tokenizer.json").exists():
        return tokenizers.Tokenizer.from_file(str(place / "tokenizer.json"))
    pair = (str(place / name) for name in ("vocab.json", "merges.txt"))
    made = tokenizers.ByteLevelBPETokenizer.from_file(*pair)
    made.add_special_tokens(["<|endoftext|>"])
    if (place / "added_tokens.json").exists():
        added = json.loads((place / "added_tokens.json").read_text("utf-8"))
        made.add_tokens(sorted(added, key=added.__getitem__))
    return made._tokenizer


def encoded(library: Any) -> Rows:
    return [each.ids for each in library.encode_batch(clean(), add_special_tokens=False)]


def typed(kind: str, ids: list[int]) -> bool:
    """A control token is among the ids."""
    return not opened(kind).names.keys().isdisjoint(ids)


def apart(ours: Rows, theirs: Rows, but: Callable[[str, list[int]], bool]) -> list[str]:
    """Strings with other ids, but for those of which that is true."""
    return [
        text
        for text, left, right in zip(clean(), ours, theirs, strict=True)
        if left != right and not but(text, right)
    ]


@each_kind
def test_ids_are_those_of_the_reference(kind: str) -> None:
    assert apart(found(kind), expected(kind), lambda _, ids: typed(kind, ids)) == []


@each_kind
def test_nearly_all_strings_are_compared(kind: str) -> None:
    forged = sum(typed(kind, ids) for ids in expected(kind))
    assert len(strings()) == COUNT and len(set(strings())) > 0.9 * COUNT
    assert forged < 0.02 * COUNT
    assert forged > 0 or kind in ("t5", "llama_2_model")  # Their control pieces nobody can type.


@each_kind
def test_what_people_write_is_not_unknown_to_the_tokenizers_here(kind: str) -> None:
    unknown = opened(kind).vocabulary.ids.get("[UNK]" if kind == "pingpong" else "<unk>")
    people = [row for n, row in enumerate(found(kind)) if n % 10 < 3]
    assert sum(row.count(unknown) for row in people) < 0.05 * sum(map(len, people))
    assert sum(map(len, people)) < 0.6 * sum(len(t.encode()) for t in clean()[:: 10 // 3])


@each_kind
def test_no_string_yields_a_control_token(kind: str) -> None:
    assert not [text for text, ids in zip(clean(), found(kind), strict=True) if typed(kind, ids)]


@pytest.mark.parametrize("kind", ["llama_3", "llama_2", "gemma"])
def test_typed_control_tokens_have_the_ids_of_their_letters(kind: str) -> None:
    library = whole(folder(kind))
    library.encode_special_tokens = True
    rows = encoded(library)
    # The token of unknown text stays ordinary text; Gemma's plain tags have no such switch.
    assert apart(found(kind), rows, lambda text, ids: "<unk>" in text or typed(kind, ids)) == []


def test_typed_separators_of_pingpong_are_letters() -> None:
    ours = opened("pingpong")
    theirs = sentencepiece.SentencePieceProcessor(model_file=str(folder("pingpong") / "sp.model"))
    separator = ours.control("[SEPT]")
    for text in ("[SEPT]", "a[SEPT]b", "［SEPT］"):
        assert separator in theirs.encode(text)
        assert separator not in ours.ids([Span(text)])


@each_kind
def test_a_lone_surrogate_is_a_replacement_character(kind: str) -> None:
    alone = [n for n, text in enumerate(strings()) if SURROGATE.search(text)]
    assert len(alone) > 50
    assert [found(kind)[n] for n in alone] == [opened(kind).ids([Span(clean()[n])]) for n in alone]


CLASSES = {
    "t5": "T5Tokenizer",
    "dialogpt": "GPT2Tokenizer",
    "llama_3": "PreTrainedTokenizerFast",
    "llama_2": "LlamaTokenizer",
    "llama_2_model": "LlamaTokenizer",
    "gemma": "GemmaTokenizer",
}
"""Fast tokenizers of transformers, over tokenizer.json or what the model was published with."""


@cache
def published(kind: str) -> Any:
    transformers = pytest.importorskip("transformers", reason="pip install 'tertulia[torch]'")
    # The hundred tokens that T5's class adds by itself stand in no vocabulary here.
    more = {"extra_ids": 0} if kind == "t5" else {}
    return getattr(transformers, CLASSES[kind]).from_pretrained(folder(kind), **more)


def by_library(library: Any) -> Rows:
    rows: Rows = library(clean(), add_special_tokens=False)["input_ids"]
    return rows


@pytest.mark.models
@pytest.mark.parametrize("kind", ["dialogpt", "llama_3", "gemma"])
def test_ids_are_those_of_transformers_fast_tokenizers(kind: str) -> None:
    rows = by_library(published(kind))
    assert apart(found(kind), rows, lambda _, ids: typed(kind, ids)) == []


@pytest.mark.models
@pytest.mark.parametrize("kind", ["llama_2", "llama_2_model"])
def test_transformers_llama_differs_from_its_own_file_beside_blanks_only(kind: str) -> None:
    # It puts no blank before a text that begins with one, nor behind what it takes for the token
    # of unknown text; sentencepiece and the published tokenizer.json do, and we do as they do.
    rows = by_library(published(kind))
    different = apart(found(kind), rows, lambda _, ids: typed(kind, ids))
    assert different
    assert not [text for text in different if text[0] not in " ▁" and "<unk>" not in text]


@pytest.mark.models
def test_transformers_fast_t5_differs_from_its_own_model_on_rare_signs_only() -> None:
    # It normalises cluster by cluster and parts words at U+0085; sentencepiece does not.
    rows = by_library(published("t5"))
    different = apart(found("t5"), rows, lambda _, ids: typed("t5", ids))
    assert len(different) < 0.03 * COUNT
    people = {text for n, text in enumerate(clean()) if n % 10 < 5}
    assert people.isdisjoint(different)


@pytest.mark.models
def test_ids_are_those_of_transformers_slow_sentencepiece_tokenizer() -> None:
    transformers = pytest.importorskip("transformers", reason="pip install 'tertulia[torch]'")
    names = {name: "</s>" for name in ("bos_token", "eos_token", "sep_token")}
    slow = transformers.BertGenerationTokenizer(
        vocab_file=str(folder("t5") / "spiece.model"),
        **names,
        unk_token="<unk>",
        pad_token="<pad>",
    )
    rows = by_library(slow)
    assert apart(found("t5"), rows, lambda text, ids: typed("t5", ids) or "<unk>" in text) == []


@pytest.mark.models
def test_a_t5_tokenizer_json_has_the_ids_of_the_fast_tokenizer_that_wrote_it(
    tmp_path: Path,
) -> None:
    fast = published("t5")
    fast.save_pretrained(tmp_path)
    ours = tokenizer.load(tmp_path / "tokenizer.json")
    rows = [ours.ids([Span(text)]) for text in strings()]
    different = apart(rows, by_library(fast), lambda _, ids: not ours.names.keys().isdisjoint(ids))
    assert different == []
