"""The one way from spans to token ids and back; what people type never becomes a control token.

Three kinds of files are read: `tokenizer.json`, a sentencepiece model, and GPT-2's pair `vocab.json`
and `merges.txt` (with `added_tokens.json`). Control tokens are the added tokens of the first and
third, the control and user-defined symbols of the second. They are taken out of what tokenizes
text, whatever flags they have, so that harmless text gets the ids of the published tokenizer and
hostile text gets the ids of its letters. Three sorts stay ordinary text: the token of unknown
text, and user-defined or plain added tokens that are blanks only or a single character (Gemma's
runs of newlines, Pingpong's digits).
"""

import codecs
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from tertulia.errors import TokenizerError
from tertulia.prompt import Span, runs

STRIP_AROUND_CONTROL = False
"""The fast tokenizers' way, which the model cards use. The slow ones that PersonaGPT was trained
with strip blanks on both sides of a token that was added to the vocabulary: set it for those ids."""

MAX_BYTES = 256 * 2**20
FILES = ("tokenizer.json", "tokenizer.model", "spiece.model", "sp.model", "vocab.json")
SURROGATE = re.compile("[\ud800-\udfff]")
BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
BLANK = "▁"
NEVER, ONCE, EVERYWHERE = range(3)
"""Where a tokenizer puts a blank before text: nowhere, at the start, after each control token too."""


@dataclass(frozen=True, slots=True)
class Control:
    """One control token.

    left, right  it takes the blanks on that side with it
    late         it was added when the vocabulary was already made
    """

    id: int
    left: bool = False
    right: bool = False
    late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """What a tokenizer file says.

    encode    text -> ids, and whether the text stands at the very start
    ids       every entry by name
    controls  the control tokens by name
    spelled   the bytes that a token of ordinary text stands for
    blank     NEVER, ONCE or EVERYWHERE
    """

    encode: Callable[[str, bool], list[int]]
    ids: Mapping[str, int]
    controls: Mapping[str, Control]
    spelled: Mapping[int, bytes]
    blank: int = NEVER


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """Spans to ids, ids to text. It adds no token of its own: formats write every control token."""

    name: str
    vocabulary: Vocabulary
    strip_around_control: bool = STRIP_AROUND_CONTROL
    names: Mapping[int, str] = field(init=False)

    def __post_init__(self) -> None:
        names = {control.id: name for name, control in self.vocabulary.controls.items()}
        object.__setattr__(self, "names", names)

    @property
    def size(self) -> int:
        """One more than the highest id."""
        return max(self.vocabulary.ids.values(), default=-1) + 1

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


def content(file: Path) -> bytes:
    """The bytes of a file of bearable size."""
    try:
        if file.stat().st_size > MAX_BYTES:
            raise TokenizerError(
                f"{file} is larger than {MAX_BYTES // 2**20} MiB, which no tokenizer is: "
                "is it the right file?"
            )
        return file.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, TokenizerError):
            raise
        raise TokenizerError(
            f"cannot read tokenizer {file}: {error}; is the path right?"
        ) from error


def table(data: bytes, where: str) -> dict[str, Any]:
    """A JSON object."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise broken(where, f"not JSON ({error})") from error
    if not isinstance(found, dict):
        raise broken(where, f"a {type(found).__name__}, must be an object")
    return found


def broken(where: str, what: str) -> TokenizerError:
    return TokenizerError(
        f"tokenizer {where} is {what}: fetch the file again from its model's page"
    )


def ordinary(name: str) -> bool:
    """A plain added token that is text all the same: blanks only, or a single character."""
    return len(name) == 1 or not name.strip(f" \t\r\n{BLANK}")


def shown(names: Mapping[str, Control]) -> str:
    listed = list(names)
    more = f" and {len(listed) - 12} more" if len(listed) > 12 else ""
    return ", ".join(map(repr, listed[:12])) + more if listed else "none at all"


@dataclass(frozen=True, slots=True)
class Added:
    """An entry of `added_tokens`."""

    name: str
    id: int
    special: bool = False
    left: bool = False
    right: bool = False

    @property
    def ordinary(self) -> bool:
        return not self.special and ordinary(self.name)

    def control(self, late: bool) -> Control:
        return Control(self.id, self.left, self.right, late)


def added(entry: Any, where: str, number: object = None) -> Added:  # noqa: ANN401 - JSON
    """One added token, from tokenizer.json or from tokenizer_config.json's added_tokens_decoder."""
    if not isinstance(entry, dict):
        raise broken(where, "wrong in its added tokens")
    name, id = entry.get("content"), entry.get("id", number)
    if not isinstance(name, str) or not name or type(id) is not int or id < 0:
        raise broken(where, f"wrong in its added token {str(name)[:40]!r}")
    flags = (bool(entry.get(flag)) for flag in ("special", "lstrip", "rstrip"))
    return Added(name, id, *flags)


