"""A sentencepiece model, over the sentencepiece library."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tertulia.tokenizer.vocabulary import (
    EVERYWHERE,
    NEVER,
    Added,
    Control,
    Vocabulary,
    broken,
    ordinary,
    piece_bytes,
)

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE_PIECE = range(1, 7)
"""The kinds of piece in sentencepiece_model.proto."""


def from_sentencepiece(data: bytes, extra: Sequence[Added], where: str) -> Vocabulary:
    """A sentencepiece model; its user-defined symbols become control symbols, which nobody types.

    extra  tokens that were added to it in files of their own
    """
    hidden = frozenset(one.name for one in extra if not one.ordinary)
    pieces, harmless, prefixed = model_parts(data, hidden, where)
    ids = {name: id for id, (name, _) in enumerate(pieces)}
    controls = {name: Control(id) for id, (name, kind) in enumerate(pieces) if kind == CONTROL}
    controls |= {one.name: one.control(one.name not in ids) for one in extra if not one.ordinary}
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


def model_parts(
    data: bytes, hidden: frozenset[str], where: str
) -> tuple[list[tuple[str, int]], bytes, bool]:
    """(name, kind) of every piece, the model with nothing hidden to type, and add_dummy_prefix."""
    pieces: list[tuple[str, int]] = []
    out: list[bytes] = []
    prefixed = True
    try:
        for number, whole, value in messages(data):
            if number == 1:
                name, kind, whole = piece(value, whole, hidden)
                pieces.append((name, kind))
            elif number == 3:
                prefixed = next((bool(v) for n, _, v in messages(value) if n == 3), True)
            out.append(whole)
    except (IndexError, ValueError, TypeError, AttributeError) as error:
        raise broken(where, f"not a sentencepiece model ({error})") from error
    if not pieces:
        raise broken(where, "a sentencepiece model without pieces")
    return pieces, b"".join(out), prefixed


def piece(value: bytes, whole: bytes, hidden: frozenset[str]) -> tuple[str, int, bytes]:
    """Name, kind and bytes of one piece; what must not be typed comes back as a control symbol."""
    parts = list(messages(value))
    name = next((v for n, _, v in parts if n == 1), b"").decode()
    kind = next((v for n, _, v in parts if n == 3), NORMAL)
    typeable = kind == NORMAL and name in hidden or kind == USER_DEFINED and not ordinary(name)
    if not typeable:
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
