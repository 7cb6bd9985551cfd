"""Rankers order the candidate replies, best first.

A file on this shelf has `Settings` (a frozen dataclass) and `load(settings, format, engine)`, which
gives a Ranker; most have no use for the format and the engine of the agent they rank for.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tertulia import config, registry
from tertulia.conversation import Conversation
from tertulia.engines import Completion, Engine
from tertulia.errors import UnsupportedDecoding
from tertulia.formats import Format

DROPPED = -math.inf
"""The score of a candidate that must not be said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One reply that could be said.

    scores  one per ranker of the agent, by name; higher is better, DROPPED drops it
    """

    text: str
    image: str
    completion: Completion
    scores: tuple[tuple[str, float], ...] = ()

    @property
    def score(self) -> float:
        """The sum over the rankers; 0 without any."""
        return sum(score for _, score in self.scores)


class Ranker(Protocol):
    @property
    def name(self) -> str:
        """The name it has on the shelf."""

    def score(self, conversation: Conversation, candidates: Sequence[Candidate]) -> list[float]:
        """One score per candidate, higher is better; DROPPED for one that must not be said."""


def mean_logprob(logprobs: Sequence[float], ranker: str) -> float:
    """Mean log-probability per token, what ended the reply included.

    Raises UnsupportedDecoding when the engine told none, in the name of the ranker that needs them.
    """
    if not logprobs:
        raise UnsupportedDecoding(
            f"the {ranker} ranker needs token probabilities, which this engine did not give: take "
            "the ranker out of the agent file, or use the onnxruntime or transformers engine"
        )
    return sum(logprobs) / len(logprobs)


def load(name: str, *, format: Format, engine: Engine, **settings: object) -> Ranker:
    """The ranker in the file of that name, for an agent with this format and engine."""
    module = registry.load(__name__, name)
    built = config.build(module.Settings, settings, f"ranker {name!r}")
    ranker: Ranker = module.load(built, format, engine)
    return ranker
