"""DialoGPT's MMI reranking: the candidate from which what was said is best foretold.

A reverse model, trained to predict the source from its reply, reads the candidate first and then
the turns before it, the latest first:

    {candidate}<|endoftext|>{last turn}<|endoftext|>{the turn before}<|endoftext|>…

A reply that suits every talk foretells none of them, so bland replies fall back. Sources:
arXiv:1911.00536, section 2.2 (rank by P(source | hypothesis)); the order of the turns is that of
LHolten/DialoGPT-MMI-decoder, which microsoft/DialoGPT names. The published reverse model is its
`small_reverse.pkl`, which has the size of DialoGPT-medium.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

from tertulia import checkpoints, engines, formats
from tertulia.conversation import Conversation, Plan, Turn
from tertulia.engines import Engine
from tertulia.errors import PromptTooLong, UnsupportedDecoding
from tertulia.formats import Format
from tertulia.prompt import Prompt, Span
from tertulia.rankers import Candidate, mean_logprob

DIALOGPT = formats.load("dialogpt")
OPEN: WeakValueDictionary[str, Engine] = WeakValueDictionary()
"""Reverse models that are open, by their settings; each goes with the last ranker that has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The reverse model, and what is made of its probabilities.

    reverse    the reverse model, as [engine] of an agent file: a name, a model and so on
    turns      so many of the latest turns are the source (LHolten's script: 1); 0 takes all of
               them that fit beside the longest candidate, as the paper has it
    per_token  the mean log-probability of the source's tokens, as in LHolten's script; otherwise
               their sum, the paper's log P(source | candidate)
    weight     multiplies the score, for use beside other rankers
    """

    reverse: Mapping[str, object] = field(default_factory=dict)
    turns: int = 0
    per_token: bool = True
    weight: float = 1.0

    def __post_init__(self) -> None:
        if self.reverse and not isinstance(self.reverse.get("name"), str):
            raise ValueError('reverse has no name: write reverse = {name = "…", model = "…"}')
        if self.turns < 0:
            raise ValueError(f"turns is {self.turns}: use 0 for all, or at least 1")


@dataclass(frozen=True, slots=True)
class Mmi:
    settings: Settings
    reverse: Engine | None
    name: str = "mmi"

    def score(self, conversation: Conversation, candidates: Sequence[Candidate]) -> list[float]:
        """Weight times the source's log-probability after each candidate; 0 without a source.

        Raises UnsupportedDecoding when there is no reverse model, or its engine cannot score, and
        PromptTooLong when not even the last turn fits beside the longest candidate.
        """
        if self.reverse is None:
            raise UnsupportedDecoding(
                "the mmi ranker has no reverse model: give it one in the agent file, such as "
                'reverse = {name = "onnxruntime", model = "…"}, or use the contrast ranker, which '
                "needs none"
            )
        if not conversation.turns or not candidates:
            return [0.0] * len(candidates)
        agent = conversation.agent
        prompts = [
            DIALOGPT.render(Conversation(agent=agent).said(agent, each.text)) for each in candidates
        ]
        source = self.source(self.reverse, conversation.turns, prompts)
        rows = self.reverse.score(prompts, [source] * len(prompts))
        made = mean_logprob if self.settings.per_token else total_logprob
        return [self.settings.weight * made(row, self.name) for row in rows]

    def source(
        self, reverse: Engine, turns: Sequence[Turn], prompts: Sequence[Prompt]
    ) -> tuple[Span, ...]:
        """The latest turns that fit behind every prompt, the latest first."""
        longest = max(map(reverse.count_tokens, prompts))
        spans: list[Span] = []
        left = reverse.context_window - longest
        for turn in reversed(turns[-self.settings.turns :]):
            further = DIALOGPT.target(turn, Plan())
            left -= reverse.count_tokens(Prompt(further))
            if left < 0:
                break
            spans += further
        if not spans:
            raise PromptTooLong(
                f"the mmi ranker's reverse model has a context window of {reverse.context_window}, "
                f"and the longest candidate has {longest} tokens, which leaves no room for the "
                "last turn: lower decoding.max_new_tokens, or take the ranker out"
            )
        return tuple(spans)


def total_logprob(logprobs: Sequence[float], ranker: str) -> float:
    return mean_logprob(logprobs, ranker) * len(logprobs)


def opened(table: Mapping[str, Any]) -> Engine:
    """The engine a table describes, the one that is open already where it is the same."""
    key = json.dumps(table, sort_keys=True, default=str)
    engine = OPEN.get(key)
    if engine is None:
        settings = dict(table)
        name = settings.pop("name")
        if name in ("onnxruntime", "transformers", "ctranslate2") and isinstance(
            settings.get("model"), str
        ):
            settings["model"] = str(checkpoints.find(settings["model"]))
        OPEN[key] = engine = engines.load(name, **settings)
    return engine


def load(settings: Settings, format: Format, engine: Engine) -> Mmi:
    """Raises UnknownName, ConfigError, CheckpointError when the reverse model cannot be opened."""
    return Mmi(settings, opened(settings.reverse) if settings.reverse else None)
