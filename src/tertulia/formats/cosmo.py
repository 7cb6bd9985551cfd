"""COSMO, a T5: situation, role instruction and plain utterances.

    {situation} <sep> {instruction} <sep> {turn} <turn> {turn} … <turn> {turn}

Situation and instruction are left out, with their `<sep>`, only when they are exactly empty. There
are no names: the oldest turn comes first, the last one is to be answered. `<sep>` and `<turn>` are
plain text to the T5; its tokenizer closes the input with `</s>`.

Source: the allenai/cosmo-xl model card, skywalker023/sodaverse.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tertulia.conversation import Conversation, Plan, Turn
from tertulia.formats import Parsed, unsupported
from tertulia.neutral import Neutral
from tertulia.prompt import Prompt, Span, joined

VARIANTS = ("card",)
TAKEN = frozenset(("situation", "instruction"))
END = "</s>"
NEUTRAL = Neutral(markers=("<sep>", "<turn>", END), unknown="<")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """verbatim leaves people's text as it is."""

    variant: str = "card"
    verbatim: bool = False


@dataclass(frozen=True, slots=True)
class Cosmo:
    settings: Settings
    models: tuple[str, ...] = ("allenai/cosmo-*", "*cosmo-xl*", "*cosmo-3b*")

    def render(self, conversation: Conversation) -> Prompt:
        turns = (
            Span(self.safe(turn.text), field=f"turns.{n}.text")
            for n, turn in enumerate(conversation.turns)
        )
        return Prompt(
            (*self.context(conversation), *joined(turns, " <turn> ")),
            stop=(END,),
            unsupported=unsupported(conversation, TAKEN),
            closing=(END,),
        )

    def context(self, conversation: Conversation) -> Iterator[Span]:
        for name in ("situation", "instruction"):
            if text := getattr(conversation.direction, name):
                yield Span(self.safe(text), field=name)
                yield Span(" <sep> ")

    def target(self, turn: Turn, plan: Plan) -> tuple[Span, ...]:
        return (Span(self.safe(turn.text), learn=True), Span(END, control=True, learn=True))

    def parse(self, completion: str) -> Parsed:
        text = completion.partition(END)[0]
        return Parsed(text=text if self.settings.verbatim else NEUTRAL.undo(text))

    def safe(self, text: str) -> str:
        return text if self.settings.verbatim else NEUTRAL.make(text)


def load(settings: Settings) -> Cosmo:
    return Cosmo(settings)
