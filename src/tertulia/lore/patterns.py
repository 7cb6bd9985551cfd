"""Regular expressions of lore, read by RE2: its time grows with the text and the pattern alone.

Python's `re` never sees a stranger's pattern, which can keep it busy for ever.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tertulia.conversation import LoreEntry
from tertulia.errors import ConfigError

if TYPE_CHECKING:
    import re2

MAX_PATTERN = 2_000
"""The most characters of one regular expression, and the most instructions RE2 may make of it."""

MAX_PATTERNS = 5_000
"""The most instructions of all regular expressions of a lorebook. At the very worst they take some
thirty milliseconds for 1,000 characters; common ones a few microseconds."""

TRIAL_MEMORY, MEMORY = 1 << 17, 1 << 20
"""Bytes that RE2 may use for a pattern: enough for 5,000 instructions; and to match at speed."""

KEYS = ("keys", "secondary_keys", "additional_keys", "exclude_keys")
"""The fields of an entry that hold keys."""


@lru_cache(maxsize=128)
def compiled(pattern: str, case_sensitive: bool) -> "re2._Regexp[str]":
    """RE2's program for a pattern. Raises ConfigError when it reads none of that size."""
    # Imported here: only lore with regular expressions needs it.
    import re2

    if len(pattern) > MAX_PATTERN:
        raise ConfigError(f"it has {len(pattern)} characters, more than {MAX_PATTERN}: shorten it")
    try:
        # First with little memory, so that a pattern that is far too large is given up at once.
        for bytes_of_memory in (TRIAL_MEMORY, MEMORY):
            options = re2.Options()
            options.case_sensitive = case_sensitive
            options.log_errors = False
            options.max_mem = bytes_of_memory
            program = re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError) as error:
        told = error.args[0] if error.args else error
        reason = told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
        raise ConfigError(
            f"RE2 does not read it ({reason}): it has no look-around and no backreferences"
        ) from error
    if size(program) > MAX_PATTERN:
        raise ConfigError(f"it makes more than {MAX_PATTERN} instructions: simplify it")
    return program


def size(program: "re2._Regexp[str]") -> int:
    """Instructions of a compiled pattern, forward and backward, whichever are more."""
    inner: Any = program._regexp
    return int(max(inner.ProgramSize(), inner.ReverseProgramSize()))


def check(lore: Iterable[LoreEntry], where: str) -> None:
    """Raises ConfigError, with the path, for a regular expression that cannot be looked for."""
    total = 0
    for place, entry in enumerate(lore):
        for name in KEYS if entry.regex else ():
            for n, pattern in enumerate(getattr(entry, name)):
                at = f"{where}[{place}].{name}[{n}]"
                try:
                    total += size(compiled(pattern, entry.case_sensitive))
                except ConfigError as error:
                    raise ConfigError(f"{at} is {pattern[:60]!r}; {error}") from error
                if total > MAX_PATTERNS:
                    raise ConfigError(
                        f"{at}: all patterns up to here make more than {MAX_PATTERNS} "
                        "instructions: simplify them, or leave entries out"
                    )
