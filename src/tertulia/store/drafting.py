"""Replies under way: kept as they grow, and what became of them."""

import os
import socket
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from tertulia.conversation import Conversation, Turn
from tertulia.errors import NotKept
from tertulia.store.reading import Move
from tertulia.store.records import DraftId, TalkId, TurnId, joined, packed, parted, unpacked
from tertulia.store.tables import drafts, endings, files, pieces
from tertulia.store.writing import Pen, Said, add, add_file, add_move, add_scene, add_turn, held

SILENCE = timedelta(minutes=10)
"""A draft of another machine that did not grow for so long has lost its writer."""


def place() -> str:
    """This process, told apart from every other one: its machine, its number, its start."""
    return f"{socket.gethostname()} {os.getpid()} {started(os.getpid())}"


def started(process: int) -> str:
    """When a process began, in ticks since the machine did; "" where the system does not tell.

    "ended" for one that is dead and only waits for its parent to take note.
    """
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    told = stat.rpartition(")")[2].split()
    return "ended" if told[0] in "ZX" else told[19]


def is_alive(where: str, grew: datetime, now: datetime) -> bool:
    """Whether the process of a place still runs; of another machine's, whether it wrote lately."""
    machine, _, rest = where.partition(" ")
    number, _, start = rest.partition(" ")
    if machine != socket.gethostname() or os.name != "posix":
        return now - grew < SILENCE
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return started(int(number)) == start


def begun(
    pen: Pen,
    last: Move,
    talk: TalkId,
    parent: TurnId | None,
    conversation: Conversation,
    speaker: str,
    reply: object,
) -> DraftId:
    told, file, _ = parted(reply)
    key = add(
        pen.sql,
        drafts,
        talk=talk,
        parent=parent,
        version=last.version,
        speaker=packed(speaker),
        scene=add_scene(pen.sql, conversation),
        file=add_file(pen.sql, file),
        reply=told,
        writer=pen.writer,
        place=place(),
        created=pen.now,
    )
    return DraftId(key)


def grown(pen: Pen, draft: DraftId, text: str) -> None:
    """A piece more."""
    found(pen.sql, draft, pen.where)
    latest = select(func.coalesce(func.max(pieces.c.number), 0)).where(pieces.c.draft == draft)
    number = pen.sql.execute(latest).scalar_one() + 1
    add(pen.sql, pieces, draft=draft, number=number, text=packed(text), created=pen.now)


def settled(
    pen: Pen,
    draft: DraftId,
    turn: Turn,
    reply: object,
    *,
    then: Conversation | None = None,
    activate: bool = True,
) -> tuple[TalkId, TurnId, int | None]:
    """(talk, turn, its new version): the turn that the draft became.

    It ends the active path when the talk did not move since the draft; otherwise the version is
    None.
    """
    row = found(pen.sql, draft, pen.where)
    last = held(pen, row.talk)
    said = Said(talk=row.talk, turn=turn, parent=row.parent, scene=row.scene, reply=reply)
    kept = add_turn(pen, said)
    if ended(pen.sql, draft) is None:
        add(pen.sql, endings, draft=draft, turn=kept)
    if not activate or last.version != row.version:
        return row.talk, kept, None
    header = row.scene if then is None else add_scene(pen.sql, then)
    add_move(pen, row.talk, last.version + 1, kept, header)
    return row.talk, kept, last.version + 1


def interrupted(
    pen: Pen, draft: DraftId, status: str, activate: bool
) -> tuple[TalkId, TurnId | None, int | None]:
    """As `settled`, with the words so far; a draft that has ended already gives its turn.

    Without a word the turn is kept but the active path does not go there.
    """
    row = found(pen.sql, draft, pen.where)
    held(pen, row.talk)
    earlier = ended(pen.sql, draft)
    if earlier is not None:
        return row.talk, earlier.turn, None
    query = select(pieces.c.text).where(pieces.c.draft == draft).order_by(pieces.c.number)
    text = "".join(map(unpacked, pen.sql.execute(query).scalars()))
    file = pen.sql.execute(select(files.c.text).where(files.c.hash == row.file)).scalar()
    told: Mapping[str, Any] = joined(row.reply, file) or {}
    speaker = unpacked(row.speaker)
    reply = {**told, "text": text, "speaker": speaker, "status": status}
    return settled(pen, draft, Turn(speaker, text), reply, activate=activate and bool(text.strip()))


def discarded(pen: Pen, draft: DraftId) -> None:
    """The draft becomes no turn; one that has ended already stays as it is."""
    found(pen.sql, draft, pen.where)
    if ended(pen.sql, draft) is None:
        add(pen.sql, endings, draft=draft, turn=None)


def ended(sql: Connection, draft: DraftId) -> Row[Any] | None:
    """What became of a draft; None while it is under way."""
    query: Select[Any] = select(endings.c.turn).where(endings.c.draft == draft)
    return sql.execute(query).one_or_none()


def found(sql: Connection, draft: DraftId, where: str) -> Row[Any]:
    query: Select[Any] = select(drafts).where(drafts.c.id == draft)
    row = sql.execute(query).one_or_none() if abs(draft) < 2**63 else None
    if row is None:
        raise NotKept(f"no draft {draft} in {where}: begin one with Store.draft")
    return row


def lost(sql: Connection, rows: list[Row[Any]], writer: str, now: datetime) -> list[DraftId]:
    """Those of these drafts whose process is gone."""
    gone = []
    for row in rows:
        query = select(func.max(pieces.c.created)).where(pieces.c.draft == row.id)
        grew = datetime.fromisoformat(sql.execute(query).scalar() or row.created)
        if row.writer != writer and not is_alive(row.place, grew, now):
            gone.append(DraftId(row.id))
    return gone
