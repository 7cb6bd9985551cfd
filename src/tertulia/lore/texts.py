"""In which of some texts a key stands: turns, or passages, all looked through at once."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tertulia.conversation import LoreEntry
from tertulia.lore.patterns import compiled

BETWEEN = "\0"
ANCHORS = ("^", "$", r"\A", r"\z")
"""A pattern without these that is not in all texts together is in none of them."""

PIECE = 4
WORD = re.compile(r"\w+")

Key = tuple[str, bool, bool, bool]


def read_as(key: str, entry: LoreEntry) -> Key:
    """A key and how this entry reads it."""
    return (key, entry.regex, entry.case_sensitive, entry.whole_words)


class Texts:
    """Some texts that keys are looked for in; what was found is kept."""

    def __init__(self, texts: Sequence[str]) -> None:
        # RE2 reads UTF-8, which has no lone surrogates.
        self.texts = [each.encode("utf-8", "replace").decode("utf-8") for each in texts]
        self.forms: dict[bool, Joined] = {}
        self.found: dict[Key, tuple[int, ...]] = {}

    def having(self, key: str, entry: LoreEntry) -> tuple[int, ...]:
        """The texts in which the key, as this entry reads keys, stands; an empty one in none."""
        if not key:
            return ()
        known = read_as(key, entry)
        if known not in self.found:
            if entry.regex:
                self.found[known] = self.matching(key, entry.case_sensitive)
            elif entry.case_sensitive:
                self.found[known] = self.form(True).having(key, entry.whole_words)
            else:
                self.found[known] = self.form(False).having(key.casefold(), entry.whole_words)
        return self.found[known]

    def form(self, case_sensitive: bool) -> "Joined":
        """The texts as they are, or with all capitals made small; each made once."""
        if case_sensitive not in self.forms:
            texts = self.texts if case_sensitive else [each.casefold() for each in self.texts]
            self.forms[case_sensitive] = Joined(texts)
        return self.forms[case_sensitive]

    def pieces(self) -> set[str]:
        """All stretches of four letters in their words, small."""
        words = BETWEEN.join(set(WORD.findall(self.form(False).text)))
        return {words[n : n + PIECE] for n in range(len(words))}

    def matching(self, pattern: str, case_sensitive: bool) -> tuple[int, ...]:
        search = compiled(pattern, case_sensitive).search
        if not any(each in pattern for each in ANCHORS) and not search(self.form(True).text):
            return ()
        return tuple(n for n, text in enumerate(self.texts) if search(text))


@dataclass(slots=True)
class Joined:
    """Texts as one. `starts` has where each begins, and the end of all."""

    texts: Sequence[str]
    text: str = ""
    starts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.text = BETWEEN.join(self.texts)
        at = 0
        for each in self.texts:
            self.starts.append(at)
            at += len(each) + 1
        self.starts.append(at)

    def having(self, key: str, whole_words: bool) -> tuple[int, ...]:
        """The texts in which the key stands; with whole_words, with no letter or digit beside."""
        found: list[int] = []
        at = self.text.find(key)
        while at >= 0:
            number = bisect_right(self.starts, at) - 1
            after = self.starts[number + 1]
            inside = at + len(key) < after
            if inside and whole_words and not alone(self.text, at, key):
                at = self.text.find(key, at + len(key))
                continue
            if inside:
                found.append(number)
            at = self.text.find(key, after)
        return tuple(found)


def alone(text: str, at: int, key: str) -> bool:
    """Whether no letter or digit stands beside this stretch."""
    before, after = text[max(at - 1, 0) : at], text[at + len(key) : at + len(key) + 1]
    return not before.isalnum() and not after.isalnum()


class Wanted:
    """The keys of many entries, by stretches of four letters of theirs.

    Only a key whose stretches stand in a text is looked for in it: most of a large lorebook's stand
    nowhere, and to find that out for each of them would take ten times as long.
    """

    def __init__(self, entries: Iterable[tuple[int, LoreEntry]]) -> None:
        self.always: list[tuple[int, int]] = []
        self.pieces: dict[str, list[tuple[str, int, int]]] = {}
        for place, entry in entries:
            for n, key in enumerate(entry.keys):
                word = "" if entry.regex else longest(key.casefold())
                if len(word) < PIECE:
                    self.always.append((place, n))
                else:
                    begin, end = word[:PIECE], word[-PIECE:]
                    self.pieces.setdefault(begin, []).append((end, place, n))

    def possible(self, texts: Texts) -> dict[int, list[int]]:
        """Place -> the numbers of its keys that may stand in the texts, in their order."""
        there = texts.pieces()
        found: dict[int, list[int]] = {}
        for place, n in self.always:
            found.setdefault(place, []).append(n)
        for begin in self.pieces.keys() & there:
            for end, place, n in self.pieces[begin]:
                if end in there:
                    found.setdefault(place, []).append(n)
        return {place: sorted(found[place]) for place in sorted(found)}


def longest(key: str) -> str:
    """The longest word of a key; wherever the key stands, it stands inside one word."""
    return key if key.isalnum() else max(WORD.findall(key), key=len, default="")
