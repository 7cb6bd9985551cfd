"""DialoGPT, a GPT-2: every turn closed with its end-of-text token, no names and no direction.

    {turn}<|endoftext|>{turn}<|endoftext|>

Source: the microsoft/DialoGPT-* model cards.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tertulia.conversation import Conversation, Plan, Turn
from tertulia.formats import Parsed, unsupported
from tertulia.neutral import Neutral
from tertulia.prompt import Prompt, Span

VARIANTS = ("card",)
TAKEN: frozenset[str] = frozenset()
END = "<|endoftext|>"
NEUTRAL = Neutral(markers=(END,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """verbatim leaves people's text as it is."""

    variant: str = "card"
    verbatim: bool = False


@dataclass(frozen=True, slots=True)
class DialoGPT:
    settings: Settings
    models: tuple[str, ...] = ("microsoft/DialoGPT-*", "*DialoGPT*", "*dialogpt*")

    def render(self, conversation: Conversation) -> Prompt:
        return Prompt(
            tuple(self.talk(conversation)),
            stop=(END,),
            unsupported=unsupported(conversation, TAKEN),
        )

    def talk(self, conversation: Conversation) -> Iterator[Span]:
        for n, turn in enumerate(conversation.turns):
            yield Span(self.safe(turn.text), field=f"turns.{n}.text")
            yield Span(END, control=True)

    def target(self, turn: Turn, plan: Plan) -> tuple[Span, ...]:
        return (Span(self.safe(turn.text), learn=True), Span(END, control=True, learn=True))

    def parse(self, completion: str) -> Parsed:
        text = completion.partition(END)[0]
        return Parsed(text=text if self.settings.verbatim else NEUTRAL.undo(text))

    def safe(self, text: str) -> str:
        return text if self.settings.verbatim else NEUTRAL.make(text)


def load(settings: Settings) -> DialoGPT:
    return DialoGPT(settings)
