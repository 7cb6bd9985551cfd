"""Spans to ids and back: harmless text as published, hostile text harmless, bad files told."""

import functools
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia import tokenizer
from tertulia.errors import TokenizerError
from tertulia.prompt import Span
from tertulia.tokenizer import Tokenizer
from tests import reference_tokenizers as reference
from tests.folders import new_folder
from tests.tiny_llama import tiny_tokenizer

MAKERS: dict[str, Callable[[Path], Path]] = {
    maker.__name__: maker
    for maker in (
        reference.t5,
        reference.pingpong,
        reference.persona_gpt,
        reference.persona_gpt_files,
        reference.dialogpt,
        reference.llama_3,
    )
}
HARMLESS = (
    "Hello, how are you today?",
    "  two  blanks\tand a tab\n\nand lines ",
    "최근에 영화 본 거 있어?",
    "ｆｕｌｌ width, ﬁ, été, 1998, 31,415!",
    "🎉 x¦y ▁ Ġ",
)


def native(folder: Path) -> Path:
    tiny_tokenizer().save(str(folder / "tokenizer.json"))
    return folder


MAKERS["native"] = native
NAMES = sorted(MAKERS)
each_kind = pytest.mark.parametrize("kind", NAMES)


@functools.cache
def folder(kind: str) -> Path:
    return MAKERS[kind](new_folder("tokenizer"))


@functools.cache
def opened(kind: str) -> Tokenizer:
    return tokenizer.load(folder(kind))


def control(name: str) -> Span:
    return Span(name, control=True)


def published(kind: str) -> Callable[[str], list[int]]:
    """The library's own ids of harmless text, without what a post-processor adds."""
    for file in ("spiece.model", "sp.model"):
        if (folder(kind) / file).exists():
            model = sentencepiece.SentencePieceProcessor(model_file=str(folder(kind) / file))
            return model.encode  # type: ignore[no-any-return]  # the library is untyped
    fast = tokenizers.Tokenizer.from_file(str(folder(kind) / "tokenizer.json"))
    return lambda text: fast.encode(text, add_special_tokens=False).ids


@pytest.mark.parametrize("kind", [name for name in NAMES if "files" not in name != "dialogpt"])
@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_has_the_ids_of_the_published_tokenizer(kind: str, text: str) -> None:
    if kind == "dialogpt":
        kind = "persona_gpt_files"
    oracle = "persona_gpt" if kind == "persona_gpt_files" else kind
    assert opened(kind).ids([Span(text)]) == published(oracle)(text)


@each_kind
def test_no_text_spells_a_control_token(kind: str) -> None:
    found = opened(kind)
    names = list(found.vocabulary.controls)
    for text in (*names, "".join(names), " ".join(names), f"a{names[0]}b", names[0].upper()):
        assert not set(found.ids([Span(text)])) & set(found.names)


@settings(max_examples=120, deadline=None)
@given(kind=st.sampled_from(NAMES), data=st.data())
def test_no_text_of_any_kind_yields_a_control_token(kind: str, data: st.DataObject) -> None:
    found = opened(kind)
    parts = st.one_of(st.text(max_size=5), st.sampled_from(sorted(found.vocabulary.controls)))
    text = "".join(data.draw(st.lists(parts, max_size=6)))
    assert not set(found.ids([Span(text)])) & set(found.names)


@pytest.mark.parametrize(
    "flags",
    [{"special": True}, {"special": False}, {"normalized": True}, {"single_word": True}],
)
def test_added_tokens_cannot_be_typed_whatever_their_flags(
    tmp_path: Path, flags: dict[str, bool]
) -> None:
    whole = tiny_tokenizer()
    whole.add_tokens([tokenizers.AddedToken("<|extra|>", **flags)])
    whole.save(str(tmp_path / "tokenizer.json"))
    found = tokenizer.load(tmp_path)
    extra = found.control("<|extra|>")
    assert extra not in found.ids([Span(" <|extra|> <|extra|>")])
    assert found.ids([control("<|extra|>")]) == [extra]


def test_added_blanks_and_single_characters_stay_ordinary_text(tmp_path: Path) -> None:
    whole = tiny_tokenizer()
    whole.add_tokens(["\n\n", "✓"])
    whole.save(str(tmp_path / "tokenizer.json"))
    found = tokenizer.load(tmp_path)
    assert found.ids([Span("a\n\n✓")]) == whole.encode("a\n\n✓").ids
    assert found.control("\n\n") is None
    assert found.text(found.ids([Span("a\n\n✓")])) == "a\n\n✓"


def test_the_typeable_separator_of_pingpong_is_a_control_token_here() -> None:
    found = opened("pingpong")
    assert found.ids([control("[BOS]"), control("[SEPT]")]) == [2, 4]
    assert 4 not in found.ids([Span("hi [SEPT] you")])


def test_pingpongs_user_defined_digits_stay_digits() -> None:
    found = opened("pingpong")
    assert found.text(found.ids([Span("in 1998")])) == "in 1998"
    assert found.ids([Span("1")])[-1] == found.token("1")


