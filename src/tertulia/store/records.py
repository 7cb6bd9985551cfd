"""What the store gives out, and how it is written in columns: JSON in ASCII, nothing lost."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, NewType

from tertulia import scene
from tertulia.conversation import Conversation, Plan, Turn

TalkId = NewType("TalkId", str)
TurnId = NewType("TurnId", int)
DraftId = NewType("DraftId", int)

AGENT_FILE = "agent_file"
"""The key of a reply under which the text of the agent file stands; the store keeps each once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTurn:
    """One turn of the tree.

    parent       the turn it answers; None for a first turn
    created      UTC
    scene        the talk when it was said, without its turns: names, direction and plan
    reply        how the agent came to say it, as given to `keep`; None for what people say
    edited_from  the turn that this one is another wording of
    rating       -1, 0 or 1 as people rated it last; None for no rating
    note         what they wrote with it
    hidden       it was taken out of sight, and with it what comes after it
    status       "whole", "stopped" by somebody or "interrupted" by a crash
    """

    id: TurnId
    talk: TalkId
    parent: TurnId | None
    created: datetime
    turn: Turn
    scene: Conversation
    reply: Mapping[str, Any] | None
    edited_from: TurnId | None = None
    rating: int | None = None
    note: str = ""
    hidden: bool = False
    status: str = "whole"


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkSummary:
    """One line of a list of talks.

    version           counts the changes of its active path and its direction
    created, changed  UTC
    agent, user       the names of the two sides
    agent_name        the agent that plays, as `tertulia serve` names it; empty when not told
    turns             on the active path
    last              what was said last on it; empty for no turn
    """

    id: TalkId
    version: int
    created: datetime
    changed: datetime
    title: str
    agent_name: str
    agent: str
    user: str
    situation: str
    turns: int
    last: str
    hidden: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeTalk:
    """All that is kept of one talk, to be taken elsewhere.

    created, changed  UTC
    agent             the text of the agent file
    scene             names, direction and plan it began with; no turns
    header            names, direction and plan it has now; no turns
    turns             on every branch, hidden ones too, each after the turn it answers
    active            the turn that ends the active path; None for none
    """

    id: TalkId
    created: datetime
    changed: datetime
    title: str = ""
    agent_name: str = ""
    agent: str = ""
    scene: Conversation
    header: Conversation
    turns: tuple[StoredTurn, ...]
    active: TurnId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedScene:
    """A scene put up to be played, with the turns it has."""

    id: str
    title: str
    conversation: Conversation


def packed(value: object) -> str:
    """A value as ASCII JSON.

    Dataclasses become objects and tuples lists. A number that is not finite, such as the score of
    a dropped candidate, becomes null.
    """
    return json.dumps(plain(value), ensure_ascii=True, allow_nan=False)


def plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def unpacked(text: str) -> Any:  # noqa: ANN401 - any JSON value
    return json.loads(text)


def worded(text: str) -> str:
    """A string from its JSON; most have nothing to be unescaped, and a long talk has many."""
    return text[1:-1] if "\\" not in text else str(json.loads(text))


def header(conversation: Conversation) -> tuple[str, str]:
    """(hash, JSON) of a conversation without its turns."""
    table = scene.table(replace(conversation, turns=()))
    del table["turns"]
    text = packed(table)
    return hashed(text), text


def hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@lru_cache(maxsize=64)
def talk_without_turns(text: str, where: str) -> Conversation:
    """The conversation of a header."""
    table = unpacked(text)
    # Read apart: in a long talk the plan is another one every turn, the rest seldom is.
    plan = table.pop("plan", {})
    return undirected(json.dumps(table), where).planned(Plan(**plan))


@lru_cache(maxsize=64)
def undirected(text: str, where: str) -> Conversation:
    return scene.from_table(unpacked(text), where)


def parted(reply: object) -> tuple[str | None, str | None, str]:
    """(reply without its agent file, agent file, status) as they stand in columns."""
    if reply is None:
        return None, None, "whole"
    table = plain(reply)
    if not isinstance(table, dict):
        return packed(table), None, "whole"
    status = table.get("status", "whole")
    file = table.pop(AGENT_FILE, None)
    return packed(table), None if file is None else packed(file), str(status)


def joined(reply: str | None, file: str | None) -> Mapping[str, Any] | None:
    """A reply as it was given, from its columns."""
    if reply is None:
        return None
    table: Mapping[str, Any] = unpacked(reply)
    return table if file is None else {**table, AGENT_FILE: unpacked(file)}


def holds(words: str, *columns: str) -> bool:
    """Whether some text in these columns holds the words, which are casefolded already."""
    return any(words in text.casefold() for column in columns for text in texts(unpacked(column)))


def texts(value: object) -> Iterator[str]:
    """Every string in a JSON value, and the names of speakers, which are keys in a scene."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)
    elif isinstance(value, dict):
        known = (*scene.KEYS, *scene.PLAN_KEYS, *scene.LORE)
        yield from (key for key in value if key not in known)
        for each in value.values():
            yield from texts(each)
