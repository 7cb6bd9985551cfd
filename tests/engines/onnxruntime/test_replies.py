"""What a decoding asks for: where replies end, what they hold, what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.tiny_llama import CONFIG, tiny_llama, tiny_tokenizer, tiny_weights, write_safetensors

from tertulia import engines
from tertulia.decoding import Decoding
from tertulia.engines import Completion, Piece
from tertulia.engines.onnxruntime import OnnxRuntime
from tertulia.errors import CheckpointError, EngineError, PromptTooLong, UnsupportedDecoding
from tertulia.prompt import Prompt, Span

ASKED = Prompt((Span("<|begin|>", control=True), Span(" hello, the rain")))
GREEDY = Decoding(temperature=0.0, max_new_tokens=24)


def reply(engine: OnnxRuntime, decoding: Decoding, prompt: Prompt = ASKED) -> Completion:
    return engine.generate([prompt], decoding)[0][0]


def all_but(engine: OnnxRuntime, name: str) -> tuple[str, ...]:
    return tuple(each for each in engine.tokenizer.vocabulary.ids if each != name)


def test_pieces_add_up_to_the_text_of_the_tokens(engine: OnnxRuntime) -> None:
    for seed in range(8):
        decoding = Decoding(temperature=1.0, seed=seed, max_new_tokens=24)
        events = list(engine.events([ASKED], [decoding]))
        pieces = "".join(each.text for each in events if isinstance(each, Piece))
        whole = reply(engine, decoding)
        kept = [token for token in whole.tokens if token not in engine.ends]
        assert pieces == whole.text == engine.tokenizer.text(kept)


def test_a_control_token_among_the_stops_ends_the_reply_as_a_token(engine: OnnxRuntime) -> None:
    decoding = replace(GREEDY, banned=all_but(engine, "<|says|>"))
    ended = reply(engine, decoding, replace(ASKED, stop=("<|says|>",)))
    assert (ended.text, ended.finish) == ("", "stop")
    assert ended.tokens == (engine.tokenizer.control("<|says|>"),)
    assert len(ended.logprobs) == 1
    assert reply(engine, decoding).text == "<|says|>" * 24


def test_a_stop_string_over_several_tokens_is_never_half_said(engine: OnnxRuntime) -> None:
    decoding = replace(GREEDY, banned=all_but(engine, "a"), stop=("aaaab", "aaa"))
    assert list(engine.stream(ASKED, decoding)) == []
    assert reply(engine, decoding).finish == "stop"
    assert reply(engine, decoding).completion_tokens == 3


def test_what_only_began_as_a_stop_string_is_said_in_the_end(engine: OnnxRuntime) -> None:
    decoding = replace(GREEDY, banned=all_but(engine, "a"), stop=("aaaab",), max_new_tokens=6)
    assert list(engine.stream(ASKED, decoding)) == ["a", "a", "aaaa"]


def test_no_end_before_min_new_tokens(engine: OnnxRuntime) -> None:
    stopping = replace(ASKED, stop=("<|says|>",))
    few = all_but(engine, "<|says|>")
    few = tuple(each for each in few if each != "a")
    decoding = Decoding(temperature=1.0, seed=1, min_new_tokens=5, banned=few, max_new_tokens=200)
    whole = reply(engine, decoding, stopping)
    assert whole.text.startswith("aaaaa")
    assert reply(engine, replace(decoding, stop=("aa",)), stopping).text.startswith("aaaa")


def test_max_length_and_min_length_count_the_prompt(engine: OnnxRuntime) -> None:
    size = engine.count_tokens(ASKED)
    assert reply(engine, replace(GREEDY, max_length=size + 3)).completion_tokens == 3
    stopping = replace(ASKED, stop=("a",))
    only = replace(GREEDY, banned=all_but(engine, "a"), min_length=size + 4)
    assert reply(engine, only, stopping).completion_tokens == 5


def test_a_prompt_that_fills_the_window_is_refused_with_the_numbers(engine: OnnxRuntime) -> None:
    long = Prompt((Span(" no" * 200),))
    with pytest.raises(PromptTooLong, match="600 tokens.*context window 512"):
        engine.generate([long], GREEDY)
    with pytest.raises(PromptTooLong, match="max_length, which counts it, is 4"):
        engine.generate([ASKED], replace(GREEDY, max_length=4))


def test_a_reply_that_meets_the_window_ends_there_and_says_so(tiny: Path) -> None:
    small = engines.load("onnxruntime", model=tiny, threads=1, context_window=20)
    whole = small.generate([ASKED], replace(GREEDY, max_new_tokens=500))[0][0]
    assert whole.finish == "length"
    assert (whole.prompt_tokens or 0) + len(whole.tokens) == 20


def test_an_unknown_banned_token_is_an_error_with_its_name(engine: OnnxRuntime) -> None:
    with pytest.raises(UnsupportedDecoding, match="'<sorry>'"):
        engine.generate([ASKED], replace(GREEDY, banned=("<sorry>",)))


def test_a_given_reply_scores_as_it_did_when_it_was_said(each_arithmetic: OnnxRuntime) -> None:
    decoding = replace(GREEDY, banned=all_but(each_arithmetic, "a"), max_new_tokens=6)
    whole = reply(each_arithmetic, decoding)
    scores = each_arithmetic.score([ASKED, ASKED], [[Span("aaaaaa")], []])
    assert scores[0] == pytest.approx(whole.logprobs, abs=0.5)
    assert scores[1] == ()
    assert each_arithmetic.score([ASKED], [[Span("aaaaaa")]])[0] == scores[0]


def test_weights_that_are_not_numbers_are_an_engine_error(tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path)
    config = {**CONFIG, "vocab_size": tiny_tokenizer().get_vocab_size()}
    weights = tiny_weights(config, np.random.default_rng(0))
    weights["model.norm.weight"][3] = np.nan
    write_safetensors(folder / "model.safetensors", weights)
    broken = engines.load("onnxruntime", model=folder, threads=1, quantization="float32")
    with pytest.raises(EngineError, match="nan among its logits"):
        broken.generate([ASKED], GREEDY)


def test_the_built_in_layout_talks_as_the_same_weights_in_floats(
    tmp_path: Path, engine: OnnxRuntime
) -> None:
    rows = engines.load("onnxruntime", model=tiny_llama(tmp_path, int8=True), threads=1)
    assert rows.generate([ASKED], GREEDY)[0][0].tokens == reply(engine, GREEDY).tokens


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model_type": "lama"}, "did you mean 'llama'"),
        ({"num_hidden_layers": "two"}, "num_hidden_layers is 'two'"),
        ({"num_hidden_layers": 3}, "no weights named model.layers.2"),
        ({"hidden_size": 32}, "has shape"),
        ({"hidden_act": "gelu"}, "only silu"),
        ({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}}, "only default, linear"),
        ({"rms_norm_eps": "small"}, "rms_norm_eps is 'small'"),
        ({"eos_token_id": 4096}, "must be ids below"),
    ],
)
def test_a_config_that_cannot_be_run_is_refused_with_its_place(
    tiny: Path, tmp_path: Path, change: dict[str, object], said: str
) -> None:
    for name in ("tokenizer.json", "model.safetensors"):
        (tmp_path / name).symlink_to(tiny / name)
    config = json.loads((tiny / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "config.json").write_text(json.dumps({**config, **change}), encoding="utf-8")
    with pytest.raises(CheckpointError, match=said):
        engines.load("onnxruntime", model=tmp_path)