def beside(file: Path) -> list[Added]:
    """The added tokens in the files beside a vocabulary that has no place for them."""
    found: dict[str, Added] = {}
    plain, config = file.with_name("added_tokens.json"), file.with_name("tokenizer_config.json")
    if plain.is_file():
        for name, id in table(content(plain), str(plain)).items():
            found[name] = added({"content": name, "id": id}, str(plain))
    if config.is_file():
        listed = table(content(config), str(config)).get("added_tokens_decoder") or {}
        if not isinstance(listed, dict) or not all(map(str.isdecimal, listed)):
            raise broken(str(config), "wrong in its added_tokens_decoder")
        for id, entry in listed.items():
            one = added(entry, str(config), int(id))
            found[one.name] = one
    return list(found.values())


def from_pair(data: bytes, file: Path) -> Vocabulary:
    """GPT-2's files as a tokenizer.json: its entries that no merge can make are control tokens."""
    vocabulary = table(data, str(file))
    text = content(file.with_name("merges.txt")).decode("utf-8", "replace")
    lines = [line for line in text.splitlines() if line and not line.startswith("#version")]
    made = {line.replace(" ", "", 1) for line in lines}
    extra = [
        {"content": name, "id": id, "special": True, "left": False}
        for name, id in vocabulary.items()
        if len(name) > 1 and name not in made
    ]
    extra += [
        {"content": a.name, "id": a.id, "lstrip": a.left, "rstrip": a.right} for a in beside(file)
    ]
    byte_level = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": True,
    }
    model = {"type": "BPE", "vocab": vocabulary, "merges": lines}
    whole = {
        "added_tokens": extra,
        "pre_tokenizer": byte_level,
        "decoder": byte_level,
        "model": model,
    }
    return from_json(whole, str(file))


def from_json(data: dict[str, Any], where: str) -> Vocabulary:
    """A tokenizer.json; its control tokens are taken out before its text is tokenized."""
    listed, model = data.get("added_tokens") or [], data.get("model")
    if not isinstance(listed, list) or not isinstance(model, dict):
        raise broken(where, "without a model, or with a wrong list of added tokens")
    every = [added(entry, where) for entry in listed]
    ids = entries(model, where)
    unknown = unknown_name(model, ids)
    kept = [one for one in every if one.ordinary or one.name == unknown]
    controls = {one.name: one.control(one.name not in ids) for one in every if one not in kept}
    plain = [entry for entry, one in zip(listed, every, strict=True) if one in kept]
    model = without(model, controls)
    spell = spelling(data.get("decoder"), where)
    spelled = {id: spell(name) for name, id in ids.items() if name not in controls}
    spelled |= {one.id: one.name.encode("utf-8", "replace") for one in kept}
    return Vocabulary(
        encode=hugging_face({**data, "added_tokens": plain, "model": model}, kept, where),
        ids={**ids, **{one.name: one.id for one in every}},
        controls=controls,
        spelled=spelled,
        blank=blank(data),
    )


def entries(model: Mapping[str, Any], where: str) -> dict[str, int]:
    """The vocabulary of the model part of a tokenizer.json."""
    found = model.get("vocab")
    if isinstance(found, list):
        if all(isinstance(each, list) and each and isinstance(each[0], str) for each in found):
            return {each[0]: id for id, each in enumerate(found)}
    elif isinstance(found, dict) and all(type(id) is int and id >= 0 for id in found.values()):
        return found
    raise broken(where, "without a vocabulary that can be read")


def unknown_name(model: Mapping[str, Any], ids: Mapping[str, int]) -> str | None:
    """What stands for unknown text; None when no text is unknown, as with all bytes at hand."""
    if all(letter in ids for letter in byte_letters().values()):
        return None
    if model.get("type") == "Unigram":
        return next((name for name, id in ids.items() if id == model.get("unk_id")), None)
    return model.get("unk_token")


