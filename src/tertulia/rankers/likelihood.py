"""Meena's sample-and-rank: the candidate that the model itself finds likeliest, per token.

Source: arXiv:2001.09977, section 2.4 (length-normalised log-likelihood).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tertulia.conversation import Conversation
from tertulia.engines import Engine
from tertulia.formats import Format
from tertulia.rankers import Candidate, mean_logprob


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
        return [
            self.settings.weight * mean_logprob(each.completion.logprobs, self.name)
            for each in candidates
        ]


def load(settings: Settings, format: Format, engine: Engine) -> Likelihood:
    return Likelihood(settings)
