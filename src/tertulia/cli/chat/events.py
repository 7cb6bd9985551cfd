"""What happens in a talk, for a screen to show: a closed set of small values."""

from dataclasses import dataclass

from tertulia.agent import Reply
from tertulia.conversation import Plan


@dataclass(frozen=True, slots=True)
class Opening:
    """A reply is being made."""

    speaker: str


@dataclass(frozen=True, slots=True)
class Thought:
    """The plan that a planner made for the reply; what the person pinned is not told again."""

    speaker: str
    plan: Plan


@dataclass(frozen=True, slots=True)
class Word:
    """A bit of the reply, as it is made; raw, so the reply may differ from the sum of them."""

    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """The reply, whole, and kept in the store."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Compared:
    """The last reply and what it would have been under one other direction."""

    change: str
    first: Reply
    second: Reply


@dataclass(frozen=True, slots=True)
class Note:
    """The answer to a command, on one line or several."""

    text: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A prompt as the model saw it: (text, whether it is one control token) in order."""

    spans: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """What could not be done, and its cure."""

    text: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """What was being made was cut off by Ctrl-C; its words so far stay beside the talk.

    unanswered  the person's line still waits for its reply
    """

    unanswered: bool


Event = Opening | Thought | Word | Said | Compared | Note | Shown | Refused | Stopped
