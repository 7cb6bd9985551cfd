"""The store of talks: every turn, kept before it is shown, in one SQLite file or in PostgreSQL.

A talk is a tree of turns: turns with the same parent are alternatives (another reply, an edit,
another thing said), and the active path is the one that ends in the turn last moved to. Nothing is
ever changed or deleted. A turn that `keep` has returned for survives `kill -9` and a power cut.
"""

import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import platformdirs
from sqlalchemy import select

from tertulia.config import shown
from tertulia.conversation import Conversation, Turn
from tertulia.errors import StoreError
from tertulia.store import postgresql, posting, reading, sqlite
from tertulia.store.asking import Asking
from tertulia.store.connection import MEMORY
from tertulia.store.moving import taken_in
from tertulia.store.postgresql import is_url
from tertulia.store.records import (
    DraftId,
    PostedScene,
    StoredTurn,
    TalkId,
    TalkSummary,
    TurnId,
    WholeTalk,
    packed,
)
from tertulia.store.tables import talks
from tertulia.store.writing import (
    Said,
    add,
    add_mark,
    add_move,
    add_scene,
    add_turn,
    belonging,
    checked,
    new_id,
)

__all__ = [
    "MEMORY",
    "DraftId",
    "PostedScene",
    "Store",
    "StoredTurn",
    "TalkId",
    "TalkSummary",
    "TurnId",
    "WholeTalk",
    "default_path",
    "default_place",
    "is_url",
]


def default_path() -> Path:
    """`talks.db` in the folder TERTULIA_HOME, or in this system's place for a program's data."""
    home = os.environ.get("TERTULIA_HOME") or platformdirs.user_data_dir(
        "tertulia", appauthor=False
    )
    return Path(home) / "talks.db"


def default_place() -> str:
    """The file or URL in TERTULIA_STORE, or else default_path()."""
    return os.environ.get("TERTULIA_STORE") or str(default_path())


def utc_now() -> datetime:
    return datetime.now(UTC)


