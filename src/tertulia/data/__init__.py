"""Data sets, one reader per file: a path in, an iterator of dialogues out.

A dialogue is a whole Conversation with a note on each turn: what the set knows about how that turn
came to be (its plan, the passages it drew on, the act an annotator gave it).
"""

import hashlib
from dataclasses import dataclass

from tertulia.conversation import Conversation, Plan

UNPLANNED = Plan()


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What a data set says about one turn; every field may be empty.

    knowledge  the passages this turn drew on
    acts       the annotator's labels, in the set's own spelling
    """

    plan: Plan = UNPLANNED
    knowledge: tuple[str, ...] = ()
    acts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """One talk of a data set.

    source        the set's name, as in its file name
    topic         what it is about, in the set's own words; empty where it does not say
    conversation  all its turns; the direction holds what the set gives for the whole talk
    notes         one per turn
    """

    id: str
    source: str
    topic: str = ""
    conversation: Conversation
    notes: tuple[Note, ...]


def held_out(identity: str, percent: int = 2) -> bool:
    """Whether the dialogue of this id is kept from training: the same answer everywhere, always."""
    return int.from_bytes(hashlib.sha256(identity.encode()).digest()[:4]) % 100 < percent
