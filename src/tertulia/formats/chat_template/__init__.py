"""Any Hugging Face chat template: a model's own dialect, read from its own files.

The template never sees what people wrote. It is given marks in place of texts; what it writes
around them is the template's, and only there a control token's name becomes a control token. Texts
are put in afterwards. Blanks at a text's ends stand around its mark, so that `| trim` acts.

A template that refuses the system role, two turns of one role in a row or a talk that the agent
opens gets the same talk in another form (messages.py); one that refuses every form, or would leave
a text out, is an error with the template's own words.

Words that mark turns without being tokens (`[INST]`, `### User:`) are found in what the template
writes, and made harmless in people's text like the names of tokens.
"""

import datetime
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from tertulia.conversation import Conversation, Plan, Turn
from tertulia.errors import ConfigError
from tertulia.formats import Parsed
from tertulia.formats.chat_template import sandbox
from tertulia.formats.chat_template.messages import IMAGE, NOTE, Author, Entry, attempts
from tertulia.formats.chat_template.sources import BRACKETED, Source, plain_markers, read
from tertulia.neutral import Neutral
from tertulia.prompt import Message, Prompt, Span

VARIANTS = ("directed",)
SYSTEM = ("auto", "role", "fold")
THINK = ("<think>", "</think>")
THOUGHT = re.compile(r"\s*(?:<think>)?(.*?)</think>\s*", re.DOTALL)
OWN_VARIABLES = ("messages", "add_generation_prompt", "tools", "documents")
Skeleton = list[str | int]
"""What a template wrote: its own text, and the number of a message where its text goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where the template is, and what it is told.

    verbatim        people's text as it is typed; a typed token's name is still only text
    template        a model folder, tokenizer_config.json or .jinja file; without one, a plain
                    rendering for the eye, and messages for endpoints that have their own
    name            which template, where a model has several
    system          "auto", "role" or "fold": whether the system text has a message of its own
    date            today for the template, as 2025-01-31; empty leaves it to the template, whose
                    text then stays the same from day to day
    arguments       further variables of the template, such as enable_thinking
    special_tokens  control tokens besides those in the model's files
    """

    variant: str = "directed"
    verbatim: bool = False
    template: Path | None = None
    name: str = "default"
    system: str = "auto"
    date: str = ""
    arguments: Mapping[str, object] = field(default_factory=dict)
    special_tokens: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.system not in SYSTEM:
            raise ValueError(f"system is {self.system!r}: use 'auto', 'role' or 'fold'")
        if taken := [name for name in OWN_VARIABLES if name in self.arguments]:
            raise ValueError(
                f"arguments has {taken[0]!r}, which the talk itself fills: leave it out"
            )
        if "" in self.special_tokens:
            raise ValueError("special_tokens holds an empty name: leave it out")
        if self.date:
            datetime.date.fromisoformat(self.date)

    @property
    def today(self) -> datetime.date | None:
        return datetime.date.fromisoformat(self.date) if self.date else None


