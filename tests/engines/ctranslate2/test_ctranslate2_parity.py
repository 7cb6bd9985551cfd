"""Every family that is converted, against transformers, and against ways to convert it wrongly."""

from pathlib import Path

import numpy as np
import pytest
from tests.tiny_ctranslate2 import converted, opened

pytest.importorskip("torch", reason="pip install 'tertulia[torch]'")
pytest.importorskip("transformers", reason="pip install 'tertulia[torch]'")

from tests.engines.pairs import REPLY, TOKENS, Pair, paired
from tests.engines.tiny_families import prompts
from tests.tiny_llama import LLAMA3, tiny_llama
from tests.tiny_seq2seq import T5, tiny_seq2seq

from tertulia.decoding import Decoding
from tertulia.engines import Engine

pytestmark = pytest.mark.models

NAMES = (
    "t5 1.1",
    "t5",
    "gpt2",
    "openai-gpt",
    "llama3",
    "mistral",
    "qwen2",
    "bart",
    "marian",
    "blenderbot",
    "meena",
)
GREEDY = Decoding(temperature=0.0, max_new_tokens=TOKENS)


@pytest.fixture(scope="module", params=NAMES)
def pair(request: pytest.FixtureRequest) -> Pair:
    return paired(request.param)


@pytest.fixture(scope="module")
def engine(pair: Pair) -> Engine:
    folder = Path(f"{pair.folder}-float32")
    return opened(folder if folder.exists() else converted(pair.folder))


def scores(engine: Engine, twofold: bool) -> np.ndarray:
    asked = prompts(twofold)[::10]
    return np.array(engine.score(asked, [REPLY] * len(asked)))


def test_it_gives_transformers_probabilities(pair: Pair, engine: Engine) -> None:
    asked = prompts(pair.twofold)[::10]
    assert np.abs(scores(engine, pair.twofold) - pair.scores(asked)).max() < 1e-4


def test_it_says_what_transformers_says(pair: Pair, engine: Engine) -> None:
    asked = prompts(pair.twofold)[::5]
    said = [list(row[0].tokens) for row in engine.generate(asked, GREEDY)]
    assert said == pair.generated(asked)


def test_it_tells_the_models_own_probabilities_whatever_the_rules(
    pair: Pair, engine: Engine
) -> None:
    asked = prompts(pair.twofold)[:1]
    ruled = Decoding(temperature=0.0, max_new_tokens=5, min_new_tokens=5, no_repeat_ngram=1,
                     penalties_count_prompt=False)  # fmt: skip
    [[ours]], [[theirs]] = (each.generate(asked, ruled) for each in (engine, pair.engine))
    assert ours.tokens == theirs.tokens
    assert np.allclose(ours.logprobs, theirs.logprobs, atol=1e-4)


def test_a_t5_with_the_other_scale_of_logits_is_told_apart(tmp_path: Path) -> None:
    right, wrong = (
        opened(converted(tiny_seq2seq(tmp_path / str(scaled), T5, scale_decoder_outputs=scaled)))
        for scaled in (False, True)
    )
    asked = prompts(twofold=True)[:3]
    said = [[row[0].tokens for row in each.generate(asked, GREEDY)] for each in (right, wrong)]
    assert said[0] == said[1]
    assert np.abs(scores(right, True) - scores(wrong, True)).max() > 1


def test_a_version_1_1_that_transformers_5_saved_as_tied_is_not_scaled(tmp_path: Path) -> None:
    old = opened(converted(tiny_seq2seq(tmp_path / "old", T5)))
    new = tiny_seq2seq(tmp_path / "new", T5, tie_word_embeddings=True, scale_decoder_outputs=False)
    (new / "model.safetensors").write_bytes((tmp_path / "old/model.safetensors").read_bytes())
    assert np.array_equal(scores(opened(converted(new)), True), scores(old, True))


@pytest.mark.parametrize("lost", ["rope_type", "original_max_position_embeddings", "factor"])
def test_a_llama_3_without_a_part_of_its_rotation_is_told_apart(tmp_path: Path, lost: str) -> None:
    others = {"rope_type": "default", "original_max_position_embeddings": 4096, "factor": 1.0}
    whole = opened(converted(tiny_llama(tmp_path / "whole", rope_parameters=LLAMA3)))
    rotation = {**LLAMA3, lost: others[lost]}
    part = opened(converted(tiny_llama(tmp_path / "part", rope_parameters=rotation)))
    assert np.abs(scores(whole, False) - scores(part, False)).max() > 0.1
