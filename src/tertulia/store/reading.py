"""What is asked of a store: each question a function of an open connection."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CTE, Connection, Row, Select, func, literal, select

from tertulia.config import shown
from tertulia.conversation import Conversation, Turn
from tertulia.errors import NotKept
from tertulia.store.records import (
    StoredTurn,
    TalkId,
    TalkSummary,
    TurnId,
    holds,
    joined,
    talk_without_turns,
    unpacked,
    worded,
)
from tertulia.store.tables import drafts, endings, files, marks, moves, scenes, talks, turns

NOTHING: Mapping[str, Any] = {}
LIGHT = (
    turns.c.id,
    turns.c.talk,
    turns.c.parent,
    turns.c.created,
    turns.c.speaker,
    turns.c.text,
    turns.c.image,
    turns.c.scene,
    turns.c.edited_from,
    turns.c.status,
)


@dataclass(frozen=True, slots=True)
class Move:
    """The newest move of a talk: its version, the active turn, the hash of its header."""

    version: int
    turn: TurnId | None
    header: str
    changed: datetime


def no_talk(talk: str, where: str) -> NotKept:
    return NotKept(f"no talk {shown(talk)} in {where}: `tertulia logs` lists them")


def last_move(sql: Connection, talk: str, where: str) -> Move:
    """Raises NotKept for a talk that is not there."""
    if not (talk.isascii() and talk.isprintable()):
        raise no_talk(talk, where)
    query = (
        select(moves.c.number, moves.c.turn, moves.c.created)
        .add_columns(func.coalesce(moves.c.scene, turns.c.scene, talks.c.scene).label("header"))
        .join(talks, talks.c.id == moves.c.talk)
        .outerjoin(turns, turns.c.id == moves.c.turn)
        .where(moves.c.talk == talk)
        .order_by(moves.c.number.desc())
        .limit(1)
    )
    row = sql.execute(query).one_or_none()
    if row is None:
        raise no_talk(talk, where)
    return Move(row.number, row.turn, row.header, datetime.fromisoformat(row.created))


def header_of(sql: Connection, digest: str, where: str) -> Conversation:
    """The conversation, without turns, of a scene's hash."""
    text = sql.execute(select(scenes.c.scene).where(scenes.c.hash == digest)).scalar_one()
    return talk_without_turns(text, where)


def talk_row(sql: Connection, talk: str, where: str) -> Row[Any]:
    """A talk's id, created, agent and scene."""
    last_move(sql, talk, where)
    return sql.execute(select(talks).where(talks.c.id == talk)).one()


def agent_file(sql: Connection, talk: TalkId, where: str) -> str:
    """The text of the agent file that plays: the one assigned last, or the talk's first."""
    first = talk_row(sql, talk, where).agent
    assigned = marked(sql, talk).get(None, {}).get("agent", {})
    text: str = assigned["file"] if assigned.get("file") else unpacked(first)
    return text


def turn_row(sql: Connection, turn: int, where: str) -> Row[Any]:
    """A turn's talk, parent and scene; raises NotKept for one that is not there."""
    wanted = turns.c.talk, turns.c.parent, turns.c.scene
    query: Select[Any] = select(*wanted).where(turns.c.id == turn)
    row = sql.execute(query).one_or_none() if abs(turn) < 2**63 else None
    if row is None:
        raise NotKept(f"no turn {turn} in {where}: see `tertulia logs`")
    return row


def path_to(last: TurnId | None) -> CTE:
    """The turn and all that it answers: id, and depth counted from it."""
    start = select(turns.c.id, turns.c.parent, literal(0).label("depth")).where(turns.c.id == last)
    path = start.cte("path", recursive=True)
    return path.union_all(
        select(turns.c.id, turns.c.parent, path.c.depth + 1).join(path, turns.c.id == path.c.parent)
    )


def path(
    sql: Connection, talk: TalkId, last: TurnId | None, where: str, light: bool
) -> tuple[StoredTurn, ...]:
    """The turns that end in this one, oldest first."""
    way = path_to(last)
    query = turns_query(light).join(way, way.c.id == turns.c.id).order_by(way.c.depth.desc())
    return read_turns(sql, talk, query, where)


def tree(
    sql: Connection, talk: TalkId, where: str, hidden: bool, light: bool
) -> tuple[StoredTurn, ...]:
    """Every turn of a talk in the order they were kept; hidden ones and what follows if asked."""
    query = turns_query(light).where(turns.c.talk == talk).order_by(turns.c.id)
    found = read_turns(sql, talk, query, where)
    return found if hidden else tuple(visible(found))


def visible(found: tuple[StoredTurn, ...]) -> Iterator[StoredTurn]:
    """Those that are not hidden, nor stand below a hidden one; parents come first."""
    unseen: set[TurnId] = set()
    for each in found:
        if each.hidden or each.parent in unseen:
            unseen.add(each.id)
        else:
            yield each


def turns_query(light: bool) -> Select[Any]:
    if light:
        return select(*LIGHT)
    whole = select(*LIGHT, turns.c.reply, files.c.text.label("file"))
    return whole.outerjoin(files, files.c.hash == turns.c.file)


