"""Decorators: the lines `@@name value` at the head of a lore entry of version 3.

A line `@@@name value` stands in for the one above it when nobody here knows that, or when its value
is none. Known are those of the specification that mean something where knowledge has one place, and
some of RisuAI's. Sources: kwaroran/character-card-spec-v3; RisuAI's own lorebooks for the second
part of BARE, and for `probability` and `priority`.
"""

import re
from dataclasses import dataclass, field

NUMBERS = frozenset(
    ("scan_depth", "is_greeting", "activate_only_after", "activate_only_every")
    + ("probability", "priority")
)
WORDS = frozenset(("additional_keys", "exclude_keys"))
BARE = frozenset(
    ("activate", "dont_activate", "keep_activate_after_match", "dont_activate_after_match")
    + ("ignore_on_max_context", "constant", "match_full_word", "match_partial_word")
    + ("recursive", "unrecursive", "no_recursive_search")
)
WHOLE = re.compile(r"-?[0-9]{1,6}")
MAX_IGNORED = 1_000


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
        """The first value, a whole number within a million; None when it does not stand there."""
        return int(self.values[name][0]) if name in self.values else None

    def any(self, *names: str) -> bool:
        """Whether one of these decorators stands there."""
        return any(name in self.values for name in names)


def taken(content: str) -> Decorated:
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
        rest = rest.lstrip("\r\n")
        if stands_in and not waiting:
            continue
        waiting = not known(name, value.strip())
        if not waiting:
            found.values.setdefault(name, []).append(value.strip())
        elif len(found.ignored) < MAX_IGNORED:
            found.ignored.append(f"@@{name[:40]}")
    found.text = rest.strip("\r\n")
    return found


def known(name: str, value: str) -> bool:
    """Whether a decorator means something here, with that value."""
    if name in NUMBERS:
        return WHOLE.fullmatch(value) is not None
    return name in BARE or (name in WORDS and bool(value.strip(", ")))
