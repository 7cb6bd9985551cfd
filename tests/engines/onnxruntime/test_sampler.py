"""The sampler against its plain definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.decoding import Decoding
from tertulia.engines.onnxruntime.sampler import completing, draw, keep, likeliest, stream


def plain(logits: np.ndarray, decoding: Decoding) -> dict[int, float]:
    """Token to probability, by sorting everything at every rule."""
    left = {n: float(value) for n, value in enumerate(logits) if value > -np.inf}
    if decoding.top_k:
        floor = sorted(left.values())[-min(decoding.top_k, len(left))]
        left = {n: value for n, value in left.items() if value >= floor}
    top = max(left.values())
    weights = {n: np.exp((value - top) / decoding.temperature) for n, value in left.items()}
    total, before, kept = sum(weights.values()), 0.0, {}
    for n in sorted(weights, key=lambda n: (-weights[n], n)):
        inside = decoding.top_p == 1 or before < decoding.top_p * total
        if not kept or (inside and weights[n] >= decoding.min_p):
            kept[n] = weights[n]
        before += weights[n]
    return {n: weight / sum(kept.values()) for n, weight in kept.items()}


@settings(deadline=None, max_examples=150)
@given(
    seed=st.integers(0, 2**32),
    size=st.sampled_from([1, 7, 300, 9000]),
    spread=st.sampled_from([0.1, 1.0, 6.0]),
    top_k=st.sampled_from([0, 1, 5, 50]),
    top_p=st.sampled_from([0.1, 0.8, 0.95, 1.0]),
    min_p=st.sampled_from([0.0, 0.05, 0.5]),
    temperature=st.sampled_from([0.3, 1.0, 2.5]),
)
def test_the_tokens_kept_are_those_of_the_plain_definition(
    seed: int, size: int, spread: float, **rules: float
) -> None:
    logits = np.random.default_rng(seed).standard_normal(size).astype(np.float32) * spread
    logits[1::17] = -np.inf
    decoding = Decoding(**rules)  # type: ignore[arg-type]
    tokens, weights = keep(logits, decoding)
    expected = plain(logits, decoding)
    assert set(tokens.tolist()) == set(expected)
    probabilities = weights / weights.sum()
    assert [expected[n] for n in tokens.tolist()] == pytest.approx(probabilities.tolist())


def test_ties_at_the_kth_token_are_all_kept() -> None:
    assert likeliest(np.array([1, 3, 1, 2, 1], np.float32), 3).tolist() == [0, 1, 2, 3, 4]


def test_large_vocabularies_are_pruned_without_loss() -> None:
    logits = np.random.default_rng(3).standard_normal(50_000).astype(np.float32)
    assert set(likeliest(logits, 50).tolist()) == set(np.argsort(-logits)[:50].tolist())


def test_an_ngram_is_not_completed_twice() -> None:
    assert completing(np.array([1, 2, 3, 1, 2]), 3).tolist() == [3]
    assert completing(np.array([1, 2, 1, 4, 1]), 2).tolist() == [2, 4]
    assert completing(np.array([5, 6]), 1).tolist() == [5, 6]
    assert completing(np.array([5, 6]), 3).tolist() == []


def test_draws_follow_the_distribution() -> None:
    probabilities = np.array([0.5, 0.3, 0.15, 0.05])
    logits, chance = np.log(probabilities).astype(np.float32), stream(1, 0)
    counts = np.bincount([draw(logits, Decoding(temperature=1.0), chance) for _ in range(4000)])
    expected = probabilities * 4000
    # 99.99 % of chi-square with three degrees of freedom.
    assert ((counts - expected) ** 2 / expected).sum() < 21.1


def test_streams_differ_by_seed_and_by_candidate() -> None:
    first = {stream(seed, candidate).random() for seed in range(9) for candidate in range(9)}
    assert len(first) == 81
    assert stream(2**63 - 1, 3).random() == stream(2**63 - 1, 3).random()
