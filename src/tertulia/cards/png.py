"""Cards in PNG and APNG files: chunks are walked, text chunks read, and nothing is decompressed.

A card stands in a tEXt chunk, base64 of its JSON: keyword `chara` for version 2, `ccv3` for version
3. Pictures are never decoded, and compressed text (zTXt, iTXt) is never unpacked, so no file can
grow in memory. Source: kwaroran/character-card-spec-v3, W3C PNG third edition.
"""

import binascii
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from tertulia.cards.document import MAX_JSON
from tertulia.errors import CardError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS = 20_000
MAX_KEYWORD = 79
KEYWORDS = ("ccv3", "chara")
"""The one that is preferred first."""

WIDTH, HEIGHT = 400, 600


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk; `start` and `end` are where all of it stands in the file."""

    kind: bytes
    data: memoryview
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Found:
    """The JSON of a card, which chunk held it, and what else was seen."""

    json: bytes
    keyword: str
    notes: tuple[str, ...]


def chunks(content: bytes, where: str) -> Iterator[Chunk]:
    """The chunks up to IEND. Raises CardError for a file that is cut off or damaged."""
    view, at = memoryview(content), len(SIGNATURE)
    for _ in range(MAX_CHUNKS):
        if len(content) < at + 12:
            raise CardError(f"{where}: the picture ends before its IEND chunk: fetch it again")
        [length], kind = struct.unpack_from(">I", content, at), bytes(view[at + 4 : at + 8])
        end = at + 12 + length
        if end > len(content):
            raise CardError(
                f"{where}: a chunk at byte {at} says it has {length} bytes, and the file ends "
                "before that: fetch it again"
            )
        if zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            raise CardError(
                f"{where}: the chunk at byte {at} is damaged (checksum): fetch it again"
            )
        yield Chunk(kind, view[at + 8 : end - 4], at, end)
        if kind == b"IEND":
            return
        at = end
    raise CardError(f"{where}: more than {MAX_CHUNKS} chunks: save the picture again")


def keyword(chunk: Chunk) -> str:
    """The keyword of a text chunk in lower case; empty for any other chunk."""
    if chunk.kind not in (b"tEXt", b"zTXt", b"iTXt"):
        return ""
    return bytes(chunk.data[: MAX_KEYWORD + 1]).partition(b"\0")[0].decode("latin-1").lower()


def found(content: bytes, where: str) -> Found:
    """The card in a PNG; version 3 wins over version 2, the first chunk over later ones."""
    notes: list[str] = []
    cards: dict[str, Chunk] = {}
    for chunk in chunks(content, where):
        name = keyword(chunk)
        if name not in KEYWORDS:
            continue
        if chunk.kind != b"tEXt":
            notes.append(f"a {name} chunk of type {chunk.kind.decode('latin-1')} was not read")
        elif name in cards:
            notes.append(f"a second {name} chunk was not read")
        else:
            cards[name] = chunk
    name = next((each for each in KEYWORDS if each in cards), "")
    if not name:
        told = f" ({'; '.join(notes[:3])})" if notes else ""
        raise CardError(f"{where}: a picture without a card in it{told}: give the card's own file")
    return Found(unpacked(cards[name], name, where), name, tuple(notes[:20]))


def unpacked(chunk: Chunk, name: str, where: str) -> bytes:
    """The JSON in a text chunk. Raises CardError for what is too long or no base64."""
    packed = bytes(chunk.data[len(name) + 1 :])
    if len(packed) > MAX_JSON * 3 // 2:
        raise CardError(
            f"{where}: the card in the picture is larger than {MAX_JSON // 1024**2} MB: take "
            "pictures out of it"
        )
    try:
        return binascii.a2b_base64(packed.translate(None, b" \t\r\n"), strict_mode=True)
    except ValueError as error:
        raise CardError(
            f"{where}: the {name} chunk is no base64 ({error}): export the card again"
        ) from error


def with_card(picture: bytes, json: bytes, name: str, where: str) -> bytes:
    """The picture with this card in it and no other; every other chunk stays as it was."""
    pieces: list[bytes | memoryview] = [SIGNATURE]
    end = 0
    for chunk in chunks(picture, where):
        if chunk.kind == b"IEND":
            pieces.append(
                written(b"tEXt", name.encode() + b"\0" + binascii.b2a_base64(json, newline=False))
            )
        if keyword(chunk) not in KEYWORDS or chunk.kind != b"tEXt":
            pieces.append(memoryview(picture)[chunk.start : chunk.end])
        end = chunk.end
    return b"".join([*pieces, memoryview(picture)[end:]])


def assets(content: bytes, where: str) -> int:
    """How many assets stand in chunks of their own, which other forms cannot hold."""
    return sum(keyword(chunk).startswith("chara-ext-asset_") for chunk in chunks(content, where))


def written(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def plain() -> bytes:
    """A grey picture, 400 by 600, for a card that has none of its own."""
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 0)
    rows = (b"\0" + b"\x9a" * WIDTH) * HEIGHT
    body = written(b"IHDR", header) + written(b"IDAT", zlib.compress(rows, 9))
    return SIGNATURE + body + written(b"IEND", b"")
