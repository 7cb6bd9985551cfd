"""Drops candidates that say again what was said: Meena's rule against cross-turn repetition.

Source: arXiv:2001.09977, section 4 (candidates that share a long common sequence with an earlier
turn are removed before the likeliest is taken). The paper gives no lengths; those here are ours.

Words are compared without case and punctuation; a Chinese or Japanese character is a word.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tertulia.conversation import Conversation
from tertulia.engines import Engine
from tertulia.formats import Format
from tertulia.rankers import DROPPED, Candidate

WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")
PIECES = re.compile(r"(.{1,4}?)\1+")
Words = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What counts as a repetition; 0 switches a rule off. The first rule is always on.

                 the words of any earlier turn, whoever said it
    shared_run   so many words in a row that are in an earlier turn of the agent's own
    overlap      this share, in (0, 1], of its runs of three words are in one such turn
    inner_run    so many words in a row twice in the reply itself
    stutter      the same word so many times in a row
    letters      a word with so many in a row that are one piece of up to four again and again
    """

    shared_run: int = 6
    overlap: float = 0.6
    inner_run: int = 4
    stutter: int = 4
    letters: int = 12

    def __post_init__(self) -> None:
        for name in ("shared_run", "inner_run", "stutter", "letters"):
            value = getattr(self, name)
            if value < 0 or value == 1:
                raise ValueError(f"{name} is {value}: use 0 to switch it off, or at least 2")
        if not 0 <= self.overlap <= 1:
            raise ValueError(f"overlap is {self.overlap}, must be in [0, 1]; 0 switches it off")


@dataclass(frozen=True, slots=True)
class NoRepeat:
    settings: Settings
    name: str = "no_repeat"

    def score(self, conversation: Conversation, candidates: Sequence[Candidate]) -> list[float]:
        """0 for a candidate that is new, DROPPED for one that repeats."""
        told = [(turn.speaker, words(turn.text)) for turn in conversation.turns]
        said = {each for _, each in told if each}
        own = [each for speaker, each in told if speaker == conversation.agent]
        return [DROPPED if self.repeats(words(c.text), said, own) else 0.0 for c in candidates]

    def repeats(self, reply: Words, said: set[Words], own: Sequence[Words]) -> bool:
        return reply in said or self.repeats_itself(reply) or self.repeats_own(reply, own)

    def repeats_own(self, reply: Words, own: Sequence[Words]) -> bool:
        """A long run, or most of its short ones, from one earlier turn of the agent."""
        long, short = self.settings.shared_run, set(runs(reply, 3))
        for turn in own:
            if long and set(runs(reply, long)) & set(runs(turn, long)):
                return True
            shared = len(short & set(runs(turn, 3)))
            if self.settings.overlap and shared and shared >= self.settings.overlap * len(short):
                return True
        return False

    def repeats_itself(self, reply: Words) -> bool:
        letters = self.settings.letters
        if letters and any(smeared(word) >= letters for word in reply):
            return True
        inner = list(runs(reply, self.settings.inner_run)) if self.settings.inner_run else []
        if len(set(inner)) < len(inner):
            return True
        times = 1
        for before, word in pairwise(reply):
            times = times + 1 if before == word else 1
            if times == self.settings.stutter:
                return True
        return False


def words(text: str) -> Words:
    return tuple(WORD.findall(text.casefold()))


def smeared(word: str) -> int:
    """How many letters of a word are one piece of up to four again and again, at the most."""
    return max((len(found[0]) for found in PIECES.finditer(word)), default=0)


def runs(reply: Words, length: int) -> Iterable[Words]:
    """Every run of so many words."""
    return (reply[n : n + length] for n in range(len(reply) - length + 1))


def load(settings: Settings, format: Format, engine: Engine) -> NoRepeat:
    return NoRepeat(settings)
