"""Keys that clients show: each with a name, which is all that a log ever holds of it."""

import hashlib
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from tertulia.config import shown
from tertulia.errors import ConfigError

NAME = re.compile(r"[\w.@-]{1,64}", re.ASCII)
LARGEST_FILE = 1 << 20


@dataclass(frozen=True, slots=True)
class Key:
    """A key by its digest (SHA-256): the key itself is kept nowhere."""

    name: str
    digest: bytes = field(repr=False)


def named(name: str, text: str) -> Key:
    """A key; raises ConfigError, which does not repeat it, for one that no header can hold."""
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigError(
            f"the key {name} must be letters, digits and signs of ASCII, without blanks"
        )
    return Key(name, digest(text))


def of_file(path: Path) -> tuple[Key, ...]:
    """The keys of a file: `NAME KEY` on each line; # begins a line that is none.

    Raises ConfigError for a file that others can read, a line that is no key, a name or a key that
    stands twice, and a file without any.
    """
    try:
        about = path.stat()
        if os.name == "posix" and about.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigError(f"{path} can be read by others: chmod 600 {path}")
        if about.st_size > LARGEST_FILE:
            raise ConfigError(f"{path} is over {LARGEST_FILE >> 20} MB, no key file is")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the key file {path} cannot be read: check the path") from error
    found: dict[str, Key] = {}
    digests: set[bytes] = set()
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.startswith("#"):
            each = of_line(line, f"{path}:{number}")
            if each.name in found or each.digest in digests:
                raise ConfigError(f"{path}:{number}: the name or the key stands above already")
            found[each.name] = each
            digests.add(each.digest)
    if not found:
        raise ConfigError(f"{path} holds no key: write NAME KEY on a line")
    return tuple(found.values())


def of_line(line: str, where: str) -> Key:
    words = line.split()
    if len(words) != 2:
        raise ConfigError(f"{where}: must be NAME KEY, two words")
    name, text = words
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"{where}: the name is {shown(name)}, must be up to 64 of A-Z 0-9 . @ - _"
        )
    return named(name, text)


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
