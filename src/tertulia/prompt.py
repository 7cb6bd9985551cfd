"""What a format hands to an engine: marked spans of text, not yet tokens."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of prompt text.

    control  one control token, by its name in the vocabulary. Text from people is never control,
             so a person who types a control token cannot forge a turn.
    learn    counted in the training loss
    field    the field of the scene the text came from, as a path: "situation",
             "personas.Cosmo.0", "turns.3.text"; empty for what the format itself wrote
    """

    text: str
    control: bool = False
    learn: bool = False
    field: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One message for an engine that speaks to a chat endpoint: role is system, user, assistant."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """Spans in order, and what ends the reply.

    stop         strings that end the reply; one that is a control token of the model's
                 vocabulary ends it as a token. What ends the reply is not part of it.
    unsupported  directions of the scene that this family cannot take, as paths
    messages     the same talk for chat endpoints; empty where a format has no such form
    closing      control tokens after the last span, by name, which the published tokenizer adds
                 by itself (T5's </s> after an encoder's input): the model gets them, `text` does
                 not show them. Whoever tokenizes a prompt takes `runs()`, which has them
    """

    spans: tuple[Span, ...]
    stop: tuple[str, ...] = ()
    unsupported: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()
    closing: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Exactly what the model sees, control tokens by name; without the closing ones."""
        return "".join(span.text for span in self.spans)

    def __str__(self) -> str:
        return self.text

    def runs(self) -> list[Span]:
        """What a tokenizer is given: text joined as `runs` joins it, then the closing tokens."""
        return [*runs(self.spans), *(Span(name, control=True) for name in self.closing)]


def runs(spans: Iterable[Span]) -> list[Span]:
    """Neighbouring text spans joined; each control span alone. What a tokenizer is given.

    Text is joined before it is tokenized because a word piece may reach over the seam of two
    spans, as it does in the published code; control spans are never joined.
    """
    joined: list[Span] = []
    for span in spans:
        if not span.control and joined and not joined[-1].control:
            joined[-1] = Span(joined[-1].text + span.text)
        elif span.text or span.control:
            joined.append(Span(span.text, control=span.control))
    return joined


def joined(parts: Iterable[Span], by: str) -> list[Span]:
    """The parts with a text of the format's own between neighbours."""
    spans: list[Span] = []
    for part in parts:
        spans += [Span(by), part] if spans else [part]
    return spans
