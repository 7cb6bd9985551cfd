"""Scenes put up to be played by their id."""

from collections.abc import Iterator

from sqlalchemy import Connection, select

from tertulia import scene
from tertulia.conversation import Conversation
from tertulia.errors import NotKept
from tertulia.store.records import PostedScene, hashed, packed, unpacked
from tertulia.store.tables import posts
from tertulia.store.writing import Pen, add

LETTERS = 12
"""Of a scene's hash, in its id."""


def posted(pen: Pen, conversation: Conversation, title: str) -> str:
    """The id of a scene, the same for the same scene; the newest title holds."""
    table = packed(scene.table(conversation))
    id = hashed(table)[:LETTERS]
    put(pen, id, packed(title), table, 0)
    return id


def unposted(pen: Pen, id: str) -> None:
    for row in rows(pen.sql):
        if row[0] == id:
            put(pen, id, row[1], row[2], 1)
            return
    raise NotKept(f"no scene {id!r} was posted to {pen.where}: Store.posted lists them")


def listed(sql: Connection, where: str) -> tuple[PostedScene, ...]:
    """The scenes that are up, in the order they were posted."""
    return tuple(
        PostedScene(
            id=id,
            title=unpacked(title),
            conversation=scene.from_table(unpacked(table), f"scene {id} in {where}"),
        )
        for id, title, table in rows(sql)
    )


def rows(sql: Connection) -> Iterator[tuple[str, str, str]]:
    """(id, title, scene) of the scenes that are up."""
    newest: dict[str, tuple[str, str, int]] = {}
    for row in sql.execute(select(posts).order_by(posts.c.number)):
        newest[row.id] = (row.title, row.scene, row.hidden)
    return ((id, title, table) for id, (title, table, hidden) in newest.items() if not hidden)


def put(pen: Pen, id: str, title: str, table: str, hidden: int) -> None:
    values = {"id": id, "title": title, "scene": table, "hidden": hidden, "created": pen.now}
    add(pen.sql, posts, **values)