def without(model: dict[str, Any], controls: Mapping[str, Control]) -> dict[str, Any]:
    """The model unable to make a control token out of letters."""
    vocab = model["vocab"]
    if isinstance(vocab, list):
        # Unigram ids are places, so the entry stays; no text is as short as an empty piece.
        return {**model, "vocab": [["", e[1]] if e[0] in controls else e for e in vocab]}
    kept = {name: id for name, id in vocab.items() if name not in controls}
    whole = {**model, "vocab": kept}
    if model.get("unk_token") in controls:
        whole["unk_token"] = None
    if isinstance(model.get("merges"), list):
        whole["merges"] = [each for each in model["merges"] if not touches(each, controls)]
    return whole


def touches(merge: Any, controls: Mapping[str, Control]) -> bool:  # noqa: ANN401 - JSON
    parts = merge.split(" ", 1) if isinstance(merge, str) else merge
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        return False
    return any(name in controls for name in (*parts, "".join(parts)))


def steps(data: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """The parts of one stage of a tokenizer.json, sequences laid open."""
    stage = data.get(key)
    if not isinstance(stage, dict):
        return []
    inner = stage.get(
        {"normalizer": "normalizers", "decoder": "decoders"}.get(key, "pretokenizers")
    )
    return (
        [each for each in inner if isinstance(each, dict)] if isinstance(inner, list) else [stage]
    )


def blank(data: Mapping[str, Any]) -> int:
    """Where this tokenizer puts a blank before text."""
    if any(each.get("type") == "Prepend" for each in steps(data, "normalizer")):
        return EVERYWHERE
    for each in steps(data, "pre_tokenizer"):
        if each.get("type") == "Metaspace":
            scheme = each.get("prepend_scheme")
            if scheme is None:
                scheme = "always" if each.get("add_prefix_space", True) else "never"
            return {"always": EVERYWHERE, "first": ONCE}.get(str(scheme), NEVER)
    return NEVER


def spelling(decoder: object, where: str) -> Callable[[str], bytes]:
    """What turns the name of an entry into the bytes it stands for."""
    parts = steps({"decoder": decoder}, "decoder")
    kinds = {str(each.get("type")) for each in parts}
    if not kinds or kinds - {"ByteLevel", "Metaspace", "Replace", "ByteFallback", "Fuse", "Strip"}:
        raise TokenizerError(
            f"tokenizer {where} has a decoder that is not known here ({', '.join(sorted(kinds))}): "
            "byte-level, metaspace and byte-fallback ones are"
        )
    if "ByteLevel" in kinds:
        letters = {letter: bytes([byte]) for byte, letter in byte_letters().items()}
        return lambda name: (
            b"".join(letters[char] for char in name)
            if all(char in letters for char in name)
            else name.encode("utf-8", "replace")
        )
    spaced = bool(kinds & {"Metaspace", "Replace"})
    return lambda name: piece_bytes(name, spaced, "ByteFallback" in kinds)


def piece_bytes(name: str, spaced: bool, bytes_too: bool) -> bytes:
    byte = BYTE.fullmatch(name) if bytes_too else None
    if byte:
        return bytes.fromhex(byte[1])
    return (name.replace(BLANK, " ") if spaced else name).encode("utf-8", "replace")


def byte_letters() -> dict[int, str]:
    """GPT-2's visible letter for each byte."""
    seen = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), 256)]
    unseen = [byte for byte in range(256) if byte not in seen]
    return {byte: chr(byte) for byte in seen} | {b: chr(256 + n) for n, b in enumerate(unseen)}


def hugging_face(
    data: dict[str, Any], kept: Sequence[Added], where: str
) -> Callable[[str, bool], list[int]]:
    """Text to ids by the tokenizers library, without its post-processor, padding and truncation."""
    data |= {"post_processor": None, "truncation": None, "padding": None, "version": "1.0"}
    start = rust_tokenizer(data, where)
    later = rust_tokenizer(never_blank(data), where) if blank(data) == ONCE else start
    # The library numbers added tokens as it meets them; with some taken out that is another number.
    moved = {start.token_to_id(one.name): one.id for one in kept}

    def encode(text: str, at_start: bool) -> list[int]:
        chosen = start if at_start else later
        ids: list[int] = chosen.encode(text, add_special_tokens=False).ids
        return [moved.get(id, id) for id in ids]

    return encode


def rust_tokenizer(data: Mapping[str, Any], where: str) -> Any:  # noqa: ANN401 - no stubs
    import tokenizers

    try:
        return tokenizers.Tokenizer.from_str(json.dumps(data))
    except BaseException as error:  # noqa: BLE001 - plain Exception, and Rust panics beyond it
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise
        raise broken(where, f"refused by the tokenizers library ({error})") from error


