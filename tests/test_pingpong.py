"""Pingpong's GPT and Meena whole, on random weights of their own shape: ten replies a context."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tertulia import Agent, Conversation, Decoding, engines, formats, tokenizer
from tertulia.agent import Reply
from tertulia.decoding import preset
from tertulia.engines import Engine
from tertulia.errors import PromptTooLong
from tests import reference_tokenizers
from tests.tiny_llama import write_safetensors
from tests.tiny_seq2seq import MEENA, tiny_weights

KOREAN = ("최근에 영화 본 거 있어?", "기생충 봤는데 엄청 재밌더라", "오 그래? 다들 재밌다고 하더라")
JAPANESE = ("最近映画を見ましたか", "昨日見たよ、とても面白かった", "そうなんだ、私も見たいな")
METHODS = ("top_p", "beam_search")
SIZES = {"n_positions": 256, "n_embd": 24, "n_layer": 2, "n_head": 4}


def vocabulary(folder: Path) -> int:
    """A tokenizer as the published ones are, and how many pieces it has."""
    lines = "\n".join((reference_tokenizers.TEXT, *KOREAN, *JAPANESE))
    model = reference_tokenizers.trained(
        lines, vocab_size=360, pad_id=0, unk_id=1, bos_id=2, eos_id=3, pad_piece="[PAD]",
        unk_piece="[UNK]", bos_piece="[BOS]", eos_piece="[EOS]",
        user_defined_symbols=["[SEPT]", *"0123456789"], character_coverage=1.0,
    )  # fmt: skip
    (folder / "sp.model").write_bytes(model)
    return tokenizer.load(folder).size


def written(folder: Path, config: dict[str, object], arrays: dict[str, np.ndarray]) -> Path:
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    write_safetensors(folder / "model.safetensors", arrays)
    return folder


def gpt_arrays(vocabulary: int) -> dict[str, np.ndarray]:
    """Random weights under their published names."""
    chance, wide = np.random.default_rng(0), SIZES["n_embd"]

    def drawn(*shape: int) -> np.ndarray:
        return (chance.standard_normal(shape) / wide**0.5).astype(np.float32)

    arrays = {"wte.weight": drawn(vocabulary, wide), "wpe.weight": drawn(256, wide)}
    for n in range(SIZES["n_layer"]):
        for name, shape in {
            "attn.c_attn": (wide, 3 * wide),
            "attn.c_proj": (wide, wide),
            "mlp.c_fc": (wide, 4 * wide),
            "mlp.c_proj": (4 * wide, wide),
        }.items():
            arrays[f"h.{n}.{name}.weight"] = 2 * drawn(*shape)
            arrays[f"h.{n}.{name}.bias"] = drawn(shape[1])
        for name in ("ln_1", "ln_2"):
            arrays[f"h.{n}.{name}.weight"] = 1 + drawn(wide)
            arrays[f"h.{n}.{name}.bias"] = drawn(wide)
    return {f"transformer.{name}": array for name, array in arrays.items()}


@pytest.fixture(scope="module")
def gpt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("gpt")
    size = vocabulary(folder)
    config = {"model_type": "pingpong_gpt", **SIZES, "vocab_size": size, "eos_token_id": 3}
    engine = engines.load(
        "onnxruntime", model=str(written(folder, config, gpt_arrays(size))), threads=1
    )
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def meena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("meena")
    tokens = {"bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
    places = {"max_position_embeddings": 256, "max_encoder_length": 128}
    config = {**MEENA, **places, **tokens, "vocab_size": vocabulary(folder)}
    engine = engines.load(
        "onnxruntime", model=str(written(folder, config, tiny_weights(config))), threads=1
    )
    yield engine
    engine.close()


def talk(*turns: str) -> Conversation:
    made = Conversation()
    for n, text in enumerate(turns):
        made = made.said(("User", "Agent")[(len(turns) - n + 1) % 2], text)
    return made


def reply(engine: Engine, family: str, conversation: Conversation, decoding: Decoding) -> Reply:
    agent = Agent(format=formats.load(family), engine=engine, decoding=decoding)
    return agent.reply(conversation)


@pytest.mark.parametrize("context", [KOREAN, JAPANESE], ids=["korean", "japanese"])
@pytest.mark.parametrize("method", METHODS)
def test_gpt_gives_ten_replies_to_a_context(
    gpt: Engine, method: str, context: tuple[str, ...]
) -> None:
    made = reply(gpt, "pingpong_gpt", talk(*context), preset(f"pingpong_gpt_{method}").decoding)
    assert len(made.candidates) == 10
    for each in made.candidates:
        used = (each.completion.prompt_tokens or 0) + (each.completion.completion_tokens or 0)
        assert used <= 48 and "[SEPT]" not in each.completion.text


@pytest.mark.parametrize("context", [KOREAN, JAPANESE], ids=["korean", "japanese"])
@pytest.mark.parametrize("method", METHODS)
def test_meena_gives_ten_replies_to_a_context(
    meena: Engine, method: str, context: tuple[str, ...]
) -> None:
    made = reply(meena, "meena", talk(*context), preset(f"pingpong_meena_{method}").decoding)
    assert len(made.candidates) == 10 and made.dropped == ()
    assert all(7 <= (each.completion.completion_tokens or 0) <= 47 for each in made.candidates)


def test_the_published_seed_gives_the_same_ten_again(gpt: Engine) -> None:
    first, again = (
        reply(gpt, "pingpong_gpt", talk(*KOREAN), preset("pingpong_gpt_top_p").decoding)
        for _ in range(2)
    )
    assert first.seed == 42 and first.candidates[0].text
    assert [each.text for each in first.candidates] == [each.text for each in again.candidates]


@pytest.mark.parametrize("method", METHODS)
def test_a_long_talk_forgets_its_oldest_turns_and_goes_on(gpt: Engine, method: str) -> None:
    made = reply(gpt, "pingpong_gpt", talk(*KOREAN * 4), preset(f"pingpong_gpt_{method}").decoding)
    assert made.dropped and made.completion.completion_tokens
    assert made.prompt.text.endswith(f"{KOREAN[-1]} [SEPT]")


def test_a_turn_longer_than_gpts_limits_is_told_with_the_cure(gpt: Engine) -> None:
    long = talk(" ".join(KOREAN * 10))
    with pytest.raises(PromptTooLong, match=r"decoding.max_length 48, which counts .* or raise"):
        reply(gpt, "pingpong_gpt", long, preset("pingpong_gpt_top_p").decoding)
    with pytest.raises(PromptTooLong, match=r"context window 256 less .* or lower"):
        reply(gpt, "pingpong_gpt", long, Decoding(max_new_tokens=8))


def test_meenas_encoder_reads_as_many_turns_as_its_128_positions_hold(meena: Engine) -> None:
    made = reply(meena, "meena", talk(*KOREAN * 8), preset("pingpong_meena_top_p").decoding)
    assert made.dropped and 100 < (made.completion.prompt_tokens or 0) <= 128
    with pytest.raises(PromptTooLong, match=r"context window 128\): shorten the direction or"):
        reply(meena, "meena", talk(" ".join(KOREAN * 8)), Decoding(max_new_tokens=8))


def test_the_japanese_length_of_256_ends_at_the_decoders_128_positions(meena: Engine) -> None:
    decoding = Decoding(temperature=1.0, max_length=256, min_length=200, max_new_tokens=256, seed=1)
    made = reply(meena, "meena", talk(*JAPANESE), decoding)
    assert made.completion.completion_tokens == 127 and made.completion.finish == "length"
