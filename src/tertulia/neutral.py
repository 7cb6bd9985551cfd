"""Markers that people type are made harmless, visibly, and restored in output.

A family whose turns are parted by plain text (` <turn> `, ` EOS `, `[KNOWLEDGE]`, a newline) would
take the same text, typed by a person, for structure. `Neutral.make` puts one BAR into every
stretch that a tokenizer could take for a marker; `Neutral.undo` takes one out again, so that
`undo(make(text)) == text` for every text without lone surrogates.

What counts as the marker is decided on a folded copy of the text: letters in compatibility form
(full-width, superscript, …) stand for the plain ones, case does not matter unless it is said to,
characters that are not seen (zero-width, bidi, control) are not there, and every kind of blank, `▁`
and `Ġ` included, is a blank. SentencePiece's own normaliser (nmt_nfkc) does the same foldings, which
is how `＜turn＞` becomes the marker inside a T5.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

BAR = "¦"
"""U+00A6 broken bar: put into a typed marker after its first character."""

LINE_SIGNS = {
    "\n": "␊",
    "\r": "␍",
    "\v": "␋",
    "\f": "␌",
    "\x1c": "␜",
    "\x1d": "␝",
    "\x1e": "␞",
    "\x85": "␤",
    "\u2028": "⏎",
    "\u2029": "⤶",
}
"""Everything str.splitlines splits at, and the visible sign that stands for it on one line."""

SIGN_LINES = {sign: line for line, sign in LINE_SIGNS.items()}
BLANKS = frozenset("▁Ġ")
UNSEEN = frozenset(("Cc", "Cf", "Mn", "Me", "Co", "Cn"))
SURROGATE = re.compile("[\ud800-\udfff]")
SIGN_OR_LINE = re.compile(f"({BAR}*)([{''.join((*LINE_SIGNS, *SIGN_LINES))}])")
BARRED_SIGN = re.compile(f"({BAR}*)([{''.join(SIGN_LINES)}])")


@dataclass(frozen=True, slots=True)
class Neutral:
    """How one family's markers are made harmless.

    markers   as they stand in the published string, blanks around them left out
    words     markers that are whole words of their own (EOS), in this case only
    one_line  line breaks become signs, for families whose structure is lines
    """

    markers: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    one_line: bool = False

    def make(self, text: str) -> str:
        """The text with its markers made harmless; lone surrogates become U+FFFD."""
        text = SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)
        pattern = compiled(self.markers, self.words)
        if pattern is not None:
            text = barred(text, pattern)
        return signed(text) if self.one_line else text

    def undo(self, text: str) -> str:
        """The text as it was typed."""
        if self.one_line:
            text = unsigned(text)
        pattern = compiled(self.markers, self.words)
        return unbarred(text, pattern) if pattern is not None else text


@lru_cache(maxsize=64)
def compiled(markers: tuple[str, ...], words: tuple[str, ...]) -> re.Pattern[str] | None:
    """One pattern for all markers on folded text; group 1 is the first character, BARs follow."""
    longest_first = sorted(markers, key=len, reverse=True)
    plain = [loosely(fold_marker(marker)) for marker in longest_first]
    whole = [rf"(?<![^\s]){loosely(word, keep_case=True)}(?![^\s])" for word in words]
    choices = "|".join(plain + whole)
    return re.compile(choices) if choices else None


def loosely(marker: str, keep_case: bool = False) -> str:
    """A marker with any number of BARs after its first character, any blank where it has one."""
    parts = [r"\s+" if char == " " else re.escape(char) for char in marker]
    body = parts[0] + f"{BAR}*" + "".join(parts[1:])
    return f"(?:{body})" if keep_case else f"(?i:{body})"


def fold_marker(marker: str) -> str:
    return re.sub(r"\s+", " ", marker.strip())


def folded(text: str) -> tuple[str, list[int]]:
    """The text as a marker is looked for in it, and for each folded character its place in text."""
    if text.isascii() and text.isprintable():
        return text, list(range(len(text)))
    out: list[str] = []
    places: list[int] = []
    for place, char in enumerate(text):
        for plain in fold_char(char):
            out.append(plain)
            places.append(place)
    return "".join(out), places


@lru_cache(maxsize=4096)
def fold_char(char: str) -> str:
    if char.isspace() or char in BLANKS or char in LINE_SIGNS:
        return " "
    if char in BAR or char in SIGN_LINES:
        return char
    if unicodedata.category(char) in UNSEEN:
        return ""
    plain = unicodedata.normalize("NFKC", char)
    return "".join(" " if each.isspace() else each for each in plain)


def barred(text: str, pattern: re.Pattern[str]) -> str:
    pieces = list(text)
    plain, places = folded(text)
    for found in pattern.finditer(plain):
        at = places[found.start()]
        pieces[at] = text[at] + BAR
    return "".join(pieces)


def unbarred(text: str, pattern: re.Pattern[str]) -> str:
    pieces = list(text)
    plain, places = folded(text)
    for found in pattern.finditer(plain):
        second = found.start() + 1
        if plain[second] == BAR:
            pieces[places[second]] = ""
    return "".join(pieces)


def signed(text: str) -> str:
    """Line breaks as signs. BARs before either are doubled, one more marks a sign that was typed."""

    def sign(found: re.Match[str]) -> str:
        bars, char = found[1] * 2, found[2]
        return bars + LINE_SIGNS[char] if char in LINE_SIGNS else bars + BAR + char

    return SIGN_OR_LINE.sub(sign, text)


def unsigned(text: str) -> str:
    def back(found: re.Match[str]) -> str:
        typed, bars = len(found[1]) % 2, found[1][: len(found[1]) // 2]
        return bars + (found[2] if typed else SIGN_LINES[found[2]])

    return BARRED_SIGN.sub(back, text)