def never_blank(data: dict[str, Any]) -> dict[str, Any]:
    parts = [
        {**each, "prepend_scheme": "never"} if each.get("type") == "Metaspace" else each
        for each in steps(data, "pre_tokenizer")
    ]
    return {**data, "pre_tokenizer": {"type": "Sequence", "pretokenizers": parts}}


NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE_PIECE = range(1, 7)
"""The kinds of piece in sentencepiece_model.proto."""


def from_sentencepiece(data: bytes, extra: Sequence[Added], where: str) -> Vocabulary:
    """A sentencepiece model; its user-defined symbols are made control symbols, so nobody types them."""
    pieces, harmless, prefixed = model_parts(data, where)
    ids = {name: id for id, (name, _) in enumerate(pieces)}
    controls = {name: Control(id) for id, (name, kind) in enumerate(pieces) if kind == CONTROL}
    controls |= {one.name: one.control(one.name not in ids) for one in extra}
    unknown = {name for name, kind in pieces if kind == UNKNOWN}
    for name in unknown:
        controls.pop(name, None)
    spelled = {
        id: piece_bytes(name, True, kind == BYTE_PIECE)
        for id, (name, kind) in enumerate(pieces)
        if name not in controls
    }
    return Vocabulary(
        encode=cpp_tokenizer(harmless, where),
        ids={**ids, **{one.name: one.id for one in extra}},
        controls=controls,
        spelled=spelled,
        blank=EVERYWHERE if prefixed else NEVER,
    )


def cpp_tokenizer(model: bytes, where: str) -> Callable[[str, bool], list[int]]:
    import sentencepiece

    try:
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    except (RuntimeError, ValueError, TypeError) as error:
        raise broken(where, f"refused by sentencepiece ({error})") from error

    def encode(text: str, at_start: bool) -> list[int]:
        ids: list[int] = processor.encode(text)
        return ids

    return encode


def model_parts(data: bytes, where: str) -> tuple[list[tuple[str, int]], bytes, bool]:
    """(name, kind) of every piece, the model without user-defined symbols, and add_dummy_prefix."""
    pieces: list[tuple[str, int]] = []
    out: list[bytes] = []
    prefixed = True
    try:
        for number, whole, value in messages(data):
            if number == 1:
                name, kind, whole = piece(value, whole)
                pieces.append((name, kind))
            elif number == 3:
                prefixed = next((bool(v) for n, _, v in messages(value) if n == 3), True)
            out.append(whole)
    except (IndexError, ValueError, TypeError) as error:
        raise broken(where, f"not a sentencepiece model ({error})") from error
    if not pieces:
        raise broken(where, "a sentencepiece model without pieces")
    return pieces, b"".join(out), prefixed


def piece(value: Any, whole: bytes) -> tuple[str, int, bytes]:  # noqa: ANN401 - int or bytes
    """Name, kind and bytes of one piece; a user-defined symbol comes back as a control symbol."""
    parts = list(messages(value))
    name = next(bytes(v).decode() for n, _, v in parts if n == 1)
    kind = next((int(v) for n, _, v in parts if n == 3), NORMAL)
    if kind != USER_DEFINED or ordinary(name):
        return name, kind, whole
    body = b"".join(w for n, w, _ in parts if n != 3) + bytes([3 << 3, CONTROL])
    return name, CONTROL, b"\x0a" + varint(len(body)) + body


def messages(data: bytes) -> Iterator[tuple[int, bytes, Any]]:
    """(field number, its whole bytes, its value) of each field of a protocol-buffers message."""
    at = 0
    while at < len(data):
        start = at
        tag, at = read_varint(data, at)
        kind = tag & 7
        if kind == 0:
            value: Any
            value, at = read_varint(data, at)
        else:
            length = {1: 8, 5: 4}.get(kind)
            if length is None and kind != 2:
                raise ValueError(f"wire type {kind} at byte {start}")
            if length is None:
                length, at = read_varint(data, at)
            value, at = data[at : at + length], at + length
            if at > len(data):
                raise ValueError(f"cut short at byte {start}")
        yield tag >> 3, data[start:at], value


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at, value, shift = at + 1, value | (byte & 127) << shift, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError(f"a number without end at byte {at}")


def varint(value: int) -> bytes:
    out = []
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