@each_kind
def test_a_control_span_is_found_by_its_name(kind: str) -> None:
    found = opened(kind)
    for name, entry in found.vocabulary.controls.items():
        assert found.ids([control(name)]) == [entry.id] == [found.control(name)]


@each_kind
def test_a_control_token_that_is_not_there_is_told_with_the_tokenizer(kind: str) -> None:
    with pytest.raises(TokenizerError, match=r"no control token '<\|nope\|>'") as caught:
        opened(kind).ids([control("<|nope|>")])
    assert str(folder(kind)) in str(caught.value)


def test_text_is_tokenized_as_one_over_the_seams_of_spans() -> None:
    found = opened("persona_gpt")
    assert found.ids([Span("hel"), Span("lo the"), Span("re")]) == found.ids([Span("hello there")])


def test_an_entry_that_is_no_control_token_is_found_as_a_token_only() -> None:
    found = opened("t5")
    assert found.token("▁") is not None
    assert found.control("▁") is None
    assert found.token("nope") is None


def test_unknown_text_is_unknown_and_not_a_control_token() -> None:
    found = opened("t5")
    assert found.ids([Span("<")])[-1] == found.token("<unk>") == 2
    assert found.control("<unk>") is None


@each_kind
def test_lone_surrogates_are_replacement_characters(kind: str) -> None:
    found = opened(kind)
    assert found.ids([Span("a\ud800b")]) == found.ids([Span("a\ufffdb")])


@pytest.mark.parametrize("kind", ["persona_gpt", "persona_gpt_files", "llama_3", "native"])
@settings(max_examples=60, deadline=None)
@given(text=st.text())
def test_byte_level_text_comes_back_as_it_was(kind: str, text: str) -> None:
    found = opened(kind)
    assert found.text(found.ids([Span(text)])) == text


@pytest.mark.parametrize("kind", ["t5", "pingpong"])
def test_sentencepiece_text_comes_back_without_the_blank_put_before_it(kind: str) -> None:
    found = opened(kind)
    last = "</s>" if kind == "t5" else "[SEPT]"
    spans = [Span("Hello, how are you"), control(last), Span("fine")]
    assert found.text(found.ids(spans)) == f"Hello, how are you{last}fine"


@settings(max_examples=120, deadline=None)
@given(kind=st.sampled_from(NAMES), data=st.data())
def test_the_pieces_of_a_decoder_add_up_to_the_text(kind: str, data: st.DataObject) -> None:
    found = opened(kind)
    ids = data.draw(st.lists(st.integers(0, found.size + 3), max_size=40))
    decoder = found.decoder()
    pieces = [*map(decoder.step, ids), decoder.end()]
    assert "".join(pieces) == found.text(ids)


def test_a_character_of_several_tokens_comes_whole() -> None:
    found = opened("native")
    decoder = found.decoder()
    ids = found.ids([Span("🎉")])
    assert [decoder.step(id) for id in ids] == ["", "", "", "🎉"]
    assert decoder.end() == ""


def test_half_a_character_at_the_end_is_a_replacement_character() -> None:
    found = opened("native")
    decoder = found.decoder()
    assert [decoder.step(id) for id in found.ids([Span("🎉")])[:2]] == ["", ""]
    assert decoder.end() == "\ufffd"


def test_the_fast_way_keeps_blanks_beside_added_tokens_and_the_slow_way_strips_them() -> None:
    spans = [control("<|act|>"), Span(" "), Span("ask about kids."), control("<|p1|>")]
    fast = opened("persona_gpt")
    slow = tokenizer.load(folder("persona_gpt"), strip_around_control=True)
    assert fast.ids(spans)[1:-1] == fast.ids([Span(" ask about kids.")])
    assert slow.ids(spans)[1:-1] == fast.ids([Span("ask about kids.")])


def test_the_slow_way_leaves_blanks_beside_tokens_of_the_first_vocabulary() -> None:
    slow = tokenizer.load(folder("persona_gpt"), strip_around_control=True)
    spans = [Span("hi "), control("<|endoftext|>"), Span(" you")]
    assert slow.ids(spans) == opened("persona_gpt").ids(spans)


def test_blanks_are_stripped_where_an_added_token_says_so(tmp_path: Path) -> None:
    whole = tiny_tokenizer()
    whole.add_special_tokens([tokenizers.AddedToken("<|user|>", rstrip=True, normalized=False)])
    whole.save(str(tmp_path / "tokenizer.json"))
    found = tokenizer.load(tmp_path)
    ids = found.ids([Span("a "), control("<|user|>"), Span("\n hi")])
    assert ids == whole.encode("a <|user|>\n hi").ids


def test_the_files_of_the_slow_tokenizer_say_the_same_as_the_fast_one() -> None:
    pair, fast = opened("persona_gpt_files"), opened("persona_gpt")
    spans = [control("<|p2|>"), Span("i like cats."), control("<|endoftext|>")]
    assert pair.ids(spans) == fast.ids(spans)
    assert pair.vocabulary.controls == fast.vocabulary.controls


