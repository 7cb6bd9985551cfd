"""Lore: passages that join the knowledge of a reply when they are spoken of.

`fired` says which entries of a lorebook fire for a talk, and why; `informed` puts their passages
behind the scene's own knowledge; `traced` gives the spans of a prompt the paths they came from. All
are pure: the same talk and seed give the same passages. Matching, as in the cards' specification,
is "is the key in what was said"; regular expressions are RE2's, whose time grows with the text and
the pattern alone, and never Python's, which a stranger's pattern can keep busy for ever.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tertulia.conversation import Conversation, Fired, LoreEntry, Turn
from tertulia.errors import ConfigError
from tertulia.prompt import Prompt, Span

if TYPE_CHECKING:
    import re2

LOOKED_AT = 100_000
"""Keys are looked for in so many of the latest characters, and in so many of fired passages."""

MAX_PATTERN = 2_000
"""The most characters of one regular expression, and the most instructions RE2 may make of it."""

MAX_PATTERNS = 5_000
"""The most instructions of all regular expressions of a lorebook. At the very worst they take some
thirty milliseconds for 1,000 characters; common ones a few microseconds."""

TRIAL_MEMORY, MEMORY = 1 << 17, 1 << 20
"""Bytes that RE2 may use for a pattern: enough for 5,000 instructions; and to match at speed."""

Count = Callable[[str], int]
"""Tokens in a text, by the tokenizer of the model that replies."""


def fired(
    lore: Sequence[LoreEntry], turns: Sequence[Turn], seed: int | None, count: Count = len
) -> tuple[Fired, ...]:
    """The entries that fire, in the order in which they are told.

    seed   of the draws for entries with a probability; None is 0. A draw depends on it, the number
           of turns and the entry's place, and on nothing else
    count  how budgets are counted; characters where nothing else is given

    An entry fires once. An entry over its budget is among them with `told` False. Raises
    ConfigError for a regular expression that RE2 does not read (see check).
    """
    search = Search(lore, turns, seed)
    found = search.first() | search.passed_on()
    ordered = sorted(found.values(), key=lambda each: (lore[each.entry].order, each.entry))
    over = over_budget(lore, ordered, count)
    return tuple(replace(each, told=each.entry not in over) for each in ordered)


def over_budget(lore: Sequence[LoreEntry], found: Sequence[Fired], count: Count) -> set[int]:
    """The entries that their budgets leave out: the lowest priority first, then the latest."""
    if not any(lore[each.entry].budget for each in found):
        return set()
    out: set[int] = set()
    total = 0
    for place in sorted((each.entry for each in found), key=lambda n: (-lore[n].priority, n)):
        size = count(lore[place].content)
        if lore[place].budget and total + size > lore[place].budget:
            out.add(place)
        else:
            total += size
    return out


@dataclass
class Search:
    """One look through a lorebook.

    found    what has fired so far, by its place
    settled  places that have been drawn for, whether they fired or not
    looked   the turns as one text, by how many of them there are
    """

    lore: Sequence[LoreEntry]
    turns: Sequence[Turn]
    seed: int | None
    found: dict[int, Fired] = field(default_factory=dict)
    settled: set[int] = field(default_factory=set)
    looked: dict[int, "Looked"] = field(default_factory=dict)

    def first(self) -> dict[int, Fired]:
        """What fires by itself or because of the turns."""
        for place, entry in self.open():
            if entry.constant:
                self.fire(Fired(entry=place, by="constant"))
            elif (key := self.key(entry, self.said(entry), self.said(entry))) is not None:
                self.fire(Fired(entry=place, by="turn", key=key))
        return self.found

    def passed_on(self) -> dict[int, Fired]:
        """What fires because of passages that have fired, until nothing more does."""
        left, fresh = LOOKED_AT, list(self.found)
        told = ""
        while fresh and left > 0:
            passages = (self.lore[n] for n in fresh if self.lore[n].fires_others)
            new = "\n".join(f"{each.content}\n{each.hidden}" for each in passages)[:left]
            left, told, before = left - len(new), f"{told}\n{new}", len(self.found)
            if new:
                self.from_passages(Looked(new), Looked(told))
            fresh = list(self.found)[before:]
        return self.found

    def from_passages(self, new: "Looked", told: "Looked") -> None:
        for place, entry in self.open():
            if not entry.recursive or entry.constant:
                continue
            around = Looked(f"{self.said(entry).text}\n{told.text}") if entry.selective else told
            if (key := self.key(entry, new, around)) is not None:
                self.fire(Fired(entry=place, by="passage", key=key))

    def open(self) -> Iterator[tuple[int, LoreEntry]]:
        for place, entry in enumerate(self.lore):
            if entry.enabled and entry.content and place not in self.settled:
                yield place, entry

    def fire(self, found: Fired) -> None:
        """The entry fires, unless its probability is against it; that is drawn once."""
        place = found.entry
        self.settled.add(place)
        chance = random.Random(f"{self.seed or 0} {len(self.turns)} {place}")
        if chance.random() < self.lore[place].probability:
            self.found[place] = found

    def said(self, entry: LoreEntry) -> "Looked":
        """The latest turns, as far back as the entry looks."""
        depth = min(entry.scan_depth or len(self.turns), len(self.turns))
        if depth not in self.looked:
            turns = self.turns[len(self.turns) - depth :]
            lines = (f"{turn.text}\n{turn.image}" if turn.image else turn.text for turn in turns)
            self.looked[depth] = Looked("\n".join(lines)[-LOOKED_AT:])
        return self.looked[depth]

    def key(self, entry: LoreEntry, where: "Looked", around: "Looked") -> str | None:
        """The first of its keys that is there, when its secondary keys agree; None for none."""
        key = next((key for key in entry.keys if where.holds(key, entry)), None)
        if key is None or not entry.selective or not entry.secondary_keys:
            return key
        seen = [around.holds(each, entry) for each in entry.secondary_keys]
        agreed = {"any": any(seen), "all": all(seen)}
        agreed |= {"not_any": not any(seen), "not_all": not all(seen)}
        return key if agreed[entry.logic] else None


class Looked:
    """A text that keys are looked for in, with its forms made once."""

    def __init__(self, text: str) -> None:
        # RE2 reads UTF-8, which has no lone surrogates.
        self.text = text.encode("utf-8", "replace").decode("utf-8")
        self.folded = self.text.casefold()

    def holds(self, key: str, entry: LoreEntry) -> bool:
        """Whether the key, as this entry reads keys, is in the text; an empty one never is."""
        if not key:
            return False
        if entry.regex:
            return compiled(key, entry.case_sensitive).search(self.text) is not None
        text = self.text if entry.case_sensitive else self.folded
        key = key if entry.case_sensitive else key.casefold()
        return any(not entry.whole_words or alone(text, at, key) for at in places(text, key))


def places(text: str, key: str) -> Iterator[int]:
    at = text.find(key)
    while at >= 0:
        yield at
        at = text.find(key, at + len(key))


def alone(text: str, at: int, key: str) -> bool:
    """Whether no letter or digit stands beside this stretch."""
    before, after = text[max(at - 1, 0) : at], text[at + len(key) : at + len(key) + 1]
    return not before.isalnum() and not after.isalnum()


@lru_cache(maxsize=64)
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
        for name in ("keys", "secondary_keys") if entry.regex else ():
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


def informed(conversation: Conversation, seed: int | None, count: Count = len) -> Conversation:
    """The conversation whose knowledge ends with the passages that fire; itself without lore."""
    direction = conversation.direction
    if not direction.lore or conversation.fired is not None:
        return conversation
    found = fired(direction.lore, conversation.turns, seed, count)
    passages = tuple(direction.lore[each.entry].content for each in found if each.told)
    knowing = replace(direction, knowledge=(*direction.knowledge, *passages))
    return replace(conversation, direction=knowing, fired=found)


def chancy(lore: Iterable[LoreEntry]) -> bool:
    """Whether some entry is left to chance, so that a reply needs a seed to be made again."""
    return any(each.enabled and 0 < each.probability < 1 for each in lore)


def traced(prompt: Prompt, conversation: Conversation) -> Prompt:
    """The prompt of an informed conversation, its passages told by their paths, "lore.3.content".

    A family that takes no knowledge reports "lore", and "knowledge" only where the scene has some.
    """
    told = [each.entry for each in conversation.fired or () if each.told]
    if not told:
        return prompt
    own = len(conversation.direction.knowledge) - len(told)
    paths = {f"knowledge.{own + n}": f"lore.{place}.content" for n, place in enumerate(told)}

    def renamed(span: Span) -> Span:
        return replace(span, field=paths[span.field]) if span.field in paths else span

    unsupported = (each for each in prompt.unsupported if own or each != "knowledge")
    return replace(prompt, spans=tuple(map(renamed, prompt.spans)), unsupported=tuple(unsupported))
