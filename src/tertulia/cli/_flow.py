"""Words broken into the lines of a terminal, whole or as they come."""

import itertools
import re
import shutil
import sys
from typing import TextIO

from tertulia.cli._terminal import cells, padded

PIECE = re.compile(r"\n| +|[\u3040-\u30ff\u3400-\u9fff]|[^\n \u3040-\u30ff\u3400-\u9fff]+")
"""A line break, blanks, a Chinese or Japanese character, or a word."""

NUMBER = re.compile(r" *(?:\d+\. +)?")
BELOW = "    "
ROOM = 24
"""Columns that the last one of a table is content with, on a terminal of twice as many or more."""

LAST_COLUMN = re.compile(r".*\S {2,}(?=\S)")


class Flow:
    """A text that comes in pieces; a word is held back until it is known to be whole.

    columns  of the terminal; 0 breaks nothing
    used     of them on the first line
    indent   stands before every further line
    """

    def __init__(self, columns: int, used: int = 0, indent: str = "") -> None:
        self.columns, self.used, self.indent = columns, used, indent
        self.blanks = self.held = ""

    def feed(self, text: str) -> str:
        """So much of the text as can be written now."""
        if not self.columns:
            return text.replace("\n", f"\n{self.indent}")
        pieces = PIECE.findall(self.held + text)
        self.held = pieces.pop() if pieces and pieces[-1].strip() else ""
        return "".join(map(self.placed, pieces))

    def rest(self) -> str:
        """What was held back: nothing more comes."""
        word, self.held = self.held, ""
        return self.placed(word)

    def placed(self, piece: str) -> str:
        if piece == "\n":
            return self.next_line()
        if not piece.strip():
            self.blanks += piece
            return ""
        before = self.blanks
        wanted = len(before) + cells(piece)
        if self.used + wanted > self.columns and self.used > len(self.indent):
            before = self.next_line()
        self.blanks = ""
        self.used += len(before) if "\n" not in before else 0
        return before + self.cut(piece)

    def next_line(self) -> str:
        self.blanks, self.used = "", len(self.indent)
        return f"\n{self.indent}"

    def cut(self, word: str) -> str:
        """The word; one that is longer than a line goes over several."""
        if self.used + cells(word) <= self.columns:
            self.used += cells(word)
            return word
        said = ""
        for char in word:
            if self.used + cells(char) > self.columns and self.used > len(self.indent):
                said += self.next_line()
            said += char
            self.used += cells(char)
        return said


def flowed(text: str, columns: int, used: int = 0, indent: str = "") -> str:
    """A text that is there as a whole."""
    flow = Flow(columns, used, indent)
    return flow.feed(text) + flow.rest()


def folded(text: str, width: int) -> list[str]:
    """Lines of at most so many columns, broken at blanks where there are any."""
    return flowed(text, width).split("\n")


def fitted(text: str, columns: int) -> str:
    """Lines of a list or a table: what does not fit goes on below where its last column begins,
    and where that leaves it little room, the last column stands below the others."""
    if not columns:
        return text
    return "\n".join(row for line in text.split("\n") for row in fitted_line(line, columns))


def fitted_line(line: str, columns: int) -> list[str]:
    found = LAST_COLUMN.match(line)
    if not found or cells(line) <= columns:
        return [flowed(line, columns, indent=" " * hang(line, columns))]
    begin = cells(found[0])
    if begin <= max(columns // 2, columns - ROOM):
        return [flowed(line, columns, indent=" " * begin)]
    last = flowed(line[found.end() :], columns, len(BELOW), BELOW)
    return [*fitted_line(found[0].rstrip(), columns), f"{BELOW}{last}"]


def hang(line: str, columns: int) -> int:
    """Where the further lines of a line without columns begin."""
    begin = NUMBER.match(line)
    number = begin[0] if begin and begin[0].strip() else ""
    return min(len(number) or len(line) - len(line.lstrip()) + 2, columns // 2)


def width(stream: TextIO | None = None) -> int:
    """The columns of the terminal that the stream is; 0 for what is no terminal."""
    return shutil.get_terminal_size().columns if (stream or sys.stdout).isatty() else 0


def beside(left: str, right: str, columns: int) -> list[str]:
    """Two texts as rows of two columns of equal width."""
    half = (columns - 3) // 2
    pair = (folded(left, half), folded(right, half))
    return [f"{padded(a, half)} | {b}" for a, b in itertools.zip_longest(*pair, fillvalue="")]
