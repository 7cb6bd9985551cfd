"""The JSON of a card: read within limits, and its fields taken without trust in their types."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from tertulia.config import shown
from tertulia.errors import CardError

MAX_JSON = 8 * 1024 * 1024
"""The most bytes of a card's JSON."""

MAX_VALUES = 300_000
"""The most commas and opening brackets in it: what is parsed then stays under 25 MB."""

MAX_WIDE = 16 * 1024 * 1024
"""The most bytes of memory its text takes: Python uses four for every character beside an emoji."""

SURROGATE = re.compile("[\ud800-\udfff]")
MAX_NUMBER = 1_000_000_000
MAX_NOTES = 200


def parsed(content: bytes, where: str) -> dict[str, Any]:
    """The object that a card's JSON describes. Raises CardError for anything else."""
    if len(content) > MAX_JSON:
        raise CardError(
            f"{where}: the JSON has {len(content)} bytes, more than the {MAX_JSON // 1024**2} MB a "
            "card may have: take pictures out of it"
        )
    if sum(map(content.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise CardError(f"{where}: the JSON holds more than {MAX_VALUES} values: split the card")
    found = loaded(decoded(content, where), where)
    if not isinstance(found, dict):
        raise CardError(f"{where}: the JSON is {shown(found)}, a card is an object")
    return found


def decoded(content: bytes, where: str) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CardError(
            f"{where}: the JSON is not UTF-8 (byte {error.start} is "
            f"0x{content[error.start]:02x}): save it as UTF-8"
        ) from error
    if len(text) * (1 if text.isascii() else 2 if max(text) < "\U00010000" else 4) > MAX_WIDE:
        raise CardError(f"{where}: the JSON has {len(text)} characters, too many: split the card")
    return text


def loaded(text: str, where: str) -> object:
    def refused(constant: str) -> NoReturn:
        raise CardError(f"{where}: {constant} is not JSON: export the card again")

    try:
        return json.loads(text, parse_constant=refused)
    except CardError:
        raise
    except RecursionError as error:
        raise CardError(f"{where}: the JSON is nested too deep: export the card again") from error
    except ValueError as error:
        raise CardError(f"{where}: no JSON: {error}; export the card again") from error


@dataclass(slots=True)
class Fields:
    """The fields of one object of a card. What has another type is left out and noted.

    where  the object's path in messages, such as "character_book.entries[3]"
    """

    table: Mapping[str, Any]
    notes: list[str] = field(default_factory=list)
    where: str = ""

    def text(self, key: str) -> str:
        """A string; empty when it is not there. Lone surrogates become U+FFFD."""
        return self.plain(key, self.table.get(key))

    def plain(self, key: str, value: object) -> str:
        if isinstance(value, str):
            return SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)
        if value is not None:
            self.note(key, f"is {shown(value)}, must be a string")
        return ""

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings; one string stands for a list of it."""
        value = self.table.get(key)
        if isinstance(value, str):
            return (self.plain(key, value),)
        if not isinstance(value, list):
            if value is not None:
                self.note(key, f"is {shown(value)}, must be a list")
            return ()
        return tuple(self.plain(f"{key}[{n}]", each) for n, each in enumerate(value))

    def flag(self, key: str) -> bool | None:
        """True, False, or None when it is not there."""
        value = self.table.get(key)
        if value is None or isinstance(value, bool):
            return value
        self.note(key, f"is {shown(value)}, must be true or false")
        return None

    def number(self, key: str) -> float | None:
        """A number within a thousand million of 0, or None."""
        value = self.table.get(key)
        if value is None:
            return None
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if -MAX_NUMBER <= value <= MAX_NUMBER:
                return value
            self.note(key, f"is {shown(value)}, beyond a thousand million")
            return None
        self.note(key, f"is {shown(value)}, must be a number")
        return None

    def inside(self, key: str) -> "Fields":
        """The fields of an object in this one; of an empty one when it is not there."""
        value = self.table.get(key)
        if value is not None and not isinstance(value, dict):
            self.note(key, f"is {shown(value)}, must be an object")
        inner = value if isinstance(value, dict) else {}
        return Fields(inner, self.notes, f"{self.where}{key}.")

    def note(self, key: str, what: str) -> None:
        if len(self.notes) < MAX_NOTES:
            self.notes.append(f"{self.where}{key} {what}: left out")