def read_turns(
    sql: Connection, talk: TalkId, query: Select[Any], where: str
) -> tuple[StoredTurn, ...]:
    """The turns of one talk that a query gives."""
    rows = sql.execute(query).all()
    told = marked(sql, talk)
    used = select(turns.c.scene).where(turns.c.talk == talk)
    known = select(scenes.c.hash, scenes.c.scene).where(scenes.c.hash.in_(used))
    headers = {digest: talk_without_turns(text, where) for digest, text in sql.execute(known).all()}
    return tuple(stored_turn(row, headers, told.get(row[0], NOTHING)) for row in rows)


def stored_turn(
    row: Sequence[Any], headers: Mapping[str, Conversation], told: Mapping[str, Any]
) -> StoredTurn:
    """One row of turns_query; its columns are taken by their place, of which there are many."""
    id, talk, parent, created, speaker, text, image, scene, edited_from, status, *made = row
    rated = told.get("rating", NOTHING)
    return StoredTurn(
        id=id,
        talk=talk,
        parent=parent,
        created=datetime.fromisoformat(created),
        turn=Turn(worded(speaker), worded(text), worded(image)),
        scene=headers[scene],
        reply=joined(*made) if made else None,
        edited_from=edited_from,
        rating=rated.get("rating"),
        note=rated.get("note", ""),
        hidden=told.get("hidden", False),
        status=status,
    )


def marked(sql: Connection, talk: TalkId) -> dict[TurnId | None, dict[str, Any]]:
    """The newest mark of each name, by turn; those of the talk itself stand under None."""
    query = (
        select(marks.c.turn, marks.c.name, marks.c.value)
        .where(marks.c.talk == talk)
        .order_by(marks.c.number)
    )
    found: dict[TurnId | None, dict[str, Any]] = {}
    for turn, name, value in sql.execute(query):
        found.setdefault(turn, {})[name] = unpacked(value)
    return found


def summary(sql: Connection, talk: TalkId, where: str) -> TalkSummary:
    row = talk_row(sql, talk, where)
    last = last_move(sql, talk, where)
    way = path_to(last.turn)
    count = sql.execute(select(func.count()).select_from(way)).scalar_one()
    said = sql.execute(select(turns.c.text).where(turns.c.id == last.turn)).scalar_one_or_none()
    header = header_of(sql, last.header, where)
    told = marked(sql, talk).get(None, {})
    return TalkSummary(
        id=talk,
        version=last.version,
        created=datetime.fromisoformat(row.created),
        changed=last.changed,
        title=told.get("title", ""),
        agent_name=told.get("agent", {}).get("name", ""),
        agent=header.agent,
        user=header.user,
        situation=header.direction.situation,
        turns=count,
        last="" if said is None else unpacked(said),
        hidden=told.get("hidden", False),
    )


def listed(sql: Connection, search: str, hidden: bool) -> list[TalkId]:
    """The ids of all talks, or of those that hold these words, the last changed first."""
    # By the index, talk for talk: a group over all moves would read every one of them.
    changed = (
        select(moves.c.created)
        .where(moves.c.talk == talks.c.id)
        .order_by(moves.c.number.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = select(talks.c.id).order_by(changed.desc(), talks.c.id.desc())
    ids = [TalkId(each) for each in sql.execute(query).scalars()]
    if not hidden:
        unseen = shelved(sql)
        ids = [each for each in ids if each not in unseen]
    if search:
        found = holding(sql, search.casefold())
        ids = [each for each in ids if each in found]
    return ids


def shelved(sql: Connection) -> set[str]:
    """The talks that were taken out of sight."""
    query = (
        select(marks.c.talk, marks.c.value)
        .where(marks.c.name == "hidden", marks.c.turn.is_(None))
        .order_by(marks.c.number)
    )
    newest = {talk: unpacked(value) for talk, value in sql.execute(query)}
    return {talk for talk, is_hidden in newest.items() if is_hidden}


def holding(sql: Connection, words: str) -> set[str]:
    """The talks in which somebody says this, on any branch, or whose direction or title holds it.

    Looked for here and not in SQL, which knows neither JSON's escapes nor every alphabet's case.
    """
    said = select(turns.c.talk, turns.c.speaker, turns.c.text, turns.c.image)
    directed = select(talks.c.id, scenes.c.scene).join(scenes, scenes.c.hash == talks.c.scene)
    titled = select(marks.c.talk, marks.c.value).where(marks.c.name == "title")
    return {
        row[0]
        for query in (said, directed, titled)
        for row in sql.execute(query)
        if holds(words, *row[1:])
    }


def unended(sql: Connection, talk: TalkId) -> list[Row[Any]]:
    """The drafts of a talk that became no turn yet."""
    query = (
        select(drafts)
        .outerjoin(endings, endings.c.draft == drafts.c.id)
        .where(drafts.c.talk == talk, endings.c.draft.is_(None))
        .order_by(drafts.c.id)
    )
    return list(sql.execute(query))
