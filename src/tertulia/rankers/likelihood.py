"""Meena's sample-and-rank: the candidate that the model itself finds likeliest, per token.

Source: arXiv:2001.09977, section 2.4 (length-normalised log-likelihood).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tertulia.conversation import Conversation
from tertulia.engines import Engine
from tertulia.errors import UnsupportedDecoding
from tertulia.formats import Format
from tertulia.rankers import Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """weight multiplies the score, for use beside other rankers."""

    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Likelihood:
    settings: Settings
    name: str = "likelihood"

    def score(self, conversation: Conversation, candidates: Sequence[Candidate]) -> list[float]:
        """Mean log-probability per token, what ended the reply included."""
        return [self.settings.weight * mean_logprob(each) for each in candidates]


def mean_logprob(candidate: Candidate) -> float:
    logprobs = candidate.completion.logprobs
    if not logprobs:
        raise UnsupportedDecoding(
            "the likelihood ranker needs token probabilities, which this engine did not give: "
            "take the ranker out of the agent file, or use the onnxruntime or transformers engine"
        )
    return sum(logprobs) / len(logprobs)


def load(settings: Settings, format: Format, engine: Engine) -> Likelihood:
    return Likelihood(settings)
