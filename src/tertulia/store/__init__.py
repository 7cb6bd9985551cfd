"""The store of talks: every turn, kept before it is shown, in one SQLite file.

A talk is a tree of turns: turns with the same parent are alternatives (another reply, another thing
said), and the active path is the one that ends in the turn last moved to. Nothing is ever changed
or deleted. A turn that `keep` has returned for survives `kill -9` and a power cut.
"""

import os
import secrets
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import platformdirs

from tertulia.config import shown
from tertulia.conversation import Conversation, Turn
from tertulia.errors import Conflict, StoreError
from tertulia.store.connection import MEMORY, Database, opened
from tertulia.store.records import (
    StoredTurn,
    TalkId,
    TalkSummary,
    TurnId,
    header,
    holds,
    packed,
    stored_turn,
    talk_without_turns,
    unpacked,
)

__all__ = ["MEMORY", "Store", "StoredTurn", "TalkId", "TalkSummary", "TurnId", "default_path"]

TURNS = "SELECT turns.*, scenes.scene AS header FROM turns JOIN scenes ON hash = turns.scene"
PATH = """WITH RECURSIVE path (id, parent, depth) AS (
    SELECT id, parent, 0 FROM turns WHERE id = :last
    UNION ALL
    SELECT turns.id, turns.parent, depth + 1 FROM turns JOIN path ON turns.id = path.parent
) """
LAST_MOVE = "SELECT number, turn, created FROM moves WHERE talk = ? ORDER BY number DESC LIMIT 1"


def default_path() -> Path:
    """`talks.db` in the folder TERTULIA_HOME, or in this system's place for a program's data."""
    home = os.environ.get("TERTULIA_HOME") or platformdirs.user_data_dir(
        "tertulia", appauthor=False
    )
    return Path(home) / "talks.db"


def utc_now() -> datetime:
    return datetime.now(UTC)