@dataclass(frozen=True)
class Dialect:
    """A template, ready to be rendered: marks in, skeleton out.

    controls  names of control tokens, longest first
    """

    source: Source
    write: Callable[..., str]
    variables: Mapping[str, object]
    controls: tuple[str, ...]

    def skeleton(self, entries: list[Entry], *, asking: bool = True) -> Skeleton:
        """Raises ConfigError with the template's own words when it refuses, or loses a text."""
        mark = self.mark(len(entries))
        messages = [
            {"role": each.role, "content": marked(each.text, f"{mark}{n}»")}
            for n, each in enumerate(entries)
        ]
        try:
            written = self.write(
                messages, **self.variables, add_generation_prompt=asking, tools=None, documents=None
            )
        except sandbox.REFUSALS as error:
            raise ConfigError(
                f"{self.source.where}: the template refuses this talk: {sandbox.told(error)}"
                f"{cure(error)}"
            ) from error
        pieces = re.split(f"{re.escape(mark)}([0-9]+)»", written)
        places = [int(piece) for piece in pieces[1::2]]
        self.check(places, entries, mark in "".join(pieces[::2]))
        return [int(piece) if n % 2 else piece for n, piece in enumerate(pieces)]

    def mark(self, count: int) -> str:
        # Quotes and brackets make a template that escapes texts show itself: the mark is lost.
        told = hashlib.sha256(f"{count} {self.source.template}".encode("utf-8", "replace"))
        return f"Tx\"<&'{told.hexdigest()[:24]}«"

    def check(self, places: list[int], entries: list[Entry], broken: bool) -> None:
        written = set(places)
        for n, entry in enumerate(entries):
            if n not in written:
                raise ConfigError(
                    f"{self.source.where}: the template leaves out message {n + 1} of "
                    f"{len(entries)} ({entry.role}), or changes its text: use another template, or "
                    "system='fold' when it is the system text"
                )
        turns = [place for place in places if entries[place].role != "system"]
        if broken or turns != sorted(set(turns)):
            raise ConfigError(
                f"{self.source.where}: the template repeats or reorders messages: use another one"
            )

    def parts(self, literal: str) -> Iterator[Span]:
        """The template's own text, its control tokens apart."""
        if not self.controls:
            yield from [Span(literal)] if literal else []
            return
        pieces = re.split("(" + "|".join(map(re.escape, self.controls)) + ")", literal)
        for place, piece in enumerate(pieces):
            if piece:
                yield Span(piece, control=bool(place % 2))


@dataclass(frozen=True, slots=True)
class Manner:
    """What a template does around a reply, seen once on a talk of three words.

    lead     before a reply, besides what asks for it
    end      after a reply, up to what ends it
    stop     what ends it
    trims    blanks at a reply's ends are left out
    markers  words in its own text that mark turns
    """

    lead: str = ""
    end: str = ""
    stop: str = ""
    trims: bool = False
    markers: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChatTemplate:
    settings: Settings
    dialect: Dialect
    manner: Manner
    models: tuple[str, ...] = ("*[Ii]nstruct*", "*-it", "*[Cc]hat*", "*zephyr*")

    @cached_property
    def neutral(self) -> Neutral:
        names = (*self.dialect.controls, *self.manner.markers, *THINK, NOTE, IMAGE)
        return Neutral(markers=tuple(dict.fromkeys(names)))

    @property
    def stop(self) -> tuple[str, ...]:
        if self.settings.template is None:
            return ()
        ends = (self.manner.stop, str(self.dialect.variables.get("eos_token", "")))
        return tuple(dict.fromkeys(end for end in ends if end))

    def render(self, conversation: Conversation) -> Prompt:
        """Raises ConfigError when the template takes the talk in no form."""
        author = Author(self.safe, self.settings.verbatim)
        refused: ConfigError | None = None
        for entries in attempts(conversation, author, self.settings.system):
            try:
                skeleton = self.dialect.skeleton(entries)
            except ConfigError as error:
                refused = refused or error
                continue
            spans = tuple(self.filled(skeleton, entries))
            told = tuple(Message(each.role, each.text) for each in entries)
            return Prompt(spans, stop=self.stop, messages=told)
        raise refused or ConfigError(f"{self.dialect.source.where}: the template takes no talk")

    def filled(self, skeleton: Skeleton, entries: list[Entry]) -> Iterator[Span]:
        for piece in skeleton:
            if isinstance(piece, str):
                yield from self.dialect.parts(piece)
            else:
                yield from stripped(entries[piece].spans)

    def target(self, turn: Turn, plan: Plan) -> tuple[Span, ...]:
        told = tuple(Author(self.safe, self.settings.verbatim).told(turn, "", self.text, False))
        lead, end = (self.dialect.parts(each) for each in (self.manner.lead, self.manner.end))
        spans = [*lead, *(stripped(told) if self.manner.trims else told), *end]
        return tuple(replace(span, learn=True) for span in spans)

    def text(self, text: str, field: str) -> Span:
        return Span(self.safe(text), field=field)

    def parse(self, completion: str) -> Parsed:
        said = completion
        for stop in (*self.stop, self.manner.end):
            said = said.partition(stop)[0] if stop else said
        said, thought = thought_of(said.removeprefix(self.manner.lead))
        text, image = image_of(said)
        plan = Plan(explanation=self.plain(thought))
        return Parsed(text=self.plain(text), image=self.plain(image), plan=plan)

    def safe(self, text: str) -> str:
        return text if self.settings.verbatim else self.neutral.make(text)

    def plain(self, text: str) -> str:
        text = text.strip() if self.manner.trims else text
        return text if self.settings.verbatim else self.neutral.undo(text)