class Store(Asking):
    """An open store. Several may be open on one database, in one program or in many.

    Each knows every talk as it stood when this store last wrote to it or read its path; a write
    to a talk that somebody else has continued since is refused with Conflict. A `version`, where
    one is given, is the one that the talk must have instead. Any thread may call it.
    """

    @classmethod
    def open(
        cls,
        place: Path | str | None = None,
        *,
        clock: Callable[[], datetime] = utc_now,
        timeout_seconds: float = 30.0,
    ) -> "Store":
        """The store in this file or database, which is made when it is not there.

        place            a file, or a URL such as postgresql://user:password@host/database; None
                         for default_place(), MEMORY for one that is gone when it is closed
        clock            gives the time in UTC
        timeout_seconds  how long to wait while another program writes

        Raises StoreError when it cannot be made, read or written, is damaged, belongs to another
        program or to a newer tertulia; MissingExtra for a URL without psycopg.
        """
        place = default_place() if place is None else place
        if isinstance(place, str) and is_url(place):
            return cls(postgresql.opened(place, timeout_seconds), clock)
        return cls(sqlite.opened(place, timeout_seconds), clock)

    def begin(
        self, conversation: Conversation, agent: str = "", *, agent_name: str = "", title: str = ""
    ) -> TalkId:
        """A new talk; turns that the conversation already has become its first ones.

        agent       the text of the agent file that plays, so that its replies can be traced
        agent_name  what `tertulia serve` calls that agent
        """
        with self.writing() as pen:
            talk = new_id(pen.sql, self.clock)
            scene = add_scene(pen.sql, conversation)
            add(pen.sql, talks, id=talk, created=pen.now, agent=packed(agent), scene=scene)
            if title:
                add_mark(pen, talk, None, "title", title)
            if agent_name:
                add_mark(pen, talk, None, "agent", {"name": agent_name})
            last: TurnId | None = None
            for turn in conversation.turns:
                last = add_turn(pen, Said(talk=talk, turn=turn, parent=last, scene=scene))
            add_move(pen, talk, 1, last, scene)
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
        activate: bool = True,
        then: Conversation | None = None,
        version: int | None = None,
    ) -> TurnId:
        """One more turn, on the disk when this returns; it ends the active path.

        conversation  the talk as it stands: its names, direction and plan are kept with the turn
                      and come back with `conversation`; its turns are not looked at
        parent        the turn it answers; None for a first turn
        reply         how the agent came to say it: a mapping or a dataclass of plain values, such
                      as tertulia.record.record gives
        activate      False for a turn beside the active path
        then          what directs the talk from here on, when that is not `conversation`: the
                      direction was for this turn only, or its plan is used up

        Raises Conflict when somebody else has continued the talk since this store last saw it.
        """
        with self.writing() as pen:
            last = checked(pen, talk, version, self.versions.get(talk))
            belonging(pen.sql, talk, parent)
            scene = add_scene(pen.sql, conversation)
            said = Said(talk=talk, turn=turn, parent=parent, scene=scene, reply=reply)
            kept = add_turn(pen, said)
            number = last.version
            if activate:
                number += 1
                add_move(pen, talk, number, kept, add_scene(pen.sql, then) if then else scene)
        self.versions[talk] = number
        return kept

    def activate(self, talk: TalkId, turn: TurnId | None, *, version: int | None = None) -> None:
        """Let the active path end in this turn; None for the start of the talk.

        What directs the talk stays as it is. Raises Conflict as `keep` does, NotKept for a turn
        of another talk, StoreError for a hidden one.
        """
        with self.writing() as pen:
            last = checked(pen, talk, version, self.versions.get(talk))
            belonging(pen.sql, talk, turn)
            add_move(pen, talk, last.version + 1, turn, last.header)
        self.versions[talk] = last.version + 1

    def direct(
        self, talk: TalkId, conversation: Conversation, *, version: int | None = None
    ) -> None:
        """From now on the talk has these names, this direction and this plan; nothing is said."""
        with self.writing() as pen:
            last = checked(pen, talk, version, self.versions.get(talk))
            header = add_scene(pen.sql, conversation)
            add_move(pen, talk, last.version + 1, last.turn, header)
        self.versions[talk] = last.version + 1

    def edit(self, talk: TalkId, turn: TurnId, new: Turn, *, version: int | None = None) -> TurnId:
        """Another wording of a turn, beside it and active; the old one stays as it was."""
        with self.writing() as pen:
            last = checked(pen, talk, version, self.versions.get(talk))
            belonging(pen.sql, talk, turn)
            old = reading.turn_row(pen.sql, turn, pen.where)
            said = Said(talk=talk, turn=new, parent=old.parent, scene=old.scene, edited_from=turn)
            kept = add_turn(pen, said)
            add_move(pen, talk, last.version + 1, kept, last.header)
        self.versions[talk] = last.version + 1
        return kept

    def rate(self, turn: TurnId, rating: int | None, note: str = "") -> None:
        """What somebody thinks of a turn: 1 good, -1 bad, 0 neither, None takes it back.

        The newest rating counts; the earlier ones are kept.
        """
        if rating not in (-1, 0, 1, None):
            raise StoreError(f"a rating of {shown(rating)}: give -1, 0, 1 or none")
        with self.writing() as pen:
            talk = reading.turn_row(pen.sql, turn, pen.where).talk
            add_mark(pen, talk, turn, "rating", {"rating": rating, "note": note})

    def hide(self, turn: TurnId, *, version: int | None = None) -> None:
        """Take a turn, and all that follows it, out of sight; it stays in the store.

        An active path that went there ends in the turn before.
        """
        with self.writing() as pen:
            row = reading.turn_row(pen.sql, turn, pen.where)
            last = checked(pen, row.talk, version, self.versions.get(row.talk))
            add_mark(pen, row.talk, turn, "hidden", True)
            way = reading.path_to(last.turn)
            is_on = pen.sql.execute(select(way.c.id).where(way.c.id == turn)).first()
            end = row.parent if is_on else last.turn
            add_move(pen, row.talk, last.version + 1, end, last.header)
        self.versions[row.talk] = last.version + 1

    def show(self, turn: TurnId, *, version: int | None = None) -> None:
        """Bring a hidden turn back into sight, with what followed it; the active path stays."""
        with self.writing() as pen:
            talk = reading.turn_row(pen.sql, turn, pen.where).talk
            last = checked(pen, talk, version, self.versions.get(talk))
            add_mark(pen, talk, turn, "hidden", False)
            add_move(pen, talk, last.version + 1, last.turn, last.header)
        self.versions[talk] = last.version + 1

    def retitle(self, talk: TalkId, title: str) -> None:
        self.mark(talk, "title", title)

    def assign(self, talk: TalkId, agent_name: str, agent: str = "") -> None:
        """Another agent plays from here on; `agent` is the text of its file."""
        self.mark(talk, "agent", {"name": agent_name, "file": agent})

    def hide_talk(self, talk: TalkId) -> None:
        """Take a talk out of the list; it stays in the store."""
        self.mark(talk, "hidden", True)

    def show_talk(self, talk: TalkId) -> None:
        self.mark(talk, "hidden", False)

    def mark(self, talk: TalkId, name: str, value: object) -> None:
        with self.writing() as pen:
            reading.last_move(pen.sql, talk, pen.where)
            add_mark(pen, talk, None, name, value)

    def adopt(self, talk: WholeTalk) -> TalkId:
        """A talk from elsewhere, under a new id; whole, or nothing of it when it raises."""
        return self.adopt_all([talk])[0]

    def adopt_all(self, talks: Iterable[WholeTalk]) -> tuple[TalkId, ...]:
        """Talks from elsewhere, under new ids: all of them, or none when one is wrong."""
        ids = []
        with self.writing() as pen:
            for talk in talks:
                ids.append(new_id(pen.sql, self.clock))
                taken_in(pen, ids[-1], talk)
        return tuple(ids)

    def post(self, conversation: Conversation, title: str = "") -> str:
        """Put a scene up, turns and all; its id, the same for the same scene."""
        with self.writing() as pen:
            return posting.posted(pen, conversation, title)

    def unpost(self, id: str) -> None:
        """Take a scene down; raises NotKept when it is not up."""
        with self.writing() as pen:
            posting.unposted(pen, id)
