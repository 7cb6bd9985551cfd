"""What may reach a terminal: text of people and models made safe, and colour where it is wanted."""

import os
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

JOINERS = frozenset("\u200c\u200d")
"""Needed to write Persian, Indic scripts and many emoji; they cannot reorder or hide text."""

UNSEEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))

STYLES = {
    "bold": "1",
    "dim": "2",
    "italic": "3",
    "reverse": "7",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}


def safe(text: str) -> str:
    """The text with everything a terminal could obey written out: escape, control, bidi, …

    Line breaks stay, tabs become four blanks; any other control or invisible format character and
    lone surrogates are shown as in Python source, such as \\x1b.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(safe_char, text))


def safe_char(char: str) -> str:
    if char == "\n" or char in JOINERS:
        return char
    if char == "\t":
        return "    "
    if unicodedata.category(char) in UNSEEN:
        return char.encode("unicode_escape").decode("ascii")
    return char


def one_line(text: str) -> str:
    """Safe text on one line: line breaks are shown as \\n."""
    return safe(text).replace("\n", "\\n")


def hanging(text: str, indent: str = "  ") -> str:
    """Safe text whose further lines are indented, so that none of them can pass for a new turn."""
    return safe(text).replace("\n", f"\n{indent}")


@dataclass(frozen=True, slots=True)
class Paint:
    """Styles as ANSI codes, or nothing at all where colour is not wanted."""

    colour: bool = False

    def __call__(self, text: str, *styles: str) -> str:
        if not self.colour or not text or not styles:
            return text
        return f"\x1b[{';'.join(STYLES[style] for style in styles)}m{text}\x1b[0m"


def paint(stream: TextIO | None = None) -> Paint:
    """Colour on a terminal that has it, unless NO_COLOR is set (https://no-color.org)."""
    stream = stream or sys.stdout
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM", "") not in ("", "dumb")
    return Paint(wanted and stream.isatty())


def cells(text: str) -> int:
    """How many columns a terminal gives a text: two for a Korean syllable, none for an accent."""
    if text.isascii():
        return len(text)
    from prompt_toolkit.utils import get_cwidth  # takes longer to import than most verbs to run

    return get_cwidth(text)


def padded(text: str, width: int) -> str:
    """The text with blanks behind it, up to so many columns."""
    return text + " " * (width - cells(text))


def rows(table: Sequence[Sequence[str]], gap: str = "  ") -> str:
    """Columns as wide as their widest cell; the last one runs free."""
    widths = [max(map(cells, column)) for column in zip(*table, strict=True)]
    lines = (gap.join(map(padded, row, widths)).rstrip() for row in table)
    return "\n".join(lines)
