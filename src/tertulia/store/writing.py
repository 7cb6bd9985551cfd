"""What is put into a store: each row a function of an open connection, nothing ever changed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select, text

from tertulia.conversation import Conversation, Turn
from tertulia.errors import Conflict, NotKept, StoreError
from tertulia.store.reading import Move, last_move, path_to
from tertulia.store.records import TalkId, TurnId, hashed, header, packed, parted, unpacked
from tertulia.store.tables import marks, moves, talks, turns

SCENE = text("INSERT INTO scenes (hash, scene) VALUES (:hash, :text) ON CONFLICT DO NOTHING")
FILE = text("INSERT INTO files (hash, text) VALUES (:hash, :text) ON CONFLICT DO NOTHING")


@dataclass(frozen=True, slots=True)
class Pen:
    """A transaction that writes.

    writer  the open store that holds it
    now     when it began, UTC in ISO 8601
    """

    sql: Connection
    where: str
    writer: str
    now: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A turn to be put into the tree.

    scene   the hash of what directed it
    reply   how it came about, as plain values or dataclasses; None for what people say
    status  None for the one that the reply tells
    """

    talk: TalkId
    turn: Turn
    parent: TurnId | None
    scene: str
    reply: object = None
    edited_from: TurnId | None = None
    status: str | None = None


def new_id(sql: Connection, clock: Callable[[], datetime]) -> TalkId:
    """An id nobody has: when the talk began, and four letters."""
    while True:
        name = f"{clock():%Y%m%d-%H%M%S}-{token_hex(2)}"
        if not sql.execute(select(talks.c.id).where(talks.c.id == name)).first():
            return TalkId(name)


def add(sql: Connection, table: Table, **values: object) -> int:
    """One more row; its key when the database counts it."""
    key = sql.execute(insert(table), values).inserted_primary_key
    return int(key[0]) if key else 0


def add_scene(sql: Connection, conversation: Conversation) -> str:
    """The hash of the conversation's header, which is in the store afterwards."""
    digest, told = header(conversation)
    sql.execute(SCENE, {"hash": digest, "text": told})
    return digest


def add_file(sql: Connection, packed_text: str | None) -> str | None:
    """The hash of an agent file's text, which is in the store afterwards."""
    if packed_text is None:
        return None
    digest = hashed(packed_text)
    sql.execute(FILE, {"hash": digest, "text": packed_text})
    return digest


def add_turn(pen: Pen, said: Said, created: str | None = None) -> TurnId:
    """The turn's id; it was said just now unless the time is given."""
    reply, file, status = parted(said.reply)
    key = add(
        pen.sql,
        turns,
        talk=said.talk,
        parent=said.parent,
        created=created or pen.now,
        speaker=packed(said.turn.speaker),
        text=packed(said.turn.text),
        image=packed(said.turn.image),
        scene=said.scene,
        reply=reply,
        file=add_file(pen.sql, file),
        edited_from=said.edited_from,
        status=said.status or status,
    )
    return TurnId(key)


def add_move(pen: Pen, talk: TalkId, number: int, turn: TurnId | None, header: str | None) -> None:
    """The talk's active path ends in this turn from now on; its version is the number.

    header  the hash of what directs it from now on; None for what directed the turn
    """
    add(
        pen.sql,
        moves,
        talk=talk,
        number=number,
        turn=turn,
        writer=pen.writer,
        created=pen.now,
        scene=header,
    )


def add_mark(pen: Pen, talk: str, turn: int | None, name: str, value: object) -> None:
    """Something said about a turn, or about the talk; the newest of each name holds."""
    value = packed(value)
    add(pen.sql, marks, talk=talk, turn=turn, name=name, value=value, created=pen.now)


def checked(pen: Pen, talk: TalkId, expected: int | None, seen: int | None) -> Move:
    """The talk's newest move, when nobody else has written since; other writers wait from here.

    expected  the version that the talk must have; None to go by what this store has seen
    seen      the version that this store saw last; None when it has seen none
    """
    last = held(pen, talk)
    # Own writes are told by their writer, not by the number seen: Ctrl-C may fall between a
    # commit and the line that takes note of it.
    others = select(func.count()).where(
        moves.c.talk == talk,
        moves.c.number > (last.version if seen is None else seen),
        moves.c.writer != pen.writer,
    )
    is_stale = bool(pen.sql.scalar(others)) if expected is None else last.version != expected
    if is_stale:
        raise Conflict(
            f"the talk {talk} was continued elsewhere since it was read here: "
            f"read it again (/load {talk}) and say it once more"
        )
    return last


def held(pen: Pen, talk: TalkId) -> Move:
    """The talk's newest move; other writers wait until this transaction ends."""
    last_move(pen.sql, talk, pen.where)
    lock = select(talks.c.id).where(talks.c.id == talk).with_for_update(key_share=True)
    pen.sql.execute(lock).all()
    return last_move(pen.sql, talk, pen.where)


def belonging(sql: Connection, talk: TalkId, turn: TurnId | None) -> None:
    """Raises NotKept for a turn that is not of this talk, StoreError for one out of sight."""
    if turn is None:
        return
    query = select(turns.c.id).where(turns.c.id == turn, turns.c.talk == talk)
    if abs(turn) >= 2**63 or not sql.execute(query).first():
        raise NotKept(f"the talk {talk} has no turn {turn}: give one of its own")
    if unseen := hidden_turns(sql, talk):
        way = path_to(turn)
        above = set(sql.execute(select(way.c.id)).scalars())
        if found := above & unseen:
            raise StoreError(f"the turn {min(found)} of the talk {talk} is hidden: show it first")


def hidden_turns(sql: Connection, talk: TalkId) -> set[TurnId]:
    """The turns of a talk that were taken out of sight themselves."""
    query = (
        select(marks.c.turn, marks.c.value)
        .where(marks.c.talk == talk, marks.c.name == "hidden", marks.c.turn.is_not(None))
        .order_by(marks.c.number)
    )
    newest: dict[Any, bool] = {turn: unpacked(value) for turn, value in sql.execute(query)}
    return {turn for turn, is_hidden in newest.items() if is_hidden}
