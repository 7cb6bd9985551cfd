"""Pingpong's GPT (ScatterLab): utterances, each ended by a separator, after one beginning.

    [BOS] u1 [SEPT] u2 [SEPT] … un [SEPT]

The reply ends with [EOS]. Nothing but what was said can be told to this family. The blanks beside
control tokens are those of the printed form; sentencepiece leaves blanks at the ends of a text out.
The vocabulary was withdrawn with the weights, so only the form can be kept.

Source: the examples of pingpong-ai/dialogue-generation-models.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tertulia.conversation import Conversation, Plan, Turn
from tertulia.formats import Parsed, unsupported
from tertulia.neutral import Neutral
from tertulia.prompt import Prompt, Span

VARIANTS = ("published",)
CONTROLS = ("[PAD]", "[UNK]", "[BOS]", "[EOS]", "[SEPT]", "[SEP]")
"""In the order of their ids, 0 to 5. [SEPT] is a symbol that a person can type."""

NEUTRAL = Neutral(markers=CONTROLS)
ENDS = re.compile(r"\[EOS\]|\[SEPT\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """verbatim leaves people's text as it is, a typed [SEPT] included."""

    variant: str = "published"
    verbatim: bool = False


@dataclass(frozen=True, slots=True)
class PingpongGpt:
    settings: Settings
    models: tuple[str, ...] = ("*pingpong*gpt*", "*_gpt_trained_on_*_kr*")

    def render(self, conversation: Conversation) -> Prompt:
        spans = (Span("[BOS]", control=True), *self.talk(conversation))
        return Prompt(spans, stop=("[EOS]",), unsupported=unsupported(conversation, frozenset()))

    def target(self, turn: Turn, plan: Plan) -> tuple[Span, ...]:
        text = Span(f" {self.safe(turn.text)} ", learn=True)
        return (text, Span("[EOS]", control=True, learn=True))

    def parse(self, completion: str) -> Parsed:
        text = ENDS.split(completion, maxsplit=1)[0].removeprefix(" ").removesuffix(" ")
        return Parsed(text=text if self.settings.verbatim else NEUTRAL.undo(text))

    def talk(self, conversation: Conversation) -> Iterator[Span]:
        for n, turn in enumerate(conversation.turns):
            yield Span(f" {self.safe(turn.text)} ", field=f"turns.{n}.text")
            yield Span("[SEPT]", control=True)

    def safe(self, text: str) -> str:
        return text if self.settings.verbatim else NEUTRAL.make(text)


def load(settings: Settings) -> PingpongGpt:
    return PingpongGpt(settings)
