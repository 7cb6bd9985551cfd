"""Pingpong's Meena (ScatterLab): what the encoder reads; the decoder begins with [BOS] by itself.

    published      u1 [SEPT] u2 [SEPT] … un [SEPT]
    trailing_bos   u1 [SEPT] u2 [SEPT] … un [SEPT] [BOS]   the first examples, and the Japanese one

The reply ends with [EOS]. Nothing but what was said can be told to this family. The blanks beside
control tokens are those of the printed form; sentencepiece leaves blanks at the ends of a text out.

Source: the examples of pingpong-ai/dialogue-generation-models, before and after the commit "delete
bos from input".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tertulia.conversation import Conversation, Plan, Turn
from tertulia.formats import Parsed, unsupported
from tertulia.neutral import Neutral
from tertulia.prompt import Prompt, Span

VARIANTS = ("published", "trailing_bos")
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
class Meena:
    settings: Settings
    models: tuple[str, ...] = ("*meena*",)

    def render(self, conversation: Conversation) -> Prompt:
        spans = tuple(self.talk(conversation))
        return Prompt(spans, stop=("[EOS]",), unsupported=unsupported(conversation, frozenset()))

    def target(self, turn: Turn, plan: Plan) -> tuple[Span, ...]:
        text = Span(f"{self.safe(turn.text)} ", learn=True)
        return (text, Span("[EOS]", control=True, learn=True))

    def parse(self, completion: str) -> Parsed:
        """A leading [BOS] is the decoder's start, which some runtimes give back."""
        said = completion.removeprefix("[BOS]")
        text = ENDS.split(said, maxsplit=1)[0].removesuffix(" ")
        return Parsed(text=text if self.settings.verbatim else NEUTRAL.undo(text))

    def talk(self, conversation: Conversation) -> Iterator[Span]:
        for n, turn in enumerate(conversation.turns):
            if n:
                yield Span(" ")
            yield Span(f"{self.safe(turn.text)} ", field=f"turns.{n}.text")
            yield Span("[SEPT]", control=True)
        if self.settings.variant == "trailing_bos":
            if conversation.turns:
                yield Span(" ")
            yield Span("[BOS]", control=True)

    def safe(self, text: str) -> str:
        return text if self.settings.verbatim else NEUTRAL.make(text)


def load(settings: Settings) -> Meena:
    return Meena(settings)
