"""The likeliest candidate per token is best, however long it is."""

from collections.abc import Sequence

import pytest

from tertulia import Conversation, engines, formats, rankers
from tertulia.engines import Completion
from tertulia.engines.scripted import Scripted, Settings
from tertulia.errors import UnsupportedDecoding
from tertulia.prompt import Prompt, Span
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


class Deaf(Scripted):
    """Nothing may be asked of it."""

    def count_tokens(self, prompt: Prompt) -> int:
        raise AssertionError("the prompt was read again")

    def score(
        self, prompts: Sequence[Prompt], replies: Sequence[Sequence[Span]]
    ) -> list[tuple[float, ...]]:
        raise AssertionError("the replies were read again")


def test_candidates_are_ranked_by_what_their_making_told_and_nothing_is_read_again() -> None:
    deaf = Deaf(Settings())
    made = rankers.load("likelihood", format=formats.load("native"), engine=deaf)
    assert made.score(Conversation(), [candidate(-1.0)] * 16) == [-1.0] * 16
    assert deaf.seen == []
