"""Markers that people type are made harmless, visibly, and restored in output.

A family whose turns are parted by plain text (` <turn> `, ` EOS `, `[KNOWLEDGE]`, a newline) would
take the same text, typed by a person, for structure. `Neutral.make` puts one BAR into every
stretch that a tokenizer could take for a marker; `Neutral.undo` takes one out again, so that
`undo(make(text)) == text` for every text without lone surrogates.

The BAR stands after the marker's first letter (`<t¦urn>`), never beside its first sign: T5's
vocabulary has neither `<` nor the BAR, and sentencepiece melts neighbours that it does not know
into one unknown token, so that `<¦turn>` would have the very ids of `<turn>`.

What counts as the marker is decided on a folded copy of the text, letter for letter what
sentencepiece's own normaliser (nmt_nfkc) does before a T5 sees anything: letters in compatibility
form (full-width, superscript, outlined, …) stand for the plain ones; blanks of every kind, `▁`
included, are blanks; characters that are not seen (zero-width, bidi, control, NUL, U+FFFD) and `Ġ`
are nothing to some tokenizers and blanks or unknown to others, so here they are all of it. Case
does not matter unless it is said to.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

BAR = "¦"
"""U+00A6 broken bar: put into a typed marker after its first letter."""

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

NAME_SIGNS = {**LINE_SIGNS, ":": "∶"}
"""The same, and the sign for the colon that would end a name."""

UNSEEN = frozenset(("Cc", "Cf", "Mn", "Me", "Co", "Cn"))
SKIP = "\0"
"""On the folded copy: a character that may be nothing or a blank."""

OUTLINED = {0xA7F1: "S"}
OUTLINED |= {0x1CCD6 + n: chr(ord("A") + n) for n in range(26)}
OUTLINED |= {0x1CCF0 + n: chr(ord("0") + n) for n in range(10)}
"""Compatibility letters of Unicode 16 and 17, which sentencepiece knows and this Python may not."""

LIKE_UNKNOWN = r"(?<=[^A-Za-z0-9\s/.,;:!?'\"()\-=&%$+*#@|>\[\]_])"
"""After a character that a T5 may not know: `{turn>` has the ids of `<turn>`."""

SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Neutral:
    """How one family's markers are made harmless.

    markers   as they stand in the published string, blanks around them left out
    words     markers that are whole words of their own (EOS), in this case only
    one_line  line breaks become signs, for families whose structure is lines
    name      line breaks and colons become signs, for what stands before a colon
    unknown   signs at the head of a marker that the family's vocabulary lacks (T5: "<"); any
              other unknown character then stands for them
    """

    markers: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    one_line: bool = False
    name: bool = False
    unknown: str = ""

    def make(self, text: str) -> str:
        """The text with its markers made harmless; lone surrogates become U+FFFD."""
        text = SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)
        if signs := self.signs:
            text = signed(text, signs)
        # After the signs: a T5 knows none of them, so `␊sep>` has the ids of `<sep>`.
        pattern = compiled(self.markers, self.words, self.unknown)
        return text if pattern is None else barred(text, pattern)

    def undo(self, text: str) -> str:
        """The text as it was typed."""
        pattern = compiled(self.markers, self.words, self.unknown)
        if pattern is not None:
            text = unbarred(text, pattern)
        signs = self.signs
        return unsigned(text, signs) if signs else text

    @property
    def signs(self) -> str:
        """The characters that become signs."""
        if self.name:
            return "".join(NAME_SIGNS)
        return "".join(LINE_SIGNS) if self.one_line else ""


@lru_cache(maxsize=64)
def compiled(
    markers: tuple[str, ...], words: tuple[str, ...], unknown: str
) -> re.Pattern[str] | None:
    """One pattern for all markers on folded text; the group that matched is the first letter."""
    longest_first = sorted(markers, key=len, reverse=True)
    choices = [f"(?i:{loosely(marker)})" for marker in longest_first]
    heads = ((marker, marker.lstrip(unknown)) for marker in longest_first)
    choices += [f"(?i:{LIKE_UNKNOWN}{loosely(rest)})" for marker, rest in heads if rest != marker]
    choices += [rf"(?<![^\s{SKIP}]){loosely(word)}(?![^\s{SKIP}])" for word in words]
    return re.compile("|".join(choices)) if choices else None


def loosely(marker: str) -> str:
    """A marker with BARs after its first letter, unseen characters anywhere, any blanks."""
    marker = re.sub(r"\s+", " ", marker.strip())
    letter = next((n for n, char in enumerate(marker) if char.isalnum()), 0)
    parts: list[str] = []
    for place, char in enumerate(marker):
        after = marker[place + 1 : place + 2]
        if char == " ":
            parts.append(rf"[\s{SKIP}]*")
            continue
        parts.append(f"({re.escape(char)})" if place == letter else re.escape(char))
        # One class for each gap: two that both match the same would make the search quadratic.
        if place == letter:
            parts.append(f"[{BAR}{SKIP}]*")
        elif after not in ("", " "):
            parts.append(f"{SKIP}*")
    return "".join(parts)


def folded(text: str) -> str:
    """The text as a marker is looked for in it."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(fold_char, text))