def marked(text: str, mark: str) -> str:
    """The mark, with the blanks that stand at the text's ends."""
    core = text.strip()
    if not core:
        return text + mark
    start = text.index(core)
    return text[:start] + mark + text[start + len(core) :]


def stripped(spans: Iterable[Span]) -> Iterator[Span]:
    """The spans without the blanks at the ends of all of them together."""
    listed = list(spans)
    core = "".join(span.text for span in listed).strip()
    start = len("".join(span.text for span in listed)) - len(
        "".join(span.text for span in listed).lstrip()
    )
    place = 0
    for span in listed:
        text = span.text[max(start - place, 0) : max(start + len(core) - place, 0)]
        place += len(span.text)
        if text or span.field:
            yield replace(span, text=text)


def thought_of(said: str) -> tuple[str, str]:
    """The reply without its thinking, and the thinking, whole or cut short."""
    if found := THOUGHT.match(said):
        return said[found.end() :], found[1].strip()
    if said.lstrip().startswith("<think>"):
        return "", said.lstrip().removeprefix("<think>").strip()
    return said, ""


def image_of(said: str) -> tuple[str, str]:
    """The words of a reply, and the picture it shares."""
    words, mark, rest = said.partition(f"{IMAGE} ")
    if not mark:
        return said, ""
    return words.removesuffix("\n"), rest.rpartition("]")[0] or rest


def cure(error: BaseException) -> str:
    if "strftime_now" in str(error):
        return ": set date to a day such as 2025-01-31"
    return "; use another template, or give what it asks for in arguments"


def manner(dialect: Dialect) -> Manner:
    """What the template does on a talk of three words; ConfigError when it takes none."""
    talk = [Entry(role, (Span("x"),)) for role in ("user", "assistant", "user")]
    said = dialect.skeleton(talk)
    asked = str(dialect.skeleton(talk[:1])[-1])
    padded = [talk[0], Entry("assistant", (Span(" x "),)), talk[2]]
    before, after = str(said[2]), str(said[4])
    lead = before[len(asked) :] if before.startswith(asked) else ""
    stop, end = ending(after, dialect)
    literals = [piece for piece in [*said, *with_system(dialect, talk)] if isinstance(piece, str)]
    texts = [s.text for piece in literals for s in dialect.parts(piece) if not s.control]
    return Manner(
        lead=lead,
        end=end,
        stop=stop,
        trims=dialect.skeleton(padded) == said,
        markers=tuple(dict.fromkeys(word for text in texts for word in plain_markers(text))),
    )


def with_system(dialect: Dialect, talk: list[Entry]) -> Skeleton:
    """The same talk under a system text; nothing from a template that takes none."""
    try:
        return dialect.skeleton([Entry("system", (Span("x"),)), *talk])
    except ConfigError:
        return []


def ending(literal: str, dialect: Dialect) -> tuple[str, str]:
    """What ends a reply, and all from the reply up to the end of it."""
    before = ""
    for span in dialect.parts(literal):
        if span.control:
            return span.text, before + span.text
        if not span.text.strip():
            before += span.text
            continue
        line = span.text.strip().splitlines()[0].rstrip()
        found = BRACKETED.match(line)
        stop = found[0] if found else line
        return stop, before + span.text[: span.text.index(stop) + len(stop)]
    return "", ""


def load(settings: Settings) -> ChatTemplate:
    """Raises ConfigError when the template cannot be read, or takes no talk at all."""
    source = Source() if settings.template is None else read(settings.template, settings.name)
    variables = {**source.variables, **settings.arguments}
    named = [str(each) for key, each in variables.items() if key.endswith("_token") and each]
    names = dict.fromkeys((*source.controls, *named, *settings.special_tokens))
    dialect = Dialect(
        source=source,
        write=sandbox.compiled(source.template, source.where, settings.today),
        variables=variables,
        controls=tuple(sorted(names, key=len, reverse=True)),
    )
    return ChatTemplate(settings, dialect, manner(dialect))
