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
from tertulia.conversation import Conversation, Turn

TalkId = NewType("TalkId", str)
TurnId = NewType("TurnId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTurn:
    """One turn of the tree.

    parent   the turn it answers; None for a first turn
    created  UTC
    scene    the talk when it was said, without its turns: names, direction and plan
    reply    how the agent came to say it, as given to `keep`; None for what people say
    """

    id: TurnId
    talk: TalkId
    parent: TurnId | None
    created: datetime
    turn: Turn
    scene: Conversation
    reply: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkSummary:
    """One line of a list of talks.

    created, changed  UTC
    turns             on the active path
    last              what was said last on it; empty for no turn
    """

    id: TalkId
    created: datetime
    changed: datetime
    agent: str
    user: str
    situation: str
    turns: int
    last: str


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


def header(conversation: Conversation) -> tuple[str, str]:
    """(hash, JSON) of a conversation without its turns."""
    table = scene.table(replace(conversation, turns=()))
    del table["turns"]
    text = packed(table)
    return hashlib.sha256(text.encode()).hexdigest(), text


@lru_cache(maxsize=64)
def talk_without_turns(text: str, where: str) -> Conversation:
    """The conversation of a header."""
    return scene.from_table(unpacked(text), where)


def stored_turn(row: Mapping[str, Any], where: str) -> StoredTurn:
    """A row of turns, joined with its scene's header."""
    return StoredTurn(
        id=TurnId(row["id"]),
        talk=TalkId(row["talk"]),
        parent=None if row["parent"] is None else TurnId(row["parent"]),
        created=datetime.fromisoformat(row["created"]),
        turn=Turn(*(unpacked(row[name]) for name in ("speaker", "text", "image"))),
        scene=talk_without_turns(row["header"], where),
        reply=None if row["reply"] is None else unpacked(row["reply"]),
    )


def holds(packed_words: str, *columns: str) -> bool:
    """Whether some text in these columns holds the words, whatever their case."""
    words = unpacked(packed_words).casefold()
    return any(words in text.casefold() for column in columns for text in texts(unpacked(column)))


def texts(value: object) -> Iterator[str]:
    """Every string in a JSON value, and the names of speakers, which are keys in a scene."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)
    elif isinstance(value, dict):
        yield from (key for key in value if key not in (*scene.KEYS, *scene.PLAN_KEYS))
        for each in value.values():
            yield from texts(each)
