"""Cards written for the tests: their JSON, and files around it."""

import base64
import io
import json
import struct
import zipfile
import zlib
from typing import Any

from tertulia import cards
from tertulia.cards import png
from tertulia.cards.report import Report
from tertulia.conversation import Conversation

ANA: dict[str, Any] = {
    "name": "Ana",
    "description": "{{char}} keeps bees.\nShe is forty.\n\nShe hums.",
    "personality": "calm",
    "scenario": "{{char}} opens her hive while {{user}} watches.",
    "first_mes": "Mind the smoke, {{user}}.",
    "mes_example": "<START>\n{{user}}: Do they sting?\n{{char}}: Not me.\n<START>\n{{char}}: Look!",
    "creator_notes": "Written for a test.",
    "system_prompt": "{{original}}You are {{char}}.",
    "post_history_instructions": "Be brief.",
    "alternate_greetings": ["Hush.", ""],
    "character_book": {
        "entries": [
            {
                "keys": ["honey"],
                "content": "{{char}}'s honey is dark.",
                "extensions": {},
                "enabled": True,
                "insertion_order": 5,
                "x_unknown": 1,
            }
        ],
        "extensions": {},
    },
    "tags": ["bees"],
    "creator": "nobody",
    "character_version": "1",
    "extensions": {"other/program": {"deep": [1.5, None]}},
    "x_later": {"kept": "exactly  so"},
}


def card(spec: str = "chara_card_v3", **changes: Any) -> dict[str, Any]:
    version = "2.0" if spec.endswith("v2") else "3.0"
    return {"spec": spec, "spec_version": version, "data": {**ANA, **changes}}


def as_json(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")


def text_chunk(keyword: str, content: bytes, kind: bytes = b"tEXt") -> bytes:
    return png.written(kind, keyword.encode("latin-1") + b"\0" + content)


def as_png(*texts: tuple[str, object], extra: bytes = b"") -> bytes:
    """A picture with a text chunk for each keyword and object, and more chunks before them."""
    head, end = png.plain()[:-12], png.plain()[-12:]
    packed = (text_chunk(name, base64.b64encode(as_json(each))) for name, each in texts)
    return head + extra + b"".join(packed) + end


def as_charx(document: object, **members: bytes) -> bytes:
    return zipped({"card.json": as_json(document), **members})


def zipped(members: dict[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, packing)
    return file.getvalue()


def scene(**changes: Any) -> tuple[Conversation, Report]:
    """The scene of Ana's card with these changes; `user` is Bo."""
    options = {k: changes.pop(k) for k in ("greeting", "seed", "examples") if k in changes}
    return cards.scene(cards.read(as_json(card(**changes))), user="Bo", **options)


def entry(*keys: str, **rest: Any) -> dict[str, Any]:
    """A lore entry of version 3."""
    plain = {"content": "Old.", "extensions": {}, "enabled": True, "insertion_order": 0}
    return {"keys": list(keys), "use_regex": False, **plain, **rest}


def lore(*entries: dict[str, Any], **book: Any) -> tuple[Conversation, Report]:
    return scene(character_book={"entries": list(entries), "extensions": {}, **book})


def big_picture(width: int, height: int) -> bytes:
    """A picture that says it is so large, with almost nothing in it."""
    header = png.written(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    body = png.written(b"IDAT", zlib.compress(b"\0" * 1_000_000, 9))
    return png.SIGNATURE + header + body
