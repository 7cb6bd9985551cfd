"""Keeping a talk in the store: which stored turn is which turn of the talk."""

from collections.abc import Iterator
from contextlib import contextmanager

from tertulia.agent import Agent, Reply
from tertulia.conversation import Conversation, Turn
from tertulia.errors import Conflict, StoreError
from tertulia.record import record
from tertulia.store import Store, TalkId, TurnId


class Keeper:
    """Keeps every turn before it is shown; with no store, keeps nothing.

    agent_file  the text of the agent file that plays, kept with each talk
    """

    def __init__(self, store: Store | None, agent_file: str = "") -> None:
        self.store = store
        self.agent_file = agent_file
        self.talk: TalkId | None = None
        self.ids: list[TurnId] = []

    @classmethod
    def open(cls, place: str | None, agent_file: str = "") -> "Keeper":
        """On the store in this file or database, the default one when it is None."""
        with cured():
            return cls(Store.open(place), agent_file)

    def begin(self, conversation: Conversation) -> None:
        """A new talk, with the turns it already has."""
        if self.store:
            with cured():
                self.talk = self.store.begin(conversation, self.agent_file)
                self.ids = [each.id for each in self.store.path(self.talk)]

    def keep(self, turn: Turn, before: Conversation, reply: Reply | None, agent: Agent) -> None:
        """One more turn after those of `before`; raises StoreError when it could not be kept."""
        if self.store and self.talk:
            earlier = self.ids[: len(before.turns)]
            parent = earlier[-1] if earlier else None
            told = (
                record(agent, reply, agent_file=self.agent_file, given=before.plan)
                if reply
                else None
            )
            with cured():
                kept = self.store.keep(
                    self.talk, turn, conversation=before, parent=parent, reply=told
                )
            self.ids = [*earlier, kept]

    def rewind(self, turns: int) -> None:
        """The talk goes on from its first so many turns."""
        if self.store and self.talk:
            with cured():
                self.store.activate(self.talk, self.ids[turns - 1] if turns else None)
            del self.ids[turns:]

    def find(self, talk: str) -> Conversation | None:
        """A kept talk, by its id or the beginning of it; None when nothing is kept here."""
        if not self.store:
            return None
        return self.store.conversation(self.store.summary(talk).id)

    def close(self) -> None:
        if self.store:
            self.store.close()


@contextmanager
def cured() -> Iterator[None]:
    """A failing store is told with the way to talk all the same: nothing is lost unsaid."""
    try:
        yield
    except Conflict:
        raise
    except StoreError as error:
        raise StoreError(f"{error}; or start with --no-store, which keeps nothing") from error
