"""From logits to the next token: rules first, then temperature, top-k, top-p, min-p, one draw.

The rules and their order are those of transformers' logits processors; ties at the k-th token are
all kept, as there. Every draw comes from a Philox stream keyed by seed and candidate, so it does
not depend on what else is in the batch.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from tertulia.decoding import Decoding
from tertulia.engines.onnxruntime.request import Ids, Request
from tertulia.engines.onnxruntime.weights import Floats
from tertulia.errors import EngineError

Weights = NDArray[np.float64]
BLOCK = 64
"""Tokens whose largest logit is looked at first when the k-th of a large vocabulary is sought."""


def stream(seed: int, candidate: int) -> np.random.Generator:
    """The chance of one candidate: one number for each token it draws."""
    return np.random.Generator(np.random.Philox(key=np.array([seed, candidate], np.uint64)))


def apply_rules(logits: Floats, request: Request, said: Ids) -> None:
    """Changes the logits [vocabulary] in place by every rule that comes before temperature.

    said  the tokens of the reply so far
    """
    decoding = request.decoding
    if decoding.repetition_penalty != 1 or decoding.no_repeat_ngram:
        seen = np.concatenate((request.before, said)) if decoding.penalties_count_prompt else said
        if decoding.repetition_penalty != 1:
            found, penalty = logits[seen], np.float32(decoding.repetition_penalty)
            logits[seen] = np.where(found < 0, found * penalty, found / penalty)
        if decoding.no_repeat_ngram:
            logits[completing(seen, decoding.no_repeat_ngram)] = -np.inf
    if request.banned:
        logits[list(request.banned)] = -np.inf
    if len(said) < request.least:
        logits[list(request.ends)] = -np.inf


def completing(seen: Ids, size: int) -> Ids:
    """Tokens that would complete an n-gram of that size which is already there."""
    if len(seen) < size:
        return seen[:0]
    grams = sliding_window_view(seen, size)
    begun = (grams[:, :-1] == seen[len(seen) - size + 1 :]).all(axis=1)
    last: Ids = grams[begun, -1]
    return last


def draw(logits: Floats, decoding: Decoding, chance: np.random.Generator) -> int:
    """The next token: the likeliest at temperature 0, else one draw from those kept."""
    if decoding.temperature == 0:
        return int(logits.argmax())
    tokens, weights = keep(logits, decoding)
    heap = np.cumsum(weights)
    place = np.searchsorted(heap, chance.random() * heap[-1], side="right")
    return int(tokens[min(place, len(tokens) - 1)])


def keep(logits: Floats, decoding: Decoding) -> tuple[Ids, Weights]:
    """Tokens that top-k, top-p and min-p leave, and their unnormalised probabilities.

    Ordered from the likeliest on when any of the three is on, by id when none is.
    """
    temperature = decoding.temperature
    tokens = likeliest(logits, decoding.top_k)
    kept = logits[tokens].astype(np.float64)
    with np.errstate(over="ignore"):
        weights = np.exp((kept - kept.max()) / temperature)
    if decoding.top_p == 1 and decoding.min_p == 0:
        return tokens, weights
    total = weights.sum()
    # The tokens below this weight hold less than 1 - top_p together: no need to sort them.
    floor = max((1 - decoding.top_p) * total / len(weights) * (1 - 1e-9), decoding.min_p)
    above = np.flatnonzero(weights >= floor)
    order = above[np.argsort(-weights[above], kind="stable")]
    tokens, weights = tokens[order], weights[order]
    before = np.cumsum(weights) - weights
    weights = weights[: max(np.searchsorted(before, decoding.top_p * total), 1)]
    return tokens[: len(weights)], weights


def likeliest(logits: Floats, k: int) -> Ids:
    """Tokens not below the k-th logit, by id; those that are ruled out never; k = 0 keeps all."""
    size = len(logits)
    if not 0 < k < size:
        every: Ids = np.flatnonzero(logits > -np.inf)
        return every
    floor = np.float32(-np.inf)
    blocks = size // BLOCK
    if blocks > 2 * k:
        # Each of k blocks has a token not below the k-th largest of the blocks' maxima.
        peaks = logits[: blocks * BLOCK].reshape(blocks, BLOCK).max(axis=1)
        floor = np.partition(peaks, blocks - k)[blocks - k]
    some: Ids = np.flatnonzero((logits >= floor) & (logits > -np.inf))
    if len(some) <= k:
        return some
    values = logits[some]
    few: Ids = some[values >= np.partition(values, len(values) - k)[len(values) - k]]
    return few


def alternatives(logits: Floats, count: int) -> list[tuple[int, float]]:
    """The likeliest tokens under the model itself, likeliest first, with their log-probabilities.

    Equals are in the order of their ids; at most `count`.
    """
    tokens = likeliest(logits, count)
    tokens = tokens[np.argsort(-logits[tokens], kind="stable")][:count]
    peak, total = peak_and_total(logits)
    values = logits[tokens].astype(np.float64) - peak - np.log(total)
    return list(zip(tokens.tolist(), values.tolist(), strict=True))


def nothing_left(count: int) -> EngineError:
    return EngineError(
        f"after {count} tokens the rules of the decoding forbid every token of the vocabulary: "
        "loosen no_repeat_ngram, banned or min_new_tokens"
    )


def log_probabilities(logits: Floats) -> Floats:
    """Natural log of every token's probability under the model itself; [vocabulary] both."""
    peak, total = peak_and_total(logits)
    scaled: Floats = logits - (peak + np.float32(np.log(total)))
    return scaled


def log_probability(logits: Floats, token: int) -> float:
    """The same for one token."""
    peak, total = peak_and_total(logits)
    return float(np.float64(logits[token]) - peak - np.log(total))


def peak_and_total(logits: Floats) -> tuple[np.float32, np.float64]:
    """The largest logit, and the sum of exp(logit - largest)."""
    peak = finite_peak(logits)
    return peak, np.exp(logits - peak).sum(dtype=np.float64)


def finite_peak(logits: Floats) -> np.float32:
    """The largest logit; raises EngineError when there are none that could be compared."""
    peak: np.float32 = logits.max()
    if not np.isfinite(peak):
        raise EngineError(
            f"the model gave {peak} among its logits: the weights are damaged, or overflow; fetch "
            "the checkpoint again, or use quantization = 'float32'"
        )
    return peak
