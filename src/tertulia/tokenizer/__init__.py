"""The one way from spans to token ids and back; what people type never becomes a control token.

Three kinds of files are read: `tokenizer.json`, a sentencepiece model, and GPT-2's `vocab.json`
with `merges.txt` (and `added_tokens.json`). Control tokens are the added tokens of the first and
third, the control and user-defined symbols of the second. They are taken out of what tokenizes
text, whatever flags they have, so that harmless text gets the ids of the published tokenizer and
hostile text gets the ids of its letters. Three sorts stay ordinary text: the token of unknown
text, and user-defined or plain added tokens that are blanks only or a single character (Gemma's
runs of newlines, Pingpong's digits).
"""

import codecs
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tertulia.errors import TokenizerError
from tertulia.prompt import Span, runs
from tertulia.tokenizer.hugging_face import from_json, from_pair
from tertulia.tokenizer.pieces import from_sentencepiece
from tertulia.tokenizer.vocabulary import (
    EVERYWHERE,
    NEVER,
    Control,
    Vocabulary,
    beside,
    content,
    table,
)

STRIP_AROUND_CONTROL = False
"""The fast tokenizers' way, which the model cards use. The slow ones, with which PersonaGPT was
trained, strip the blanks on both sides of each token that was added to the finished vocabulary;
True gives those ids."""

FILES = ("tokenizer.json", "tokenizer.model", "spiece.model", "sp.model", "vocab.json")
SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """Spans to ids, ids to text. It adds no token of its own: formats write every control token.

    names  of the control tokens, by id
    size   one more than the highest id
    """

    name: str
    vocabulary: Vocabulary
    strip_around_control: bool = STRIP_AROUND_CONTROL
    names: Mapping[int, str] = field(init=False)
    size: int = field(init=False)

    def __post_init__(self) -> None:
        names = {control.id: name for name, control in self.vocabulary.controls.items()}
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "size", max(self.vocabulary.ids.values(), default=-1) + 1)

    def control(self, name: str) -> int | None:
        """The id of a control token, None when the vocabulary has none of that name."""
        found = self.vocabulary.controls.get(name)
        return None if found is None else found.id

    def token(self, name: str) -> int | None:
        """The id of any entry of the vocabulary, by its name in there."""
        return self.vocabulary.ids.get(name)

    def ids(self, spans: Sequence[Span]) -> list[int]:
        """Token ids; neighbouring text is tokenized as one, lone surrogates as U+FFFD.

        Raises TokenizerError for a control span that the vocabulary does not have.
        """
        parts: list[str | Control] = [
            self.found(span.text) if span.control else SURROGATE.sub("\ufffd", span.text)
            for span in runs(spans)
        ]
        ids: list[int] = []
        for place, part in enumerate(parts):
            if isinstance(part, Control):
                ids.append(part.id)
                continue
            before = parts[place - 1] if place else None
            after = parts[place + 1] if place + 1 < len(parts) else None
            text = self.stripped(before, part, after)
            ids += self.vocabulary.encode(text, place == 0) if text else []
        return ids

    def found(self, name: str) -> Control:
        if name in self.vocabulary.controls:
            return self.vocabulary.controls[name]
        raise TokenizerError(
            f"tokenizer {self.name} has no control token {name!r}: use the format this model was "
            f"trained with; its control tokens are {shown(self.vocabulary.controls)}"
        )

    def stripped(self, before: str | Control | None, text: str, after: str | Control | None) -> str:
        """The text without the blanks that the control tokens beside it take."""
        slow = self.strip_around_control
        if isinstance(before, Control) and (before.right or (slow and before.late)):
            text = text.lstrip()
        if isinstance(after, Control) and (after.left or (slow and after.late)):
            text = text.rstrip()
        return text

    def text(self, ids: Sequence[int]) -> str:
        """What the ids say, control tokens by name; ids that the vocabulary lacks say nothing."""
        decoder = self.decoder()
        return "".join([*map(decoder.step, ids), decoder.end()])

    def alone(self, token: int, *, first: bool = False) -> str:
        """One token by itself, as it would be said; half a character is U+FFFD.

        first  it begins a reply, where some vocabularies leave out a blank
        """
        decoder = self.decoder()
        decoder.drop_blank = decoder.drop_blank and first
        return decoder.step(token) + decoder.end()

    def decoder(self) -> "Decoder":
        """A decoder for one reply, from its first token."""
        return Decoder(self)


class Decoder:
    """Ids to text, one at a time: never half a character, and the pieces add up to the whole."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self.drop_blank = tokenizer.vocabulary.blank != NEVER

    def step(self, token: int) -> str:
        """The text that this token completes; often none."""
        name = self.tokenizer.names.get(token)
        if name is not None:
            self.drop_blank = self.tokenizer.vocabulary.blank == EVERYWHERE
            return self.end() + name
        spelled = self.tokenizer.vocabulary.spelled.get(token, b"")
        if self.drop_blank and spelled:
            spelled, self.drop_blank = spelled.removeprefix(b" "), False
        return self.utf8.decode(spelled)

    def end(self) -> str:
        """What is left; bytes that never became a character are U+FFFD."""
        left = self.utf8.decode(b"", final=True)
        self.utf8.reset()
        return left


def load(path: Path, *, strip_around_control: bool = STRIP_AROUND_CONTROL) -> Tokenizer:
    """The tokenizer in a model folder, or in one of its files.

    Raises TokenizerError when there is none, or when it cannot be read.
    """
    file = tokenizer_file(path)
    data = content(file)
    if file.suffix == ".model":
        vocabulary = from_sentencepiece(data, beside(file), str(file))
    elif file.name == "vocab.json":
        vocabulary = from_pair(data, file)
    else:
        vocabulary = from_json(table(data, str(file)), str(file))
    return Tokenizer(str(path), vocabulary, strip_around_control)


def tokenizer_file(path: Path) -> Path:
    if not path.is_dir():
        return path
    for name in FILES:
        if (path / name).is_file():
            return path / name
    raise TokenizerError(
        f"{path} holds no tokenizer: put one of {', '.join(FILES[:-1])}, or vocab.json with "
        "merges.txt, beside the weights"
    )


def shown(names: Mapping[str, Control]) -> str:
    listed = list(names)
    more = f" and {len(listed) - 12} more" if len(listed) > 12 else ""
    return ", ".join(map(repr, listed[:12])) + more if listed else "none at all"
