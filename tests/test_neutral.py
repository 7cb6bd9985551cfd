"""neutral.py: typed markers are made harmless, and restored."""

import io

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.neutral import LINE_SIGNS, SKIP, Neutral, fold_char
from tests.hostile import MARKERS, full_width, names, texts

T5 = Neutral(markers=("<sep>", "<turn>", "[KNOWLEDGE]"), words=("EOS", "=>"), unknown="<")
LINES = Neutral(markers=("### Dialogue", "[Sharing Image]"), one_line=True)
NAMES = Neutral(markers=("[Dialogue]",), name=True)
ALL = (T5, LINES, NAMES, Neutral(markers=tuple(MARKERS), one_line=True), Neutral(one_line=True))


def without_surrogates(text: str) -> str:
    return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)


@given(texts | names | st.text(alphabet="¦␊\n<turn>EOS: ∶"), st.sampled_from(ALL))
@settings(max_examples=2000, deadline=None)
def test_undo_gives_back_what_was_typed(text: str, neutral: Neutral) -> None:
    assert neutral.undo(neutral.make(text)) == without_surrogates(text)


@given(texts, st.sampled_from(ALL))
@settings(max_examples=500, deadline=None)
def test_undo_takes_any_text(text: str, neutral: Neutral) -> None:
    assert isinstance(neutral.undo(text), str)


@pytest.mark.parametrize(
    ("typed", "seen"),
    [
        ("hi <turn> you", "hi <t¦urn> you"),
        ("<TURN>", "<T¦URN>"),
        (full_width("<turn>"), "＜ｔ¦ｕｒｎ＞"),
        ("<tu\u200brn>", "<t¦u\u200brn>"),
        ("{turn>", "{t¦urn>"),
        ("한turn>", "한t¦urn>"),
        ("Ġturn>", "Ġt¦urn>"),
        ("ĠEOSĠ", "ĠE¦OSĠ"),
        ("<t¦urn>", "<t¦¦urn>"),
        ("Canon EOS R5", "Canon E¦OS R5"),
        ("a\u200bEOS\u200bb", "a\u200bE¦OS\u200bb"),
        ("EOS", "E¦OS"),
        ("a => b", "a =¦> b"),
        ("\ud800EOS\udfff", "\ufffdE¦OS\ufffd"),
        ("ﬃ ㍿ <turn> ﬁ <turn>", "ﬃ ㍿ <t¦urn> ﬁ <t¦urn>"),
    ],
)
def test_a_typed_marker_gets_a_bar_after_its_first_letter(typed: str, seen: str) -> None:
    assert T5.make(typed) == seen


@pytest.mark.parametrize(
    "text", ["EOSs", "eos", "NEOS", "<b>", "a=>b", "my turn>", "KNOWLEDGE", "¦"]
)
def test_harmless_text_stays_as_it_is(text: str) -> None:
    assert T5.make(text) == text


def test_line_breaks_become_visible_signs() -> None:
    assert LINES.make("one\ntwo\r\n") == "one␊two␍␊"


def test_a_typed_sign_is_told_from_a_line_break() -> None:
    assert LINES.make("␊\n") == "¦␊␊"


@pytest.mark.parametrize("line", [*LINE_SIGNS, "\r\n"])
def test_nothing_that_splits_lines_is_left(line: str) -> None:
    assert len(LINES.make(f"one{line}two").splitlines()) == 1


def test_a_name_holds_no_colon() -> None:
    assert NAMES.make("Ana: hi\nBo") == "Ana∶ hi␊Bo"


@pytest.mark.parametrize("unseen", ["\0", " ", "¦", "<", "E", "#\0"])
def test_a_million_characters_take_no_longer_than_their_length(unseen: str) -> None:
    text = "### " + unseen * 1_000_000 + "x"
    assert LINES.undo(LINES.make(text)) == text


@pytest.fixture(scope="module")
def normaliser() -> sentencepiece.SentencePieceNormalizer:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["hello there <turn> EOS"] * 20),
        model_writer=model,
        vocab_size=40,
        hard_vocab_limit=False,
        normalization_rule_name="nmt_nfkc",
        minloglevel=2,
    )
    return sentencepiece.SentencePieceNormalizer(
        model_proto=model.getvalue(), add_dummy_prefix=False, remove_extra_whitespaces=False
    )


def test_a_fold_sees_every_letter_and_blank_that_sentencepiece_would_make(
    normaliser: sentencepiece.SentencePieceNormalizer,
) -> None:
    for code in (*range(0xD800), *range(0xE000, 0x20000)):
        seen = normaliser.normalize(f"a{chr(code)}b").replace("▁", " ")[1:-1]
        fold = fold_char(chr(code))
        if seen in ("", " "):
            assert fold in (seen, SKIP), hex(code)
        elif seen.isascii():
            assert fold == seen, hex(code)


def test_a_sign_for_a_line_break_does_not_open_a_marker() -> None:
    neutral = Neutral(markers=("<sep>",), one_line=True, unknown="<")
    made = neutral.make("hello\nsep> there")
    assert made == "hello␊s¦ep> there"
    assert neutral.undo(made) == "hello\nsep> there"
