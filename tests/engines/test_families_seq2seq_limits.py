"""What encoder-decoder families refuse, and what counts against which limit."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.reference_tokenizers import t5 as sentencepieces
from tests.tiny_seq2seq import BART, FAMILIES, T5
from tests.tiny_seq2seq import tiny_seq2seq as written

from tertulia import engines, formats
from tertulia.conversation import Conversation
from tertulia.decoding import Decoding
from tertulia.engines.onnxruntime import OnnxRuntime
from tertulia.errors import CheckpointError, PromptTooLong
from tertulia.prompt import Prompt, Span

GREEDY = Decoding(temperature=0.0, max_new_tokens=8)
SOME = Prompt((Span("the rain and I"),), closing=("<|end|>",))


def opened(folder: Path, **settings: object) -> OnnxRuntime:
    engine = engines.load("onnxruntime", model=str(folder), **{"threads": 1, **settings})
    assert isinstance(engine, OnnxRuntime)
    return engine


def all_but(engine: OnnxRuntime, name: str) -> tuple[str, ...]:
    return tuple(each for each in engine.tokenizer.vocabulary.ids if each != name)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_limits_of_length_count_the_decoders_start_token_alone(
    tmp_path: Path, family: str
) -> None:
    engine = opened(written(tmp_path, FAMILIES[family]))
    only = replace(GREEDY, banned=all_but(engine, "a"), max_new_tokens=20)
    assert engine.generate([SOME], replace(only, max_length=4))[0][0].completion_tokens == 3
    stopping = replace(SOME, stop=("a",))
    assert engine.generate([stopping], replace(only, min_length=5))[0][0].completion_tokens == 5


def test_what_does_not_fit_is_refused_with_the_numbers(tmp_path: Path) -> None:
    meena = opened(written(tmp_path, FAMILIES["meena"]))
    assert (meena.context_window, meena.network.decoder.window) == (56, 40)
    long = Prompt((Span("e" * 57),))
    with pytest.raises(PromptTooLong, match="57 tokens.*the encoder's, 56"):
        meena.generate([long], GREEDY)
    with pytest.raises(PromptTooLong, match="at least 40 tokens, and the decoder takes 39"):
        meena.score([SOME], [[Span("e" * 40)]])
    whole = meena.generate([SOME], replace(GREEDY, min_new_tokens=99, max_new_tokens=99))
    assert len(whole[0][0].tokens) == 39


def test_the_prompt_has_the_window_to_itself(tmp_path: Path) -> None:
    meena = opened(written(tmp_path, FAMILIES["meena"]))
    assert meena.room(Decoding(max_new_tokens=128)) == 56
    full = Prompt((Span("e" * 56),))
    assert meena.generate([full], replace(GREEDY, max_new_tokens=39))[0][0].tokens


def test_t5_reads_512_tokens_unless_it_is_told_otherwise(tmp_path: Path) -> None:
    folder, long = written(tmp_path, FAMILIES["t5"]), Prompt((Span("e" * 600),))
    with pytest.raises(PromptTooLong, match="600 tokens.*512"):
        opened(folder).generate([long], GREEDY)
    wide = opened(folder, context_window=600)
    assert wide.generate([long], GREEDY)[0][0].prompt_tokens == 600


def test_what_is_forced_at_the_beginning_is_not_part_of_the_reply(tmp_path: Path) -> None:
    forced = opened(written(tmp_path, BART, forced_bos_token_id=40))
    assert forced.network.decoder.encoder is not None
    assert forced.network.decoder.encoder.start[1:] == (40,)
    only = replace(GREEDY, banned=all_but(forced, "a"), max_length=5)
    whole = forced.generate([SOME], only)[0][0]
    assert whole.text == "aaa"


def test_cosmos_prompt_closes_once(tmp_path: Path) -> None:
    folder = sentencepieces(written(tmp_path, T5, vocab_size=400))
    (folder / "tokenizer.json").unlink()
    engine = opened(folder)
    rendered = formats.load("cosmo").render(Conversation().said("User", "Hello, how are you?"))
    ids = engine.tokenizer.ids(rendered.runs())
    assert ids.count(1) == 1 and ids[-1] == 1
    completion = engine.generate([rendered], replace(GREEDY, min_new_tokens=2))[0][0]
    assert completion.prompt_tokens == len(ids)


@pytest.mark.parametrize(
    ("family", "change", "told"),
    [
        ("t5", {"feed_forward_proj": "gated-tanh"}, "feed_forward_proj is 'gated-tanh'"),
        ("t5", {"num_layers": 3}, r"no weights named encoder\.block\.2"),
        ("t5", {"d_kv": 8}, r"SelfAttention\.q\.weight has shape \[64, 64\]"),
        ("t5", {"decoder_start_token_id": None, "bos_token_id": None}, "decoder_start_token_id"),
        ("blenderbot", {"decoder_attention_heads": 3}, "decoder_attention_heads is 3"),
        ("blenderbot", {"activation_function": "tanh"}, "activation_function is 'tanh'"),
        ("blenderbot", {"forced_bos_token_id": "<s>"}, "forced_bos_token_id is '<s>'"),
        ("meena", {"max_encoder_length": 96}, "max_encoder_length is 96"),
    ],
)
def test_a_config_that_the_graphs_cannot_follow_is_refused(
    tmp_path: Path, family: str, change: dict[str, Any], told: str
) -> None:
    config = written(tmp_path, FAMILIES[family]) / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), **change}))
    with pytest.raises(CheckpointError, match=told):
        opened(tmp_path)
