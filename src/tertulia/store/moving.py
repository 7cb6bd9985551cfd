"""Whole talks, taken out of a store and into another."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Connection

from tertulia.errors import StoreError
from tertulia.store.reading import agent_file, header_of, last_move, summary, talk_row, tree
from tertulia.store.records import StoredTurn, TalkId, TurnId, WholeTalk, packed
from tertulia.store.tables import talks
from tertulia.store.writing import Pen, Said, add, add_mark, add_move, add_scene, add_turn


def stamped(time: datetime) -> str:
    """A time as it stands in columns, where the earlier sorts first: UTC, in microseconds."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def taken_out(sql: Connection, talk: TalkId, where: str) -> WholeTalk:
    """All that is kept of a talk."""
    told, last = summary(sql, talk, where), last_move(sql, talk, where)
    return WholeTalk(
        id=talk,
        created=told.created,
        changed=told.changed,
        title=told.title,
        agent_name=told.agent_name,
        agent=agent_file(sql, talk, where),
        scene=header_of(sql, talk_row(sql, talk, where).scene, where),
        header=header_of(sql, last.header, where),
        turns=tree(sql, talk, where, hidden=True, light=False),
        active=last.turn,
    )


def taken_in(pen: Pen, id: TalkId, talk: WholeTalk) -> None:
    """The talk under this new id, its turns under new ids, everything else as it was.

    Raises StoreError for a turn that stands before the one it answers or was edited from.
    """
    scene = add_scene(pen.sql, talk.scene)
    created = stamped(talk.created)
    add(pen.sql, talks, id=id, created=created, agent=packed(talk.agent), scene=scene)
    if talk.title:
        add_mark(pen, id, None, "title", talk.title)
    if talk.agent_name:
        add_mark(pen, id, None, "agent", {"name": talk.agent_name})
    ids: dict[TurnId, TurnId] = {}
    for each in talk.turns:
        ids[each.id] = taken_in_turn(pen, id, each, ids)
    active = moved(ids, talk.active, "the active turn")
    pen = replace(pen, now=stamped(talk.changed))
    add_move(pen, id, 1, active, add_scene(pen.sql, talk.header))


def taken_in_turn(pen: Pen, id: TalkId, stored: StoredTurn, ids: Mapping[TurnId, TurnId]) -> TurnId:
    where = f"the turn {stored.id}"
    said = Said(
        talk=id,
        turn=stored.turn,
        parent=moved(ids, stored.parent, f"{where} answers"),
        scene=add_scene(pen.sql, stored.scene),
        reply=stored.reply,
        edited_from=moved(ids, stored.edited_from, f"{where} was edited from"),
        status=stored.status,
    )
    kept = add_turn(pen, said, stamped(stored.created))
    if stored.rating is not None or stored.note:
        add_mark(pen, id, kept, "rating", {"rating": stored.rating, "note": stored.note})
    if stored.hidden:
        add_mark(pen, id, kept, "hidden", True)
    return kept


def moved(ids: Mapping[TurnId, TurnId], turn: TurnId | None, what: str) -> TurnId | None:
    """The new id of a turn that was taken in."""
    if turn is None:
        return None
    if turn not in ids:
        raise StoreError(f"{what}: the turn {turn} is not among the turns before it; mend the talk")
    return ids[turn]
