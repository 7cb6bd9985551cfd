"""Our own form: JSON lines, a talk a line, with every turn on every branch and all that is kept.

    {"tertulia": 1, "id": "…", "title": "", "created": "…", "changed": "…",
     "agent_name": "", "agent_file": "", "scenes": [{…}], "began": 0, "now": 0,
     "active": 2, "turns": [
      {"id": 1, "parent": null, "created": "…", "speaker": "Friend", "text": "hey", "image": "",
       "scene": 0, "reply": null, "edited_from": null, "rating": null, "note": "",
       "hidden": false, "status": "whole"}, …]}

`scenes` holds each direction once, in the scene's shape without turns; `began`, `now` and every
turn's `scene` are numbers in it. Times are UTC. Reading what was written gives the same talk, but
for its id, which the store that takes it in makes anew.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from tertulia import scene
from tertulia.config import fitted, shown
from tertulia.conversation import Conversation, Turn
from tertulia.errors import InterchangeError
from tertulia.interchange import Report
from tertulia.interchange._growing import MAX_TURNS, header, table, text
from tertulia.interchange._source import Source
from tertulia.interchange._tree import PARTS, Tree, tally
from tertulia.store import StoredTurn, TalkId, TurnId, WholeTalk

ABOUT = "our own: whole talks with every branch; nothing is lost"
SUFFIX = ".jsonl"
MEDIA = "application/jsonl"
HOLDS = frozenset(PARTS)
SIGN = re.compile(r'\{\s*"tertulia"\s*:')
VERSION = 1
STATUSES = ("whole", "stopped", "interrupted")
KEYS = (
    *("tertulia", "id", "title", "created", "changed", "agent_name", "agent_file", "scenes"),
    *("began", "now", "active", "turns"),
)
TURN_KEYS = (
    *("id", "parent", "created", "speaker", "text", "image", "scene", "reply", "edited_from"),
    *("rating", "note", "hidden", "status"),
)


def write(talks: Iterable[WholeTalk], report: Report) -> Iterator[str]:
    """A line a talk, in ASCII."""
    for talk in talks:
        tally(Tree(talk), HOLDS, report)
        yield json.dumps(row(talk), allow_nan=False) + "\n"


def row(talk: WholeTalk) -> dict[str, Any]:
    scenes: dict[Conversation, int] = {}
    number = [scenes.setdefault(each, len(scenes)) for each in (talk.scene, talk.header)]
    turns = [turn_row(each, scenes.setdefault(each.scene, len(scenes))) for each in talk.turns]
    return {
        "tertulia": VERSION,
        "id": talk.id,
        "title": talk.title,
        "created": talk.created.isoformat(),
        "changed": talk.changed.isoformat(),
        "agent_name": talk.agent_name,
        "agent_file": talk.agent,
        "scenes": [without_turns(each) for each in scenes],
        "began": number[0],
        "now": number[1],
        "active": talk.active,
        "turns": turns,
    }


def without_turns(conversation: Conversation) -> dict[str, Any]:
    told = scene.table(conversation)
    del told["turns"]
    return told


def turn_row(each: StoredTurn, number: int) -> dict[str, Any]:
    return {
        "id": each.id,
        "parent": each.parent,
        "created": each.created.isoformat(),
        "speaker": each.turn.speaker,
        "text": each.turn.text,
        "image": each.turn.image,
        "scene": number,
        "reply": each.reply,
        "edited_from": each.edited_from,
        "rating": each.rating,
        "note": each.note,
        "hidden": each.hidden,
        "status": each.status,
    }


def read(source: Source, report: Report, moments: Iterator[datetime]) -> Iterator[WholeTalk]:
    """Raises InterchangeError for what is no such line, or a tree that does not hold together."""
    for place, found in source.values():
        told = table(found, place)
        if told.get("tertulia") != VERSION:
            raise InterchangeError(
                f"{place}: tertulia is {shown(told.get('tertulia'))}, must be {VERSION}: "
                "pip install -U tertulia, when a newer one wrote it"
            )
        yield talk(told, place)


def talk(told: Mapping[str, Any], place: str) -> WholeTalk:
    known(told, KEYS, place)
    scenes = [
        header(each, f"{place}: scenes[{n}]")
        for n, each in enumerate(fitted(told.get("scenes"), list, f"{place}: scenes"))
    ]
    turns = tuple(grown(told, scenes, place))
    active = numbered(told, "active", place)
    if active is not None and active not in {each.id for each in turns}:
        raise InterchangeError(f"{place}: active is {active}, which is none of its turns")
    return WholeTalk(
        id=TalkId(text(told, "id", place)),
        created=moment(told, "created", place),
        changed=moment(told, "changed", place),
        title=text(told, "title", place, ""),
        agent_name=text(told, "agent_name", place, ""),
        agent=text(told, "agent_file", place, ""),
        scene=chosen(told, "began", scenes, place),
        header=chosen(told, "now", scenes, place),
        turns=turns,
        active=active,
    )


def grown(told: Mapping[str, Any], scenes: list[Conversation], place: str) -> Iterator[StoredTurn]:
    """The turns; each answers, and is edited from, one that stands before it."""
    seen: set[TurnId] = set()
    rows = fitted(told.get("turns"), list, f"{place}: turns")
    if len(rows) > MAX_TURNS:
        raise InterchangeError(f"{place}: {len(rows)} turns, more than {MAX_TURNS}: split the talk")
    for n, found in enumerate(rows):
        where = f"{place}: turns[{n}]"
        each = turn(table(found, where), scenes, TalkId(text(told, "id", place)), where)
        for name, other in (("parent", each.parent), ("edited_from", each.edited_from)):
            if other is not None and other not in seen:
                raise InterchangeError(
                    f"{where}: {name} is {other}, and no turn before it has that id"
                )
        if each.id in seen:
            raise InterchangeError(f"{where}: id {each.id} is another turn's too")
        seen.add(each.id)
        yield each


def turn(
    told: Mapping[str, Any], scenes: list[Conversation], talk: TalkId, place: str
) -> StoredTurn:
    known(told, TURN_KEYS, place)
    rating = fitted(told.get("rating"), int | None, f"{place}: rating")
    status = text(told, "status", place, "whole")
    if rating not in (None, -1, 0, 1):
        raise InterchangeError(f"{place}: rating is {rating}, must be -1, 0 or 1")
    if status not in STATUSES:
        raise InterchangeError(f"{place}: status is {shown(status)}, must be one of {STATUSES}")
    if told.get("speaker") == "":
        raise InterchangeError(f"{place}: speaker is empty: give a name")
    reply = told.get("reply")
    said = (text(told, "speaker", place), text(told, "text", place), text(told, "image", place, ""))
    return StoredTurn(
        id=TurnId(fitted(told.get("id"), int, f"{place}: id")),
        talk=talk,
        parent=numbered(told, "parent", place),
        created=moment(told, "created", place),
        turn=Turn(*said),
        scene=chosen(told, "scene", scenes, place),
        reply=None if reply is None else table(reply, f"{place}: reply"),
        edited_from=numbered(told, "edited_from", place),
        rating=rating,
        note=text(told, "note", place, ""),
        hidden=fitted(told.get("hidden", False), bool, f"{place}: hidden"),
        status=status,
    )


def known(told: Mapping[str, Any], keys: tuple[str, ...], place: str) -> None:
    if unknown := next((key for key in told if key not in keys), None):
        raise InterchangeError(f"{place}: no key {shown(unknown)}: known are {', '.join(keys)}")


def numbered(told: Mapping[str, Any], key: str, place: str) -> TurnId | None:
    found: TurnId | None = fitted(told.get(key), int | None, f"{place}: {key}")
    return found


def chosen(
    told: Mapping[str, Any], key: str, scenes: list[Conversation], place: str
) -> Conversation:
    number: int = fitted(told.get(key), int, f"{place}: {key}")
    if not 0 <= number < len(scenes):
        raise InterchangeError(f"{place}: {key} is {number}, and there are {len(scenes)} scenes")
    return scenes[number]


def moment(told: Mapping[str, Any], key: str, place: str) -> datetime:
    written = text(told, key, place)
    try:
        found = datetime.fromisoformat(written)
    except ValueError as error:
        raise InterchangeError(
            f"{place}: {key} is {shown(written)}, must be a time such as 2026-01-31T12:00:00+00:00"
        ) from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
