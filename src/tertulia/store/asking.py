"""The half of a store that reads, and that minds the replies under way."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from secrets import token_hex
from types import TracebackType
from typing import Self

from sqlalchemy import select

from tertulia.config import shown
from tertulia.conversation import Conversation, Turn
from tertulia.errors import NotKept, StoreError
from tertulia.store import drafting, posting, reading
from tertulia.store.connection import Database
from tertulia.store.moving import stamped, taken_out
from tertulia.store.records import (
    DraftId,
    PostedScene,
    StoredTurn,
    TalkId,
    TalkSummary,
    TurnId,
    WholeTalk,
)
from tertulia.store.tables import talks, turns
from tertulia.store.writing import Pen, belonging, checked


class Asking:
    """An open store, as far as it is asked. Use Store.

    versions  the version of each talk when this store last wrote to it or read its path
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self.database = database
        self.clock = clock
        self.writer = token_hex(8)
        self.versions: dict[TalkId, int] = {}

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def writing(self) -> Iterator[Pen]:
        """A transaction: all of it is on the disk afterwards, or nothing."""
        with self.database.writing() as sql:
            yield Pen(sql, self.database.where, self.writer, stamped(self.clock()))

    def path(self, talk: TalkId, *, light: bool = False) -> tuple[StoredTurn, ...]:
        """The turns of the active path, oldest first.

        light  without how the replies came about, which are most of what a long talk holds
        """
        self.mend(talk)
        where = self.database.where
        with self.database.reading() as sql:
            last = reading.last_move(sql, talk, where)
            found = reading.path(sql, talk, last.turn, where, light)
        self.versions[talk] = last.version
        return found

    def path_to(self, turn: TurnId, *, light: bool = False) -> tuple[StoredTurn, ...]:
        """A turn of any branch and all that it answers, oldest first."""
        where = self.database.where
        with self.database.reading() as sql:
            talk = reading.turn_row(sql, turn, where).talk
            return reading.path(sql, talk, turn, where, light)

    def tree(
        self, talk: TalkId, *, hidden: bool = False, light: bool = False
    ) -> tuple[StoredTurn, ...]:
        """Every turn of the talk, on whatever branch, in the order they were kept.

        hidden  with those that were taken out of sight, and what follows them
        light   without how the replies came about
        """
        self.mend(talk)
        with self.database.reading() as sql:
            reading.last_move(sql, talk, self.database.where)
            return reading.tree(sql, talk, self.database.where, hidden, light)

    def turn(self, turn: TurnId) -> StoredTurn:
        """One turn; raises NotKept when it is not there."""
        with self.database.reading() as sql:
            talk = reading.turn_row(sql, turn, self.database.where).talk
            query = reading.turns_query(light=False).where(turns.c.id == turn)
            return reading.read_turns(sql, talk, query, self.database.where)[0]

    def siblings(self, turn: TurnId) -> tuple[StoredTurn, ...]:
        """The turns in sight that answer the same turn, in the order they were kept."""
        where = self.database.where
        with self.database.reading() as sql:
            row = reading.turn_row(sql, turn, where)
            beside = turns.c.parent.is_not_distinct_from(row.parent)
            query = reading.turns_query(light=False).where(turns.c.talk == row.talk, beside)
            found = reading.read_turns(sql, row.talk, query.order_by(turns.c.id), where)
        return tuple(each for each in found if not each.hidden)

    def conversation(self, talk: TalkId) -> Conversation:
        """The talk along its active path, with the direction and the plan it has now."""
        path = self.path(talk, light=True)
        return replace(self.header(talk), turns=tuple(each.turn for each in path))

    def header(self, talk: TalkId) -> Conversation:
        """The names, direction and plan the talk has now; no turns."""
        where = self.database.where
        with self.database.reading() as sql:
            return reading.header_of(sql, reading.last_move(sql, talk, where).header, where)

    def scene(self, talk: TalkId) -> Conversation:
        """The names, direction and plan the talk began with; no turns."""
        where = self.database.where
        with self.database.reading() as sql:
            return reading.header_of(sql, reading.talk_row(sql, talk, where).scene, where)

    def agent(self, talk: TalkId) -> str:
        """The text of the agent file that plays."""
        with self.database.reading() as sql:
            return reading.agent_file(sql, talk, self.database.where)

    def version(self, talk: TalkId) -> int:
        """How often the talk's active path or direction changed; 1 for a talk just begun."""
        with self.database.reading() as sql:
            return reading.last_move(sql, talk, self.database.where).version

    def talks(
        self, limit: int = 20, search: str = "", *, offset: int = 0, hidden: bool = False
    ) -> tuple[TalkSummary, ...]:
        """The talks that changed last, newest first.

        search  only those in which somebody says this, on any branch, or whose title or first
                direction holds it; case does not matter
        offset  leave out so many of the newest
        hidden  with those that were taken out of sight
        """
        with self.database.reading() as sql:
            ids = reading.listed(sql, search, hidden)[offset : offset + limit]
            return tuple(reading.summary(sql, each, self.database.where) for each in ids)

    def summary(self, talk: str) -> TalkSummary:
        """One talk, by its id, or the beginning or the end of it.

        Raises NotKept when there is none, and when more than one begins or ends so.
        """
        with self.database.reading() as sql:
            rows = sql.execute(select(talks.c.id).order_by(talks.c.id)).scalars()
            ids = [id for id in rows if id.startswith(talk) or id.endswith(talk)]
            if not ids:
                raise reading.no_talk(talk, self.database.where)
            if talk not in ids and len(ids) > 1:
                raise NotKept(
                    f"{len(ids)} talks begin or end with {shown(talk)}, such as {ids[0]} and "
                    f"{ids[1]}: give more of the id"
                )
            found = TalkId(talk if talk in ids else ids[0])
            return reading.summary(sql, found, self.database.where)

    def whole(self, talk: TalkId) -> WholeTalk:
        """All that is kept of a talk, hidden turns too."""
        self.mend(talk)
        with self.database.reading() as sql:
            return taken_out(sql, talk, self.database.where)

    def posted(self) -> tuple[PostedScene, ...]:
        """The scenes that are up, in the order they were posted."""
        with self.database.reading() as sql:
            return posting.listed(sql, self.database.where)

    def draft(
        self,
        talk: TalkId,
        *,
        parent: TurnId | None,
        conversation: Conversation,
        speaker: str,
        reply: object = None,
        version: int | None = None,
    ) -> DraftId:
        """A reply that is being made, on the disk before its first word.

        conversation  as for `keep`
        reply         what is known of it already, as tertulia.record.opening gives

        After a crash it becomes a turn with its words so far when the talk is next read. Raises
        Conflict as `keep` does.
        """
        with self.writing() as pen:
            last = checked(pen, talk, version, self.versions.get(talk))
            belonging(pen.sql, talk, parent)
            begun = drafting.begun(pen, last, talk, parent, conversation, speaker, reply)
        self.versions[talk] = last.version
        return begun

    def grow(self, draft: DraftId, text: str) -> None:
        """So many words more; each call waits for the disk, so gather some."""
        with self.writing() as pen:
            drafting.grown(pen, draft, text)

    def settle(
        self,
        draft: DraftId,
        turn: Turn,
        reply: object,
        *,
        then: Conversation | None = None,
        activate: bool = True,
    ) -> TurnId:
        """The turn that the draft became. `reply` and `then` are as for `keep`.

        It is always kept. It ends the active path when the talk did not move since the draft.
        """
        with self.writing() as pen:
            talk, kept, version = drafting.settled(
                pen, draft, turn, reply, then=then, activate=activate
            )
        self.saw(talk, version)
        return kept

    def interrupt(
        self, draft: DraftId, status: str = "interrupted", *, activate: bool = True
    ) -> TurnId | None:
        """The turn of a draft that goes no further, with its words so far.

        The active path goes there as with `settle`, unless there is no word. A draft that has
        ended already gives its turn, None when it was discarded.
        """
        with self.writing() as pen:
            talk, kept, version = drafting.interrupted(pen, draft, status, activate)
        self.saw(talk, version)
        return kept

    def discard(self, draft: DraftId) -> None:
        """The draft becomes no turn; one that has ended already stays as it is."""
        with self.writing() as pen:
            drafting.discarded(pen, draft)

    def saw(self, talk: TalkId, version: int | None) -> None:
        """Take note of a move of one's own."""
        if version is not None:
            self.versions[talk] = version

    def drafts(self, talk: TalkId) -> tuple[DraftId, ...]:
        """The replies of a talk that are under way."""
        self.mend(talk)
        with self.database.reading() as sql:
            reading.last_move(sql, talk, self.database.where)
            return tuple(DraftId(row.id) for row in reading.unended(sql, talk))

    def mend(self, talk: TalkId) -> None:
        """Drafts whose process is gone become turns.

        On a disk that is full or takes no writes they stay drafts: what is kept can still be read.
        """
        with self.database.reading() as sql:
            reading.last_move(sql, talk, self.database.where)
            rows = reading.unended(sql, talk)
            gone = drafting.lost(sql, rows, self.writer, self.clock()) if rows else []
        with suppress(StoreError):
            for draft in gone:
                self.interrupt(draft)
