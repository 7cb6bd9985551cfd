"""Keeping a talk in the store: which stored turn is which turn of the talk."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tertulia.agent import Agent, Reply
from tertulia.conversation import Conversation, Turn
from tertulia.errors import Conflict, StoreError
from tertulia.record import opening, record
from tertulia.store import DraftId, Store, TalkId, TurnId

PAUSE_SECONDS = 0.25
"""Words of a reply under way are put on the disk no more often than this."""


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

    def keep(self, turn: Turn, before: Conversation) -> None:
        """What a person says after the turns of `before`; raises StoreError when it is not kept."""
        if self.store and self.talk:
            earlier = self.ids[: len(before.turns)]
            parent = earlier[-1] if earlier else None
            with cured():
                kept = self.store.keep(self.talk, turn, conversation=before, parent=parent)
            self.ids = [*earlier, kept]

    @contextmanager
    def drafting(self, before: Conversation, agent: Agent, seed: int) -> Iterator["Draft"]:
        """A reply to `before`, kept while it is made; what is cut off stays beside the path."""
        draft = Draft(self, before, agent, seed)
        try:
            yield draft
        finally:
            draft.stop()

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


class Draft:
    """One reply of the agent, from before its first word."""

    def __init__(self, keeper: Keeper, before: Conversation, agent: Agent, seed: int) -> None:
        self.keeper, self.before, self.agent = keeper, before, agent
        self.earlier = keeper.ids[: len(before.turns)]
        self.id: DraftId | None = None
        self.waiting, self.said, self.grown_at = "", False, 0.0
        if keeper.store and keeper.talk:
            known = opening(agent, agent_file=keeper.agent_file, given=before.plan, seed=seed)
            with cured():
                self.id = keeper.store.draft(
                    keeper.talk,
                    parent=self.earlier[-1] if self.earlier else None,
                    conversation=before,
                    speaker=before.agent,
                    reply=known,
                )

    def grow(self, text: str) -> None:
        """So many words more; on the disk before they are shown, or soon after."""
        # A model begins with a blank, which is no part of what is said.
        self.waiting += text if self.said or self.waiting else text.lstrip()
        now = time.monotonic()
        if self.waiting.strip() and now - self.grown_at >= PAUSE_SECONDS:
            self.flush()
            self.grown_at = now

    def flush(self) -> None:
        if self.keeper.store and self.id and self.waiting:
            with cured():
                self.keeper.store.grow(self.id, self.waiting)
            self.waiting, self.said = "", True

    def settle(self, reply: Reply) -> None:
        """The reply, whole."""
        keeper = self.keeper
        if keeper.store and keeper.talk and self.id:
            told = record(self.agent, reply, agent_file=keeper.agent_file, given=self.before.plan)
            with cured():
                kept = keeper.store.settle(self.id, reply.turn, told)
            self.id = None
            keeper.ids = [*self.earlier, kept]

    def stop(self) -> None:
        """What was said so far stays as a turn of its own; nothing, when nothing was said."""
        if not self.keeper.store or not self.id:
            return
        # A store that fails now is told already, or with the next turn; the draft is not lost.
        with suppress(StoreError):
            self.flush()
            draft, self.id = self.id, None
            if self.said:
                self.keeper.store.interrupt(draft, "stopped", activate=False)
            else:
                self.keeper.store.discard(draft)


@contextmanager
def cured() -> Iterator[None]:
    """A failing store is told with the way to talk all the same: nothing is lost unsaid."""
    try:
        yield
    except Conflict:
        raise
    except StoreError as error:
        raise StoreError(f"{error}; or start with --no-store, which keeps nothing") from error
