"""GODEL, a T5: an instruction, the turns, knowledge behind them. Five published strings.

    v1_1             {instruction} [CONTEXT] {turn} EOS {turn} [KNOWLEDGE] {knowledge}
    training         {turn} EOS {turn} <|Knowledge|> {knowledge} =>␠
    training_no_kb   {turn} EOS {turn} =>␠
    generate_no_kb   {instruction}␠␠{turn} EOS {turn} =>␠
    server           {turn} EOS {turn} <|knowledge|> {knowledge} =>

(␠ is a blank.) The released v1.1 weights follow their card, `v1_1`; the others are the repository's
train.py with and without --no_kb, generate.py with --no_kb (its --source_prefix is the instruction
here), and its demo server. Empty knowledge leaves what the published code leaves: a blank at the
end of `v1_1`, a doubled blank in `training` and `server`. Several passages are joined by a blank.

A scene without an instruction gives none: ` [CONTEXT] hi `. With `default_instruction` the v1_1
prompt then gets one of the two that the card publishes, by whether there is knowledge.

Source: the microsoft/GODEL-v1_1-* model cards, microsoft/GODEL.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tertulia.conversation import Conversation, Plan, Turn
from tertulia.formats import Parsed, unsupported
from tertulia.neutral import Neutral
from tertulia.prompt import Prompt, Span, joined

VARIANTS = ("v1_1", "training", "training_no_kb", "generate_no_kb", "server")
UNGROUNDED = "Instruction: given a dialog context, you need to response empathically."
GROUNDED = (
    "Instruction: given a dialog context and related knowledge, you need to response safely "
    "based on the knowledge."
)
"""The card's own wordings, "response" included."""

TAKEN = {
    "v1_1": frozenset(("instruction", "knowledge")),
    "training": frozenset(("knowledge",)),
    "training_no_kb": frozenset[str](),
    "generate_no_kb": frozenset(("instruction",)),
    "server": frozenset(("knowledge",)),
}
END = "</s>"
ARROW = Neutral(markers=("<|knowledge|>", END), words=("EOS", "=>"), unknown="<")
NEUTRAL = {
    **dict.fromkeys(VARIANTS, ARROW),
    "v1_1": Neutral(markers=("[CONTEXT]", "[KNOWLEDGE]", END), words=("EOS",), unknown="<"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """verbatim leaves people's text as it is.

    default_instruction  v1_1 only: an empty instruction becomes the card's
    """

    variant: str = "v1_1"
    verbatim: bool = False
    default_instruction: bool = False

    def __post_init__(self) -> None:
        if self.default_instruction and self.variant != "v1_1":
            raise ValueError(
                f"default_instruction is on with variant {self.variant!r}, whose string was "
                "published without one: leave it out, or use variant 'v1_1'"
            )


@dataclass(frozen=True, slots=True)
class Godel:
    settings: Settings
    models: tuple[str, ...] = ("microsoft/GODEL-*", "*GODEL*", "*godel*")

    def render(self, conversation: Conversation) -> Prompt:
        return Prompt(
            tuple(self.spans(conversation)),
            stop=(END,),
            unsupported=unsupported(conversation, TAKEN[self.settings.variant]),
            closing=(END,),
        )

    def spans(self, conversation: Conversation) -> Iterator[Span]:
        turns = joined(
            (
                Span(self.safe(turn.text), field=f"turns.{n}.text")
                for n, turn in enumerate(conversation.turns)
            ),
            " EOS ",
        )
        knowledge = joined(
            (
                Span(self.safe(text), field=f"knowledge.{n}")
                for n, text in enumerate(conversation.direction.knowledge)
            ),
            " ",
        )
        match self.settings.variant:
            case "v1_1":
                yield self.instruction(conversation)
                yield Span(" [CONTEXT] ")
                yield from turns
                yield Span(" ")
                if any(span.text for span in knowledge):
                    yield Span("[KNOWLEDGE] ")
                    yield from knowledge
            case "training":
                yield from (*turns, Span(" <|Knowledge|> "), *knowledge, Span(" => "))
            case "training_no_kb":
                yield from (*turns, Span(" => "))
            case "generate_no_kb":
                yield from (self.instruction(conversation), Span("  "), *turns, Span(" => "))
            case _:
                yield from (*turns, Span(" <|knowledge|> "), *knowledge, Span(" =>"))

    def instruction(self, conversation: Conversation) -> Span:
        direction = conversation.direction
        if direction.instruction or not self.settings.default_instruction:
            return Span(self.safe(direction.instruction), field="instruction")
        return Span(GROUNDED if any(direction.knowledge) else UNGROUNDED)

    def target(self, turn: Turn, plan: Plan) -> tuple[Span, ...]:
        return (Span(self.safe(turn.text), learn=True), Span(END, control=True, learn=True))

    def parse(self, completion: str) -> Parsed:
        text = completion.partition(END)[0]
        if not self.settings.verbatim:
            text = NEUTRAL[self.settings.variant].undo(text)
        return Parsed(text=text)

    def safe(self, text: str) -> str:
        return text if self.settings.verbatim else NEUTRAL[self.settings.variant].make(text)


def load(settings: Settings) -> Godel:
    return Godel(settings)