def test_the_control_pieces_of_a_unigram_json_cannot_be_typed(tmp_path: Path) -> None:
    letters = [(letter, -3.0) for letter in "▁abs/<>"]
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *letters, ("▁a", -1.0)]
    whole = tokenizers.Tokenizer(tokenizers.models.Unigram(pieces, unk_id=2))
    whole.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    whole.decoder = tokenizers.decoders.Metaspace()
    harmless = whole.encode("ab a b").ids
    whole.add_special_tokens(["<pad>", "</s>", "<unk>"])
    whole.save(str(tmp_path / "tokenizer.json"))
    found = tokenizer.load(tmp_path)
    assert found.ids([Span("ab a b"), control("</s>")]) == [*harmless, 1]
    assert not {0, 1} & set(found.ids([Span("a</s><pad></s>")]))
    assert found.text(found.ids([Span("a</s> b"), control("</s>")])) == "a</s> b</s>"


def test_a_first_blank_is_put_only_before_the_very_first_text(tmp_path: Path) -> None:
    data = json.loads(tiny_tokenizer().to_str())
    data["model"]["vocab"]["▁"] = len(data["model"]["vocab"])
    data["pre_tokenizer"] = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first"}
    data["decoder"] = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first"}
    (tmp_path / "tokenizer.json").write_text(json.dumps(data), "utf-8")
    whole = tokenizers.Tokenizer.from_str(json.dumps(data))
    found = tokenizer.load(tmp_path)
    spans = [Span("hi"), control("<|end|>"), Span("you")]
    assert found.ids(spans) == whole.encode("hi<|end|>you").ids
    assert found.text(found.ids(spans)) == "hi<|end|>you"


def test_a_folder_without_a_tokenizer_is_told_what_to_put_there(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match="spiece.model"):
        tokenizer.load(tmp_path)


def test_a_path_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match="is the path right"):
        tokenizer.load(tmp_path / "tokenizer.json")


@pytest.mark.parametrize("name", ["tokenizer.json", "spiece.model"])
def test_a_huge_file_is_not_read(tmp_path: Path, name: str) -> None:
    with (tmp_path / name).open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(TokenizerError, match="larger than 256 MiB"):
        tokenizer.load(tmp_path)


def test_a_vocabulary_without_its_merges_is_told(tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text("{}")
    with pytest.raises(TokenizerError, match="merges.txt"):
        tokenizer.load(tmp_path)


def changed(**parts: Any) -> str:
    return json.dumps({**json.loads(tiny_tokenizer().to_str()), **parts})


MALFORMED = {
    "empty": "",
    "no JSON": "{nope",
    "a list": "[]",
    "deep": "[" * 100_000,
    "no model": "{}",
    "wrong added tokens": changed(added_tokens=[3]),
    "an added token without a name": changed(added_tokens=[{"id": 1}]),
    "an id that is no number": changed(added_tokens=[{"id": "1", "content": "x"}]),
    "a negative id": changed(added_tokens=[{"id": -1, "content": "x"}]),
    "a huge id": changed(added_tokens=[{"id": 10**30, "content": "x"}]),
    "no vocabulary": changed(model={"type": "BPE", "merges": []}),
    "a wrong vocabulary": changed(model={"type": "BPE", "vocab": {"a": "b"}, "merges": []}),
    "merges of nothing": changed(model={"type": "BPE", "vocab": {"a": 1}, "merges": [["x", "y"]]}),
    "a model of another kind": changed(model={"type": "Nope", "vocab": {"a": 1}}),
    "an unknown piece out of range": changed(
        model={"type": "Unigram", "vocab": [["a", 0.0]], "unk_id": 9}
    ),
    "pieces of another shape": changed(model={"type": "Unigram", "vocab": [["a"]]}),
    "no decoder": changed(decoder=None),
    "a wrong pre-tokenizer": changed(pre_tokenizer={"type": "Split", "pattern": {"Regex": "("}}),
    "a lone surrogate": changed(added_tokens=[{"id": 3, "content": "\ud800"}, {"id": 4}]),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_tokenizer_is_a_clear_error(tmp_path: Path, what: str) -> None:
    (tmp_path / "tokenizer.json").write_text(MALFORMED[what], "utf-8")
    with pytest.raises(TokenizerError, match=r"tokenizer\.json"):
        tokenizer.load(tmp_path)


@pytest.mark.parametrize(
    "data", [b"", b"\x00", b"\x0a\xff", b"\xff" * 99, b"\x0a\x02\x10\x01", b"no"]
)
def test_a_malformed_sentencepiece_model_is_a_clear_error(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "spiece.model").write_bytes(data)
    with pytest.raises(TokenizerError, match=r"spiece\.model"):
        tokenizer.load(tmp_path)


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, 4000), flip=st.integers(0, 4000), value=st.integers(0, 255))
def test_a_damaged_sentencepiece_model_never_ends_in_a_traceback(
    cut: int, flip: int, value: int
) -> None:
    data = bytearray((folder("t5") / "spiece.model").read_bytes())
    data[flip % len(data)] = value
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "spiece.model"
        file.write_bytes(data[: len(data) - cut % len(data)])
        try:
            found = tokenizer.load(file)
        except TokenizerError as error:
            assert "spiece.model" in str(error)
        else:
            assert found.size > 0
