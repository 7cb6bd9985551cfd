"""Raw pieces of a reply as text that will not change, so that a stream equals the whole.

A format parses a whole completion: it takes out marks, blanks at the ends and thinking, and
restores what was made harmless. While a completion grows, only the part of its parse is given out
that no further piece can change: all before a blank at the end, before a sign with which a mark may
begin, and before anything that is to be restored.
"""

import re
from dataclasses import dataclass

from tertulia.formats import Format, Parsed
from tertulia.neutral import BAR, NAME_SIGNS
from tertulia.prompt import Prompt

THINK = "<think>"
LONGEST_MARK = 64
"""A sign that stands further back than this has not begun a mark."""

RESTORED = re.compile(f"[{BAR}{''.join(NAME_SIGNS.values())}]")
OPENING = re.compile(r"[<\[#|(\n\r]")
SLACK = 64
"""A reply is parsed anew when it has grown by a 64th: not at every token of a long one."""


@dataclass(frozen=True, slots=True)
class Delta:
    """What is new: thinking, and what is said."""

    thought: str = ""
    said: str = ""

    def __bool__(self) -> bool:
        return bool(self.thought or self.said)


def heard(format: Format, prompt: Prompt, completion: str) -> Parsed:
    """What a completion says to its prompt.

    Some templates open the thinking themselves: then it is thinking until it is closed.
    """
    return format.parse(opened(format, prompt) + completion)


def opened(format: Format, prompt: Prompt) -> str:
    """The mark that a prompt ends with, and with which the reply therefore begins."""
    ends = prompt.text.rstrip().endswith(THINK)
    thinks = ends and format.parse(f"{THINK}x</think>y").plan.explanation == "x"
    return THINK if thinks else ""


class Growing:
    """One candidate while it is made."""

    def __init__(self, format: Format, prompt: Prompt) -> None:
        self.format = format
        self.raw = opened(format, prompt)
        self.thought = self.said = ""
        self.parsed_at = 0

    def add(self, piece: str) -> Delta:
        """What a piece makes certain."""
        self.raw += piece
        if len(self.raw) - self.parsed_at < len(self.raw) // SLACK:
            return Delta()
        self.parsed_at = len(self.raw)
        parsed = self.format.parse(self.raw)
        if not parsed.text and not parsed.plan.explanation:
            return Delta()
        # While something is said the thinking is over.
        over = bool(parsed.text)
        thought = parsed.plan.explanation if over else settled(parsed.plan.explanation)
        return self.given(thought, settled(parsed.text))

    def end(self, parsed: Parsed) -> Delta:
        """What is left when the whole is known."""
        return self.given(parsed.plan.explanation, parsed.text)

    def given(self, thought: str, said: str) -> Delta:
        """The news in these two, where they go on from what was given."""
        delta = Delta(news(self.thought, thought), news(self.said, said))
        self.thought += delta.thought
        self.said += delta.said
        return delta


def news(old: str, new: str) -> str:
    return new[len(old) :] if new.startswith(old) else ""


def settled(text: str) -> str:
    """The part of a text that further text cannot change."""
    if found := RESTORED.search(text):
        text = text[: found.start()]
    if found := OPENING.search(text, max(len(text) - LONGEST_MARK, 0)):
        text = text[: found.start()]
    return text.rstrip()
