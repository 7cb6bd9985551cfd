"""The scripted engine says what it is told to say."""

import pytest

from tertulia import engines
from tertulia.decoding import Decoding
from tertulia.engines.scripted import Scripted
from tertulia.errors import ConfigError, UnsupportedDecoding
from tertulia.prompt import Prompt, Span

HELLO = Prompt((Span("Hello there"),))


def scripted(*lines: str) -> Scripted:
    engine = engines.load("scripted", lines=lines)
    assert isinstance(engine, Scripted)
    return engine


def test_candidate_n_says_line_seed_plus_n() -> None:
    row = scripted("a", "b", "c").generate([HELLO], Decoding(seed=1, candidates=3))[0]
    assert [each.text for each in row] == ["b", "c", "a"]


def test_its_tokens_are_words() -> None:
    completion = scripted("one two three").generate([HELLO], Decoding(max_new_tokens=2))[0][0]
    assert (completion.text, completion.finish) == ("one two", "length")
    assert (completion.prompt_tokens, completion.completion_tokens) == (2, 2)


def test_it_remembers_the_prompts_it_has_seen() -> None:
    engine = scripted("a")
    engine.generate([HELLO], Decoding())
    assert engine.seen == [HELLO]


def test_it_streams_word_by_word() -> None:
    assert list(scripted("one two three").stream(HELLO, Decoding())) == ["one", " two", " three"]


def test_it_refuses_what_would_change_its_lines() -> None:
    with pytest.raises(UnsupportedDecoding, match="repetition_penalty=2"):
        scripted("a").generate([HELLO], Decoding(repetition_penalty=2.0))


def test_a_stop_string_ends_a_line_before_it() -> None:
    completion = scripted("one two three").generate([HELLO], Decoding(stop=("three", "wo")))[0][0]
    assert (completion.text, completion.finish) == ("one t", "stop")
    pieces = scripted("one two three").stream(HELLO, Decoding(stop=("two",)))
    assert "".join(pieces) == "one "


def test_it_cannot_score() -> None:
    with pytest.raises(UnsupportedDecoding, match="use onnxruntime or transformers"):
        scripted("a").score([HELLO], [(Span("a"),)])


def test_one_decoding_per_prompt_or_one_for_all() -> None:
    with pytest.raises(ValueError, match="give one for each"):
        scripted("a").generate([HELLO, HELLO], [Decoding()])


def test_a_wrong_setting_is_answered_with_the_right_one() -> None:
    with pytest.raises(ConfigError, match="did you mean 'lines'"):
        engines.load("scripted", line=("a",))
