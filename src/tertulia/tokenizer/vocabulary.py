"""What a tokenizer file says, and how the files are read with care."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tertulia.errors import TokenizerError

MAX_BYTES = 256 * 2**20
MAX_ID = 2**31
BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
BLANK = "▁"
NEVER, ONCE, EVERYWHERE = range(3)
"""Where text gets a blank put before it: nowhere, at the start, after each control token too."""


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
    if not isinstance(name, str) or not name or not is_id(id):
        raise broken(where, f"wrong in its added token {str(name)[:40]!r}")
    flags = (bool(entry.get(flag)) for flag in ("special", "lstrip", "rstrip"))
    return Added(name, id, *flags)


def is_id(value: object) -> bool:
    return type(value) is int and 0 <= value < MAX_ID


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


def ordinary(name: str) -> bool:
    """A plain added token that is text all the same: blanks only, or a single character."""
    return len(name) == 1 or not name.strip(f" \t\r\n{BLANK}")


def content(file: Path) -> bytes:
    """The bytes of a file of bearable size."""
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1) if size <= MAX_BYTES else b""
    except (OSError, ValueError) as error:
        raise TokenizerError(
            f"cannot read tokenizer {file}: {error}; is the path right?"
        ) from error
    # A device says that it has no size, and then gives without end.
    if max(size, len(data)) > MAX_BYTES:
        raise TokenizerError(
            f"tokenizer {file} is larger than {MAX_BYTES // 2**20} MiB, which none is: is it the "
            "right file?"
        )
    return data


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


def piece_bytes(name: str, spaced: bool, bytes_too: bool) -> bytes:
    byte = BYTE.fullmatch(name) if bytes_too else None
    if byte:
        return bytes.fromhex(byte[1])
    return (name.replace(BLANK, " ") if spaced else name).encode("utf-8", "replace")