class Store:
    """An open store. Several may be open on one file, in one program or in many.

    Each knows every talk as it stood when this store last wrote to it or read its path; a write
    to a talk that somebody else has continued since is refused with Conflict.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self.database = database
        self.clock = clock
        self.writer = secrets.token_hex(8)
        self.versions: dict[TalkId, int] = {}
        database.sql.row_factory = sqlite3.Row
        database.sql.create_function("holds", -1, holds, deterministic=True)

    @classmethod
    def open(
        cls,
        path: Path | str | None = None,
        *,
        clock: Callable[[], datetime] = utc_now,
        timeout_seconds: float = 30.0,
    ) -> "Store":
        """The store in this file, which is made when it is not there.

        path             None for default_path(), MEMORY for one that is gone when it is closed
        clock            gives the time in UTC
        timeout_seconds  how long to wait while another program writes

        Raises StoreError when the file cannot be made, read or written, is damaged, belongs to
        another program or to a newer tertulia.
        """
        return cls(opened(default_path() if path is None else path, timeout_seconds), clock)

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def begin(self, conversation: Conversation, agent: str = "") -> TalkId:
        """A new talk; turns that the conversation already has become its first ones.

        agent  the text of the agent file that plays, so that its replies can be traced
        """
        with self.database.writing() as sql:
            talk = self.named(sql)
            scene = self.directed(sql, conversation)
            sql.execute(
                "INSERT INTO talks VALUES (?, ?, ?, ?)", (talk, self.now(), packed(agent), scene)
            )
            last: TurnId | None = None
            for turn in conversation.turns:
                last = self.added(sql, talk, turn, scene, last, None)
            self.moved(sql, talk, 1, last)
        self.versions[talk] = 1
        return talk

    def keep(
        self,
        talk: TalkId,
        turn: Turn,
        *,
        conversation: Conversation,
        parent: TurnId | None,
        reply: object = None,
    ) -> TurnId:
        """One more turn, on the disk when this returns; it ends the active path.

        conversation  the talk as it stands: its names, direction and plan are kept with the turn
                      and come back with `conversation`; its turns are not looked at
        parent        the turn it answers; None for a first turn
        reply         how the agent came to say it: a mapping or a dataclass of plain values, such
                      as plan, candidates, dropped, seed, decoding, usage, timings, status

        Raises Conflict when somebody else has continued the talk since this store last saw it.
        """
        with self.database.writing() as sql:
            version = self.checked(sql, talk)
            self.belonging(sql, talk, parent)
            scene = self.directed(sql, conversation)
            told = None if reply is None else packed(reply)
            kept = self.added(sql, talk, turn, scene, parent, told)
            self.moved(sql, talk, version + 1, kept)
        self.versions[talk] = version + 1
        return kept

    def activate(self, talk: TalkId, turn: TurnId | None) -> None:
        """Let the active path end in this turn; None for the start of the talk.

        Raises Conflict when somebody else has continued the talk since this store last saw it.
        """
        with self.database.writing() as sql:
            version = self.checked(sql, talk)
            self.belonging(sql, talk, turn)
            self.moved(sql, talk, version + 1, turn)
        self.versions[talk] = version + 1

    def path(self, talk: TalkId) -> tuple[StoredTurn, ...]:
        """The turns of the active path, oldest first."""
        with self.database.reading() as sql:
            number, last, _ = self.last_move(sql, talk)
            query = f"{PATH}{TURNS} JOIN path ON path.id = turns.id ORDER BY depth DESC"
            rows = sql.execute(query, {"last": last}).fetchall()
        self.versions[talk] = number
        return self.turns(rows)

    def conversation(self, talk: TalkId) -> Conversation:
        """The talk along its active path, with the direction and the plan of its last turn."""
        path = self.path(talk)
        scene = path[-1].scene if path else self.scene(talk)
        return replace(scene, turns=tuple(each.turn for each in path))

    def scene(self, talk: TalkId) -> Conversation:
        """The names, direction and plan the talk began with; no turns."""
        with self.database.reading() as sql:
            query = "SELECT scenes.scene FROM talks JOIN scenes ON hash = talks.scene WHERE id = ?"
            row = sql.execute(query, (talk,)).fetchone()
        return talk_without_turns(self.found(row, talk)["scene"], self.database.where)

    def agent(self, talk: TalkId) -> str:
        """The text of the agent file the talk began with."""
        with self.database.reading() as sql:
            row = sql.execute("SELECT agent FROM talks WHERE id = ?", (talk,)).fetchone()
        text: str = unpacked(self.found(row, talk)["agent"])
        return text

    def tree(self, talk: TalkId) -> tuple[StoredTurn, ...]:
        """Every turn of the talk, on whatever branch, in the order they were kept."""
        with self.database.reading() as sql:
            self.last_move(sql, talk)
            rows = sql.execute(f"{TURNS} WHERE talk = ? ORDER BY id", (talk,)).fetchall()
        return self.turns(rows)

    def siblings(self, turn: TurnId) -> tuple[StoredTurn, ...]:
        """The turns that answer the same turn, this one among them, in the order they were kept."""
        with self.database.reading() as sql:
            row = sql.execute("SELECT talk, parent FROM turns WHERE id = ?", (turn,)).fetchone()
            if row is None:
                raise StoreError(f"no turn {turn} in {self.database.where}: see `tertulia logs`")
            query = f"{TURNS} WHERE talk = ? AND parent IS ? ORDER BY id"
            rows = sql.execute(query, tuple(row)).fetchall()
        return self.turns(rows)

    def talks(self, limit: int = 20, search: str = "") -> tuple[TalkSummary, ...]:
        """The talks that changed last, newest first.

        search  only those in which somebody says this, on any branch, or whose direction holds
                it; case does not matter
        """
        changed = "(SELECT max(created) FROM moves WHERE talk = talks.id)"
        said = "SELECT 1 FROM turns WHERE talk = talks.id AND holds(:words, speaker, text, image)"
        directed = "SELECT 1 FROM scenes WHERE hash = talks.scene AND holds(:words, scenes.scene)"
        query = (
            f"SELECT id FROM talks WHERE :all OR EXISTS ({said}) OR EXISTS ({directed}) "
            f"ORDER BY {changed} DESC, id DESC LIMIT :limit"
        )
        with self.database.reading() as sql:
            values = {"all": not search, "words": packed(search), "limit": limit}
            rows = sql.execute(query, values).fetchall()
            return tuple(self.summed(sql, TalkId(row["id"])) for row in rows)

    def summary(self, talk: str) -> TalkSummary:
        """One talk, by its id, or the beginning or the end of it.

        Raises StoreError when there is none, or more than one.
        """
        with self.database.reading() as sql:
            rows = sql.execute("SELECT id FROM talks ORDER BY id")
            ids = [id for (id,) in rows if id.startswith(talk) or id.endswith(talk)]
            if talk not in ids and len(ids) > 1:
                raise StoreError(
                    f"{len(ids)} talks begin or end with {shown(talk)}, such as {ids[0]} and "
                    f"{ids[1]}: give more of the id"
                )
            return self.summed(sql, TalkId(talk if talk in ids else self.found(ids, talk)[0]))

    def now(self) -> str:
        return self.clock().isoformat(timespec="microseconds")

    def named(self, sql: sqlite3.Connection) -> TalkId:
        """An id nobody has: when it began, and four letters."""
        while True:
            name = f"{self.clock():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
            if not sql.execute("SELECT 1 FROM talks WHERE id = ?", (name,)).fetchone():
                return TalkId(name)

    def directed(self, sql: sqlite3.Connection, conversation: Conversation) -> str:
        """The hash of the conversation's header, which is in the store afterwards."""
        digest, text = header(conversation)
        sql.execute("INSERT OR IGNORE INTO scenes VALUES (?, ?)", (digest, text))
        return digest

    def added(
        self,
        sql: sqlite3.Connection,
        talk: TalkId,
        turn: Turn,
        scene: str,
        parent: TurnId | None,
        reply: str | None,
    ) -> TurnId:
        said = (packed(turn.speaker), packed(turn.text), packed(turn.image))
        query = (
            "INSERT INTO turns (talk, parent, created, speaker, text, image, scene, reply) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        )
        row = sql.execute(query, (talk, parent, self.now(), *said, scene, reply))
        return TurnId(row.lastrowid or 0)

    def moved(
        self, sql: sqlite3.Connection, talk: TalkId, number: int, turn: TurnId | None
    ) -> None:
        values = (talk, number, turn, self.writer, self.now())
        sql.execute("INSERT INTO moves VALUES (?, ?, ?, ?, ?)", values)

    def checked(self, sql: sqlite3.Connection, talk: TalkId) -> int:
        """The talk's version, when nobody else has written since the one this store has seen."""
        version, _, _ = self.last_move(sql, talk)
        # Own writes are told by their writer, not by the number seen: Ctrl-C may fall between a
        # commit and the line that takes note of it.
        query = "SELECT 1 FROM moves WHERE talk = ? AND number > ? AND writer <> ?"
        seen = self.versions.setdefault(talk, version)
        if sql.execute(query, (talk, seen, self.writer)).fetchone():
            raise Conflict(
                f"the talk {talk} was continued elsewhere since it was read here: "
                f"read it again (/load {talk}) and say it once more"
            )
        return version

    def last_move(
        self, sql: sqlite3.Connection, talk: TalkId
    ) -> tuple[int, TurnId | None, datetime]:
        number, turn, created = self.found(sql.execute(LAST_MOVE, (talk,)).fetchone(), talk)
        return number, turn, datetime.fromisoformat(created)

    def belonging(self, sql: sqlite3.Connection, talk: TalkId, turn: TurnId | None) -> None:
        query = "SELECT 1 FROM turns WHERE id = ? AND talk = ?"
        if turn is not None and not sql.execute(query, (turn, talk)).fetchone():
            raise StoreError(f"the talk {talk} has no turn {turn}: give one of its own")

    def found(self, row: Any, talk: str) -> Any:  # noqa: ANN401 - a row, or a list of ids
        if not row:
            raise StoreError(
                f"no talk {shown(talk)} in {self.database.where}: `tertulia logs` lists them"
            )
        return row

    def turns(self, rows: list[Mapping[str, Any]]) -> tuple[StoredTurn, ...]:
        return tuple(stored_turn(row, self.database.where) for row in rows)

    def summed(self, sql: sqlite3.Connection, talk: TalkId) -> TalkSummary:
        row = sql.execute(
            "SELECT created, scenes.scene AS header FROM talks JOIN scenes ON hash = talks.scene "
            "WHERE id = ?",
            (talk,),
        ).fetchone()
        _, last, changed = self.last_move(sql, talk)
        (count,) = sql.execute(f"{PATH}SELECT count(*) FROM path", {"last": last}).fetchone()
        said = sql.execute("SELECT text FROM turns WHERE id = ?", (last,)).fetchone()
        scene = talk_without_turns(row["header"], self.database.where)
        return TalkSummary(
            id=talk,
            created=datetime.fromisoformat(row["created"]),
            changed=changed,
            agent=scene.agent,
            user=scene.user,
            situation=scene.direction.situation,
            turns=count,
            last=unpacked(said["text"]) if said else "",
        )