@lru_cache(maxsize=16384)
def fold_char(char: str) -> str:
    if char in " \t\n\r▁" or unicodedata.category(char) == "Zs":
        return " "
    if ord(char) in OUTLINED:
        return OUTLINED[ord(char)]
    if char in "Ġ\u2028\u2029\N{REPLACEMENT CHARACTER}" or unicodedata.category(char) in UNSEEN:
        return SKIP
    plain = unicodedata.normalize("NFKC", char)
    return "".join(" " if each.isspace() else each for each in plain)


def letters(text: str, pattern: re.Pattern[str]) -> list[int]:
    """Places in the text of the first letters of its markers."""
    plain = folded(text)
    found = [match.start(match.lastindex or 0) for match in pattern.finditer(plain)]
    if not found or plain is text:
        return found
    places = [place for place, char in enumerate(text) for _ in fold_char(char)]
    return [places[at] for at in found]


def barred(text: str, pattern: re.Pattern[str]) -> str:
    at = 0
    pieces: list[str] = []
    for letter in letters(text, pattern):
        pieces += text[at : letter + 1], BAR
        at = letter + 1
    return "".join([*pieces, text[at:]])


def unbarred(text: str, pattern: re.Pattern[str]) -> str:
    at = 0
    pieces: list[str] = []
    for letter in letters(text, pattern):
        if text[letter + 1 : letter + 2] == BAR:
            pieces.append(text[at : letter + 1])
            at = letter + 2
    return "".join([*pieces, text[at:]])


def signed(text: str, lines: str) -> str:
    """Line breaks as signs. BARs before either are doubled, one more marks a typed sign."""

    def sign(found: re.Match[str]) -> str:
        bars, char = found[1] * 2, found[2]
        return bars + NAME_SIGNS[char] if char in lines else bars + BAR + char

    return sign_patterns(lines)[0].sub(sign, text)


def unsigned(text: str, lines: str) -> str:
    back = {NAME_SIGNS[line]: line for line in lines}

    def line(found: re.Match[str]) -> str:
        typed, bars = len(found[1]) % 2, found[1][: len(found[1]) // 2]
        return bars + (found[2] if typed else back[found[2]])

    return sign_patterns(lines)[1].sub(line, text)


@lru_cache(maxsize=4)
def sign_patterns(lines: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """BARs, then a line break or a sign; BARs, then a sign."""
    signs = "".join(NAME_SIGNS[line] for line in lines)
    # Only whole runs of BARs: started at each of them, the search would be quadratic.
    bars = f"(?<!{BAR})({BAR}*)"
    return re.compile(f"{bars}([{lines}{signs}])"), re.compile(f"{bars}([{signs}])")
