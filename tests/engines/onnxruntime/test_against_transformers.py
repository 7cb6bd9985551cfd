"""The same weights in transformers: ids, hypotheses, log-probabilities, kept sets."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.tiny_llama import LLAMA3, tiny_llama

from tertulia import engines
from tertulia.decoding import Decoding
from tertulia.engines import Engine
from tertulia.engines.onnxruntime.request import request
from tertulia.engines.onnxruntime.sampler import apply_rules, keep
from tertulia.prompt import Prompt, Span

pytestmark = pytest.mark.models

MADE: dict[str, dict[str, object]] = {
    "tied": {},
    "untied": {"tie_word_embeddings": False, "attention_bias": True, "mlp_bias": True},
    "llama3": {"rope_parameters": LLAMA3, "num_key_value_heads": 1},
    "linear": {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4, "factor": 3.0}},
}
PROMPTS = [
    Prompt((Span("<|begin|>", control=True), Span(f" the {text}")))
    for text in ("rain", "and a", "?")
]
BEAMS: list[tuple[int, float, dict[str, Any], dict[str, Any]]] = [
    (2, 1.0, {}, {}),
    (4, 0.5, {"repetition_penalty": 1.3}, {"repetition_penalty": 1.3}),
    (5, 2.0, {"no_repeat_ngram": 2}, {"no_repeat_ngram_size": 2}),
    (3, 0.0, {"min_new_tokens": 6}, {"min_new_tokens": 6}),
]


@pytest.fixture(scope="module", params=MADE)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    torch = pytest.importorskip("torch", reason="pip install 'tertulia[torch]'")
    transformers = pytest.importorskip("transformers", reason="pip install 'tertulia[torch]'")
    folder: Path = tiny_llama(tmp_path_factory.mktemp(request.param), **MADE[request.param])
    engine = engines.load("onnxruntime", model=folder, threads=1, quantization="float32")
    torch.set_num_threads(1)
    return engine, transformers.LlamaForCausalLM.from_pretrained(folder).eval(), torch


def asked(pair: Any, prompt: Prompt) -> Any:
    return pair[2].tensor([pair[0].tokenizer.ids(prompt.spans)])


def told(pair: Any, prompt: Prompt, **settings: Any) -> list[list[int]]:
    """What generate() adds to the prompt, without padding."""
    ids = asked(pair, prompt)
    rows = pair[1].generate(ids, do_sample=False, max_new_tokens=16, pad_token_id=0, **settings)
    said = [row[ids.shape[1] :].tolist() for row in rows]
    end = pair[1].config.eos_token_id
    return [row[: row.index(end) + 1] if end in row else row for row in said]


def own(engine: Engine, prompt: Prompt, **settings: Any) -> list[list[int]]:
    decoding = Decoding(temperature=0.0, max_new_tokens=16, **settings)
    return [list(each.tokens) for each in engine.generate([prompt], decoding)[0]]


def test_greedy_ids_are_those_of_generate(pair: Any) -> None:
    for prompt in PROMPTS:
        assert own(pair[0], prompt) == told(pair, prompt)


@pytest.mark.parametrize(("beams", "penalty", "ours", "theirs"), BEAMS)
def test_every_hypothesis_of_the_beam_is_that_of_generate(
    pair: Any, beams: int, penalty: float, ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    for prompt in PROMPTS:
        mine = own(pair[0], prompt, beams=beams, candidates=beams, length_penalty=penalty, **ours)
        assert mine == told(
            pair,
            prompt,
            num_beams=beams,
            num_return_sequences=beams,
            length_penalty=penalty,
            **theirs,
        )


def test_log_probabilities_are_the_models_own(pair: Any) -> None:
    engine, model, torch = pair
    completion = engine.generate([PROMPTS[0]], Decoding(temperature=1.0, seed=3, top_k=9))[0][0]
    ids, said = asked(pair, PROMPTS[0]), torch.tensor([completion.tokens])
    with torch.no_grad():
        logits = model(torch.cat([ids, said], 1)).logits.log_softmax(-1)[0, ids.shape[1] - 1 : -1]
    expected = logits.gather(1, said.T)[:, 0].numpy()
    assert np.abs(np.array(completion.logprobs) - expected).max() < 1e-4


def test_a_given_reply_scores_as_the_model_says(pair: Any) -> None:
    engine, model, torch = pair
    reply = [Span(" and then"), Span("<|end|>", control=True)]
    ids, said = asked(pair, PROMPTS[1]), torch.tensor([engine.tokenizer.ids(reply)])
    with torch.no_grad():
        logits = model(torch.cat([ids, said], 1)).logits.log_softmax(-1)[0, ids.shape[1] - 1 : -1]
    expected = logits.gather(1, said.T)[:, 0].numpy()
    assert np.abs(np.array(engine.score([PROMPTS[1]], [reply])[0]) - expected).max() < 1e-4


SAMPLING: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"top_k": 20, "temperature": 0.7}, {"top_k": 20, "temperature": 0.7}),
    ({"top_p": 0.8}, {"top_p": 0.8, "top_k": 0}),
    ({"min_p": 0.1, "temperature": 1.5}, {"min_p": 0.1, "temperature": 1.5, "top_k": 0}),
    (
        {"top_k": 50, "top_p": 0.9, "min_p": 0.02, "repetition_penalty": 1.4},
        {"top_k": 50, "top_p": 0.9, "min_p": 0.02, "repetition_penalty": 1.4},
    ),
    (
        {"no_repeat_ngram": 2, "min_new_tokens": 9, "top_p": 0.95},
        {"no_repeat_ngram_size": 2, "min_new_tokens": 9, "top_p": 0.95, "top_k": 0},
    ),
]


@pytest.mark.parametrize(("ours", "theirs"), SAMPLING)
def test_the_kept_set_and_its_probabilities_are_those_of_transformers_processors(
    pair: Any, ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    engine, model, torch = pair
    decoding = Decoding(**{"temperature": 1.0, **ours})
    asked_for = request(PROMPTS[1], decoding, engine.tokenizer, engine.ends, 512)
    chance = np.random.default_rng(1)
    for _ in range(20):
        logits = (4 * chance.standard_normal(engine.tokenizer.size)).astype(np.float32)
        said = chance.integers(0, 40, 6)
        ids = torch.tensor(np.concatenate((asked_for.ids, said)))[None]
        expected = processed(model, ids, len(asked_for.ids), torch.tensor(logits)[None], theirs)
        apply_rules(logits, asked_for, said)
        tokens, weights = keep(logits, decoding)
        found = np.zeros(len(logits))
        found[tokens] = weights / weights.sum()
        assert np.array_equal(found > 0, expected > 0)
        assert np.abs(found - expected).max() < 1e-5


def processed(model: Any, ids: Any, prompt: int, logits: Any, settings: dict[str, Any]) -> Any:
    """Probabilities after the processors that generate() would build."""
    from transformers import GenerationConfig

    config = GenerationConfig(do_sample=True, eos_token_id=2, pad_token_id=0, **settings)
    model._prepare_special_tokens(config)
    processors = model._get_logits_processor(config, input_ids_seq_length=prompt)
    return processors(ids, logits).softmax(-1)[0].double().numpy()
