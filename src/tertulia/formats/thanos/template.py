"""A model's own chat template around a message: what a local engine gives the model.

The template is formats/chat_template's, which keeps its words and people's apart. inference.py has
one begin-of-text token, the template's own; training and evaluation tokenized the template's text
with another one before it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, cast

from tertulia import formats
from tertulia.conversation import Plan, Turn
from tertulia.errors import ConfigError
from tertulia.neutral import Neutral
from tertulia.prompt import Span


@dataclass(frozen=True, slots=True)
class Entry:
    """One message: its role, and its text with the fields it came from."""

    role: str
    spans: tuple[Span, ...]

    @property
    def text(self) -> str:
        return "".join(span.text for span in self.spans)


class Dialect(Protocol):
    """The template itself: messages in, its own text and the places of theirs out."""

    @property
    def variables(self) -> Mapping[str, object]: ...

    def skeleton(self, entries: list[Entry]) -> list[str | int]: ...


class Template(Protocol):
    """The part of the chat_template format that a message needs."""

    @property
    def dialect(self) -> Dialect: ...

    @property
    def neutral(self) -> Neutral: ...

    @property
    def stop(self) -> tuple[str, ...]: ...

    def filled(self, skeleton: list[str | int], entries: list[Entry]) -> Iterator[Span]: ...

    def target(self, turn: Turn, plan: Plan) -> tuple[Span, ...]: ...


@dataclass(frozen=True, slots=True)
class Chat:
    """A template; doubled writes the token it begins with twice."""

    template: Template
    doubled: bool = False

    def spans(self, entries: Sequence[Entry]) -> tuple[Span, ...]:
        """The messages, and what asks for the reply.

        Raises ConfigError when the template refuses them.
        """
        listed = list(entries)
        written = tuple(self.template.filled(self.template.dialect.skeleton(listed), listed))
        return (*written[: int(self.doubled)], *written)

    @property
    def stop(self) -> tuple[str, ...]:
        return self.template.stop

    def target(self, answer: str) -> tuple[Span, ...]:
        """What a perfect model would emit: the answer, and what ends it."""
        return self.template.target(Turn("", answer), Plan())

    def answer(self, completion: str) -> str:
        """Without what ends it, blanks around it, and the thinking that some models do first."""
        for stop in self.stop:
            completion = completion.partition(stop)[0]
        thought, closed, said = completion.partition("</think>")
        if not closed:
            said = "" if thought.lstrip().startswith("<think>") else thought
        return said.strip()

    def guarded(self, neutral: Neutral) -> Neutral:
        """The same, and the template's own marks made harmless as well."""
        markers = dict.fromkeys((*neutral.markers, *self.template.neutral.markers))
        return replace(neutral, markers=tuple(markers))


def load(
    template: Path,
    *,
    date: str,
    arguments: Mapping[str, object],
    special_tokens: tuple[str, ...],
    system: bool,
    doubled: bool,
) -> Chat:
    """The template of a model folder, of its tokenizer_config.json, or of a .jinja file.

    system  there will be a system message

    Raises ConfigError when there is none, when it takes no system message, and when it begins with
    no begin-of-text token that could be doubled.
    """
    found = formats.load(
        "chat_template",
        template=template,
        date=date,
        arguments=arguments,
        special_tokens=special_tokens,
        verbatim=True,
    )
    chat = Chat(cast("Template", found), doubled)
    told = [Entry(role, (Span("x"),)) for role in ("system", "user")]
    try:
        begun = chat.spans(told if system else told[1:])[0]
    except ConfigError as refused:
        cure = 'without a system message (system = "") it may take it'
        raise ConfigError(f"{refused}; {cure}" if system else str(refused)) from refused
    begins = Span(str(chat.template.dialect.variables.get("bos_token")), control=True)
    if doubled and begun != begins:
        raise ConfigError(
            f'{template}: begin_of_text is "doubled", and this template begins with no bos_token: '
            "leave begin_of_text out"
        )
    return chat
