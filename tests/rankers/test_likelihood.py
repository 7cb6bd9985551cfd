"""The likeliest candidate per token is best, however long it is."""

import pytest

from tertulia import Conversation, engines, formats, rankers
from tertulia.engines import Completion
from tertulia.errors import UnsupportedDecoding
from tertulia.rankers import Candidate, Ranker


def ranker(weight: float = 1.0) -> Ranker:
    engine = engines.load("scripted")
    return rankers.load("likelihood", format=formats.load("native"), engine=engine, weight=weight)


def candidate(*logprobs: float) -> Candidate:
    return Candidate(text="x", image="", completion=Completion(text="x", logprobs=logprobs))


def test_the_score_is_the_mean_log_probability_per_token() -> None:
    scores = ranker().score(Conversation(), [candidate(-1.0, -3.0), candidate(-1.5)])
    assert scores == [-2.0, -1.5]


def test_a_weight_multiplies_the_score() -> None:
    assert ranker(weight=0.5).score(Conversation(), [candidate(-4.0)]) == [-2.0]


def test_an_engine_that_tells_no_probabilities_is_answered_with_the_cure() -> None:
    with pytest.raises(UnsupportedDecoding, match="take the ranker out of the agent file"):
        ranker().score(Conversation(), [candidate()])
