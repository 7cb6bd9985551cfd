"""Whole talks, taken out of a store and into another."""

from dataclasses import replace

import pytest

from tertulia.conversation import Conversation, Direction, Plan, Turn
from tertulia.errors import StoreError
from tertulia.store import MEMORY, Store, TalkId, TurnId, WholeTalk

TALK = Conversation(agent="Ann", user="Bob", direction=Direction(situation="A ferry at night."))


def rich(store: Store) -> TalkId:
    """A talk with all that can be kept of one."""
    talk = store.begin(TALK.said("Bob", "Hello."), "format = 1", agent_name="mini", title="Sea\0")
    (first,) = store.path(talk)
    reply = {"seed": 3, "agent_file": "format = 1", "candidates": [{"text": "Ahoy."}]}
    told = TALK.planned(Plan(goal="greet."))
    second = store.keep(
        talk, Turn("Ann", "Ahoy.\ud800", "a sail"), conversation=told, parent=first.id, reply=reply
    )
    store.keep(talk, Turn("Ann", "Hm."), conversation=TALK, parent=first.id)
    store.edit(talk, second, Turn("Ann", "Ahoy!"))
    store.rate(second, -1, "short")
    gone = store.keep(talk, Turn("Bob", "Bye."), conversation=TALK, parent=second)
    store.hide(gone)
    draft = store.draft(talk, parent=second, conversation=TALK, speaker="Ann")
    store.grow(draft, "Where are you")
    store.interrupt(draft)
    store.direct(talk, TALK.directed(Direction(situation="Morning.")))
    return talk


def renumbered(talk: WholeTalk) -> WholeTalk:
    """The same talk, its id and those of its turns counted from 1."""
    ids: dict[TurnId | None, TurnId | None] = {None: None}
    for n, each in enumerate(talk.turns, start=1):
        ids[each.id] = TurnId(n)
    turns = tuple(
        replace(
            each,
            id=ids[each.id],
            talk=TalkId("it"),
            parent=ids[each.parent],
            edited_from=ids[each.edited_from],
        )
        for each in talk.turns
    )
    return replace(talk, id=TalkId("it"), turns=turns, active=ids[talk.active])


def test_a_talk_that_is_adopted_is_the_same_talk(store: Store) -> None:
    whole = store.whole(rich(store))
    assert len(whole.turns) == 6 and whole.title == "Sea\0"
    assert renumbered(store.whole(store.adopt(whole))) == renumbered(whole)


def test_a_talk_goes_from_one_kind_of_database_to_another(store: Store) -> None:
    with Store.open(MEMORY) as other:
        talk = rich(other)
        moved = store.whole(store.adopt(other.whole(talk)))
        assert renumbered(moved) == renumbered(other.whole(talk))
        assert store.conversation(moved.id) == other.conversation(talk)


def test_of_several_talks_all_are_adopted_or_none(store: Store) -> None:
    whole = store.whole(rich(store))
    (first, *rest) = whole.turns
    broken = replace(whole, turns=(*rest, first))
    with pytest.raises(StoreError, match="is not among the turns before it"):
        store.adopt_all([whole, broken])
    with pytest.raises(StoreError, match="the active turn"):
        store.adopt(replace(whole, turns=(), active=first.id))
    assert len(store.talks()) == 1
    assert len(store.adopt_all([whole, whole])) == 2


def test_times_of_other_zones_are_kept_as_the_same_moment(store: Store) -> None:
    from datetime import datetime, timedelta, timezone

    there = timezone(timedelta(hours=9))
    whole = store.whole(rich(store))
    moment = datetime(2020, 1, 2, 3, 4, 5, tzinfo=there)
    moved = store.whole(store.adopt(replace(whole, created=moment, changed=moment)))
    assert moved.created == moved.changed == moment
