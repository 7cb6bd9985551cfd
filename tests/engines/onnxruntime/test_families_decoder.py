"""Every family of decoders against the same weights in transformers, in float32 and in int8."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.engines.onnxruntime.conftest import opened
from tests.tiny_models import FAMILIES, tiny_model

from tertulia.decoding import Decoding
from tertulia.engines.onnxruntime import OnnxRuntime
from tertulia.prompt import Prompt, Span

pytestmark = pytest.mark.models

WORDS = ("the ", "and then ", "A ", "rain, ", "I am ", "oh! ")
EXACT = 1e-4
"""Largest difference of logits in float32; measured were 4e-6 to 3e-5."""
CLOSE = 0.1
"""Root mean square of int8's differences over the logits' own spread; measured were .02 to .08."""


@dataclass(frozen=True)
class Pair:
    """One checkpoint: our engine in both arithmetics, and transformers' model."""

    float32: OnnxRuntime
    int8: OnnxRuntime
    model: Any

    def expected(self, ids: np.ndarray) -> np.ndarray:
        import torch

        with torch.no_grad():
            logits: np.ndarray = self.model(torch.tensor(ids)).logits.numpy()
        return logits


@pytest.fixture(scope="module", params=FAMILIES)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    torch = pytest.importorskip("torch", reason="pip install 'tertulia[torch]'")
    pytest.importorskip("transformers", reason="pip install 'tertulia[torch]'")
    torch.set_num_threads(1)
    folder: Path = tmp_path_factory.mktemp("model")
    model = tiny_model(folder, **FAMILIES[request.param])
    return Pair(opened(folder, quantization="float32"), opened(folder), model)


def prompt(words: int, turn: int = 0) -> Prompt:
    text = "".join(WORDS[(turn + n * n) % len(WORDS)] for n in range(words))
    return Prompt((Span("<|begin|>", control=True), Span(f" {text}")))


def run(engine: OnnxRuntime, ids: np.ndarray, cuts: list[int]) -> np.ndarray:
    """Logits of all positions, read in stretches that end at these cuts."""
    decoder, rows = engine.network.decoder, len(ids)
    size = (2 * decoder.layers, rows, decoder.groups, ids.shape[1], decoder.head)
    room, logits, start = np.zeros(size, np.float32), [], 0
    for end in cuts:
        kept = np.full(rows, start, np.int32)
        places = range(rows * (end - start))
        found = engine.network.run(ids[:, start:end], kept, room, places)
        logits.append(found.reshape(rows, end - start, -1))
        start = end
    return np.concatenate(logits, axis=1)


def ids_of(pair: Pair, rows: int, length: int) -> np.ndarray:
    size = pair.float32.network.decoder.vocabulary
    return np.random.default_rng(4).integers(0, size, (rows, length))


def test_logits_are_those_of_transformers(pair: Pair) -> None:
    ids = ids_of(pair, 3, 70)
    assert np.abs(run(pair.float32, ids, [70]) - pair.expected(ids)).max() < EXACT


def test_so_are_logits_over_kept_keys_and_values(pair: Pair) -> None:
    ids = ids_of(pair, 1, 70)
    found = run(pair.float32, ids, [30, *range(31, 40), 62, 70])
    assert np.abs(found - pair.expected(ids)).max() < EXACT


def test_greedy_ids_are_those_of_generate(pair: Pair) -> None:
    import torch

    for each in (prompt(3), prompt(9, 1)):
        ids = torch.tensor([pair.float32.tokenizer.ids(each.spans)])
        row = pair.model.generate(ids, do_sample=False, max_new_tokens=10, pad_token_id=0)[0]
        told = row[ids.shape[1] :].tolist()
        greedy = Decoding(temperature=0.0, max_new_tokens=10)
        assert list(pair.float32.generate([each], greedy)[0][0].tokens) == told


def test_each_greedy_token_of_a_ragged_batch_is_the_likeliest_to_transformers(pair: Pair) -> None:
    prompts = [prompt(2 + 3 * n % 25, n) for n in range(20)]
    greedy = Decoding(temperature=0.0, max_new_tokens=8)
    replies = [each[0].tokens for each in pair.float32.generate(prompts, greedy)]
    starts = [pair.float32.tokenizer.ids(each.spans) for each in prompts]
    longest = max(len(start) + len(said) for start, said in zip(starts, replies, strict=True))
    ids = np.zeros((len(prompts), longest), np.int64)  # What follows a row, no token of it sees.
    for row, start, said in zip(ids, starts, replies, strict=True):
        row[: len(start) + len(said)] = [*start, *said]
    expected = pair.expected(ids)
    for logits, start, said in zip(expected, starts, replies, strict=True):
        ours = logits[len(start) - 1 :][np.arange(len(said)), list(said)]
        best = logits[len(start) - 1 :][: len(said)].max(axis=-1)
        assert (best - ours).max() < EXACT


@pytest.mark.parametrize("arithmetic", ["float32", "int8"])
def test_neighbours_and_kept_prefixes_change_no_bit(pair: Pair, arithmetic: str) -> None:
    engine: OnnxRuntime = getattr(pair, arithmetic)
    prompts = [prompt(2 + 5 * n, n) for n in range(8)]
    sampled = [Decoding(temperature=1.0, seed=n, max_new_tokens=3 + n) for n in range(8)]
    engine.prefixes.clear()
    together = engine.generate(prompts, sampled)
    for n in (1, 4, 7):
        engine.prefixes.clear()
        cold = engine.generate(prompts[n : n + 1], sampled[n])[0][0]
        warm = engine.generate(prompts[n : n + 1], sampled[n])[0][0]
        assert warm.cached_tokens > cold.cached_tokens == 0
        for other in (together[n][0], warm):
            assert (other.tokens, other.logprobs) == (cold.tokens, cold.logprobs)


def test_int8_stays_close(pair: Pair) -> None:
    ids = ids_of(pair, 3, 40)
    expected = pair.expected(ids)
    apart = run(pair.int8, ids, [40]) - expected
    assert np.sqrt((apart**2).mean()) < CLOSE * expected.std()
