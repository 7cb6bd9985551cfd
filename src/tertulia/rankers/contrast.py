"""Candidates that what was said, or the direction, made likelier than they are anyhow.

The pointwise mutual information of reply and condition: the mean log-probability of the reply as
it was asked for, less that without the condition. A reply that suits every talk gains nothing from
this one, so bland replies fall back; with `without = ["plan"]`, replies that follow the goal rise.
Source: the MMI-antiLM objective of Li et al., arXiv:1510.03055, as a ranker.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tertulia.conversation import Conversation, Direction, Plan, Turn
from tertulia.engines import Engine
from tertulia.formats import Format
from tertulia.prompt import Prompt
from tertulia.rankers import Candidate, mean_logprob

CONDITIONS = ("turns", "situation", "instruction", "personas", "knowledge", "memory", "plan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The conditions that are left out for comparison, of CONDITIONS, and the score's factor.

    label  stands behind the ranker's name among the scores; the conditions themselves if empty
    """

    without: tuple[str, ...] = CONDITIONS
    weight: float = 1.0
    label: str = ""

    def __post_init__(self) -> None:
        for name in self.without:
            if name not in CONDITIONS:
                raise ValueError(f"without holds {name!r}, must be of {', '.join(CONDITIONS)}")


@dataclass(frozen=True, slots=True)
class Contrast:
    settings: Settings
    format: Format
    engine: Engine

    @property
    def name(self) -> str:
        if self.settings.without == CONDITIONS and not self.settings.label:
            return "contrast"
        return f"contrast:{self.settings.label or '+'.join(self.settings.without)}"

    def score(self, conversation: Conversation, candidates: Sequence[Candidate]) -> list[float]:
        """Weight times the gain in mean log-probability per token; 0 when nothing is left out."""
        bare = stripped(conversation, self.settings.without)
        if bare == conversation or not candidates:
            return [0.0] * len(candidates)
        longest = max(len(each.completion.tokens) for each in candidates)
        prompt = self.fitted(bare, self.engine.context_window - longest)
        replies = [
            self.format.target(Turn(bare.agent, each.text, each.image), bare.plan)
            for each in candidates
        ]
        alone = self.engine.score([prompt] * len(replies), replies)
        return [
            self.settings.weight
            * (
                mean_logprob(asked.completion.logprobs, "contrast")
                - mean_logprob(without, "contrast")
            )
            for asked, without in zip(candidates, alone, strict=True)
        ]

    def fitted(self, conversation: Conversation, room: int) -> Prompt:
        """The prompt, its oldest turns left out as the agent left them out of its own."""
        prompt = self.format.render(conversation)
        while len(conversation.turns) > 1 and self.engine.count_tokens(prompt) > room:
            conversation = conversation.without_oldest_turn()
            prompt = self.format.render(conversation)
        return prompt


def stripped(conversation: Conversation, without: Sequence[str]) -> Conversation:
    """The talk without these conditions."""
    direction: Direction = conversation.direction
    for name in set(without) - {"turns", "plan"}:
        empty: object = "" if isinstance(getattr(direction, name), str) else ()
        direction = replace(direction, **{name: empty})  # type: ignore[arg-type] # by name
    return replace(
        conversation,
        direction=direction,
        turns=() if "turns" in without else conversation.turns,
        plan=Plan() if "plan" in without else conversation.plan,
    )


def load(settings: Settings, format: Format, engine: Engine) -> Contrast:
    return Contrast(settings, format, engine)
