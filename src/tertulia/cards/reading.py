"""Bytes of a PNG, APNG, JSON or CHARX file -> Card. Nothing is run, fetched or unpacked to disk."""

from collections.abc import Mapping
from typing import Any

from tertulia.cards import charx, png
from tertulia.cards.card import LOREBOOK, NEWEST, V1, V2, V3, Card
from tertulia.cards.document import parsed
from tertulia.config import shown
from tertulia.errors import CardError

MAX_BYTES = 20 * 1024 * 1024
"""The largest file that is read."""

SPECS = (V2, V3, LOREBOOK)
CHARACTER = ("description", "first_mes", "personality", "scenario", "mes_example")


def read(content: bytes, where: str = "the card") -> Card:
    """The card in a file's bytes, by what they are and not by the file's name.

    where  how to name the file in messages

    Raises CardError for a file that is too large, damaged, no card, or breaks a limit.
    """
    if len(content) > MAX_BYTES:
        raise CardError(
            f"{where} has {len(content)} bytes, more than the {MAX_BYTES // 1024**2} MB a card may "
            "have: make its pictures smaller"
        )
    if content.startswith(png.SIGNATURE):
        found = png.found(content, where)
        return known("png", content, found.json, where, found.keyword, found.notes)
    if content.startswith(charx.START):
        return known("charx", content, charx.card(content, where), where)
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return known("json", content, content, where)
    raise CardError(
        f"{where} is no card: it begins with {shown(content[:8])}; give a PNG, APNG, JSON or CHARX "
        "file"
    )


def known(
    form: str,
    content: bytes,
    json: bytes,
    where: str,
    keyword: str = "",
    notes: tuple[str, ...] = (),
) -> Card:
    document = parsed(json, where)
    spec, more = specified(document, where)
    return Card(
        form=form,
        content=content,
        json=json,
        document=document,
        spec=spec,
        keyword=keyword,
        notes=(*notes, *more),
    )


def specified(document: Mapping[str, Any], where: str) -> tuple[str, tuple[str, ...]]:
    """Which specification an object follows, and what is odd about that."""
    spec, data = document.get("spec"), document.get("data")
    if isinstance(spec, str) and isinstance(data, dict):
        if spec not in SPECS:
            return spec[:60], (f"spec is {shown(spec)}, which is newer than this reader",)
        return spec, newer(document.get("spec_version"))
    if isinstance(document.get("name"), str) and any(key in document for key in CHARACTER):
        return V1, ()
    if isinstance(document.get("entries"), dict):
        return LOREBOOK, ()
    if isinstance(document.get("entries"), list):
        return LOREBOOK, ("a lorebook without a spec",)
    raise CardError(
        f"{where} is no character card: neither a spec with data, nor a name and a description, "
        f"but {shown(sorted(map(str, document))[:5])}"
    )


def newer(version: object) -> tuple[str, ...]:
    """The warning about a version that is newer than this reader; none is refused for it."""
    try:
        ahead = float(str(version)[:20]) > NEWEST
    except ValueError:
        return (f"spec_version is {shown(version)}, no number",) if version is not None else ()
    return (f"spec_version is {shown(version)}, newer than {NEWEST}",) if ahead else ()
