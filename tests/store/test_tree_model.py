"""Whatever people do with a talk, the store's tree is the tree of a model held in memory."""

import io
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tertulia import interchange
from tertulia.conversation import Conversation, Direction, Turn
from tertulia.store import MEMORY, DraftId, Store, TurnId, WholeTalk

TEXTS = st.text(st.characters(), max_size=5).filter(
    lambda text: text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") == text
)
PLACES = st.integers(0, 10**6)


@dataclass
class Node:
    parent: TurnId | None
    text: str
    edited_from: TurnId | None = None
    rating: int | None = None
    hidden: bool = False
    status: str = "whole"


@dataclass
class Draft:
    parent: TurnId | None
    version: int
    pieces: list[str] = field(default_factory=list)


class Talk(RuleBasedStateMachine):
    """The model: nodes by id, the active end, the version, the direction, replies under way."""

    @initialize(texts=st.lists(TEXTS, max_size=3))
    def begin(self, texts: list[str]) -> None:
        self.store = Store.open(MEMORY)
        self.nodes: dict[TurnId, Node] = {}
        self.drafts: dict[DraftId, Draft] = {}
        self.header = Conversation()
        self.version = 1
        self.active: TurnId | None = None
        talk = replace(self.header, turns=tuple(Turn("User", text) for text in texts))
        self.talk = self.store.begin(talk)
        for each in self.store.path(self.talk):
            self.nodes[each.id] = Node(self.active, each.turn.text)
            self.active = each.id

    def teardown(self) -> None:
        self.store.close()

    def seen(self) -> list[TurnId]:
        """The turns in sight."""
        return [turn for turn in self.nodes if not any(self.nodes[n].hidden for n in self.up(turn))]

    def up(self, turn: TurnId | None) -> list[TurnId]:
        """A turn and all that it answers, the first last."""
        found = []
        while turn is not None:
            found.append(turn)
            turn = self.nodes[turn].parent
        return found

    def some(self, place: int) -> TurnId | None:
        """A turn in sight, or the start."""
        choices = [None, *self.seen()]
        return choices[place % len(choices)]

    def any(self, place: int) -> TurnId:
        return list(self.nodes)[place % len(self.nodes)]

    @rule(place=PLACES, text=TEXTS, activate=st.booleans())
    def add(self, place: int, text: str, activate: bool) -> None:
        parent = self.some(place)
        kept = self.store.keep(
            self.talk,
            Turn("User", text),
            conversation=self.header,
            parent=parent,
            activate=activate,
        )
        self.nodes[kept] = Node(parent, text)
        if activate:
            self.active, self.version = kept, self.version + 1

    @precondition(lambda self: self.active is not None)
    @rule(text=TEXTS)
    def swipe(self, text: str) -> None:
        """Another reply beside the last one."""
        assert self.active is not None
        parent = self.nodes[self.active].parent
        kept = self.store.keep(
            self.talk, Turn("Agent", text), conversation=self.header, parent=parent, reply={}
        )
        self.nodes[kept] = Node(parent, text)
        self.active, self.version = kept, self.version + 1

    @precondition(lambda self: self.seen())
    @rule(place=PLACES, text=TEXTS)
    def edit(self, place: int, text: str) -> None:
        turn = self.seen()[place % len(self.seen())]
        kept = self.store.edit(self.talk, turn, Turn("User", text))
        self.nodes[kept] = Node(self.nodes[turn].parent, text, edited_from=turn)
        self.active, self.version = kept, self.version + 1

    @rule(place=PLACES)
    def branch(self, place: int) -> None:
        """Go to another turn, or back (undo)."""
        self.active = self.some(place)
        self.store.activate(self.talk, self.active)
        self.version += 1

    @precondition(lambda self: self.nodes)
    @rule(place=PLACES)
    def hide(self, place: int) -> None:
        turn = self.any(place)
        self.store.hide(turn)
        self.nodes[turn].hidden = True
        if turn in self.up(self.active):
            self.active = self.nodes[turn].parent
        self.version += 1

    @precondition(lambda self: self.nodes)
    @rule(place=PLACES)
    def show(self, place: int) -> None:
        turn = self.any(place)
        self.store.show(turn)
        self.nodes[turn].hidden = False
        self.version += 1

    @precondition(lambda self: self.nodes)
    @rule(place=PLACES, rating=st.sampled_from([-1, 0, 1, None]))
    def rate(self, place: int, rating: int | None) -> None:
        self.store.rate(self.any(place), rating)
        self.nodes[self.any(place)].rating = rating

    @rule(situation=TEXTS)
    def direct(self, situation: str) -> None:
        self.header = self.header.directed(Direction(situation=situation))
        self.store.direct(self.talk, self.header)
        self.version += 1

    @rule(place=PLACES)
    def draft(self, place: int) -> None:
        parent = self.some(place)
        draft = self.store.draft(
            self.talk, parent=parent, conversation=self.header, speaker="Agent"
        )
        self.drafts[draft] = Draft(parent, self.version)

    @precondition(lambda self: self.drafts)
    @rule(place=PLACES, text=TEXTS)
    def grow(self, place: int, text: str) -> None:
        draft = list(self.drafts)[place % len(self.drafts)]
        self.store.grow(draft, text)
        self.drafts[draft].pieces.append(text)

    @precondition(lambda self: self.drafts)
    @rule(place=PLACES, way=st.sampled_from(["settle", "interrupt", "discard"]))
    def end(self, place: int, way: str) -> None:
        draft = list(self.drafts)[place % len(self.drafts)]
        told = self.drafts.pop(draft)
        text = "".join(told.pieces)
        if way == "discard":
            self.store.discard(draft)
            return
        if way == "settle":
            kept = self.store.settle(draft, Turn("Agent", text), {}, then=self.header)
        else:
            found = self.store.interrupt(draft)
            assert found is not None
            kept = found
        self.nodes[kept] = Node(
            told.parent, text, status="whole" if way == "settle" else "interrupted"
        )
        if told.version == self.version and (way == "settle" or text.strip()):
            self.active, self.version = kept, self.version + 1

    @rule(by_file=st.booleans())
    def take_elsewhere(self, by_file: bool) -> None:
        """Whole, then adopt: the same talk; also when it was a file in between."""
        whole = self.store.whole(self.talk)
        other = self.store.whole(self.store.adopt(filed(whole) if by_file else whole))
        ids = dict(zip((each.id for each in whole.turns), other.turns, strict=True))
        for each in whole.turns:
            same = replace(
                ids[each.id],
                id=each.id,
                talk=each.talk,
                parent=each.parent,
                edited_from=each.edited_from,
            )
            assert same == each
            for name in ("parent", "edited_from"):
                before, after = getattr(each, name), getattr(ids[each.id], name)
                assert after == (None if before is None else ids[before].id)
        assert other.active == (None if whole.active is None else ids[whole.active].id)
        assert (other.header, other.scene, other.created) == (
            whole.header,
            whole.scene,
            whole.created,
        )

    @invariant()
    def the_active_path_is_the_model_s(self) -> None:
        path = self.store.path(self.talk)
        assert [each.id for each in path] == self.up(self.active)[::-1]
        assert self.store.version(self.talk) == self.version
        assert self.store.header(self.talk) == self.header
        assert {each.id for each in path} <= set(self.seen())

    @invariant()
    def the_tree_is_the_model_s_and_has_no_orphan(self) -> None:
        everything = self.store.tree(self.talk, hidden=True)
        assert [each.id for each in everything] == list(self.nodes)
        for each in everything:
            node = self.nodes[each.id]
            assert each.parent == node.parent and each.turn.text == node.text
            assert (each.edited_from, each.rating) == (node.edited_from, node.rating)
            assert (each.hidden, each.status) == (node.hidden, node.status)
        assert [each.id for each in self.store.tree(self.talk, light=True)] == self.seen()
        assert set(self.store.drafts(self.talk)) == set(self.drafts)


def filed(whole: WholeTalk) -> WholeTalk:
    """The talk as it comes back from a file of our own form."""
    pieces, _ = interchange.exported("jsonl", [whole])
    content = io.BytesIO("".join(pieces).encode())
    found, _ = interchange.imported("jsonl", content, where="talk", now=whole.changed)
    (back,) = found
    return back


class TestTalk(Talk.TestCase):  # type: ignore[name-defined,misc]
    settings = settings(max_examples=8, stateful_step_count=20, deadline=None)


LONG = settings(max_examples=20, stateful_step_count=40, deadline=None)


@pytest.mark.slow
class TestLongTalk(Talk.TestCase):  # type: ignore[name-defined,misc]
    settings = LONG


@pytest.mark.slow
class TestAnotherLongTalk(Talk.TestCase):  # type: ignore[name-defined,misc]
    """The same again, so that two processes share the work; each run tries other talks."""

    settings = LONG
