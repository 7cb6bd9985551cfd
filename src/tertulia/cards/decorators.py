"""Decorators: the lines `@@name value` at the head of a lore entry of version 3.

A line `@@@name value` stands in for the one above it when nobody here knows that.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

KNOWN = frozenset(
    ("scan_depth", "activate", "dont_activate", "additional_keys", "exclude_keys", "is_greeting")
)


@dataclass(slots=True)
class Decorated:
    """The text without its decorators, those that are known, and the names of the others."""

    text: str = ""
    values: dict[str, list[str]] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)

    def words(self, name: str) -> tuple[str, ...]:
        """The comma-separated values of a decorator that may stand several times."""
        lines = self.values.get(name, ())
        return tuple(word.strip() for line in lines for word in line.split(",") if word.strip())

    def number(self, name: str) -> int | None:
        """The first value, when it is a whole number within a million."""
        first = self.values.get(name, [""])[0].strip()
        return int(first) if first.isascii() and first.isdecimal() and len(first) < 7 else None


def taken(content: str, known: Mapping[str, object] | frozenset[str] = KNOWN) -> Decorated:
    """The decorators at the head of a text, and the text after them."""
    found = Decorated()
    rest, waiting = content.lstrip("\r\n"), False
    if not rest.startswith("@@"):
        found.text = content
        return found
    while rest.startswith("@@"):
        line, _, rest = rest.partition("\n")
        stands_in = line.startswith("@@@")
        name, _, value = line.lstrip("@").strip().partition(" ")
        if stands_in and not waiting:
            continue
        waiting = name not in known
        if waiting:
            found.ignored.append(f"@@{name[:40]}")
        else:
            found.values.setdefault(name, []).append(value.strip())
        rest = rest.lstrip("\r\n")
    found.text = rest.strip("\r\n")
    return found
