"""Replies under way: nothing that was said is lost, and nothing is said twice."""

import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tertulia.conversation import Conversation, Turn
from tertulia.errors import Conflict, NotKept
from tertulia.store import DraftId, Store, TalkId, TurnId, drafting

TALK = Conversation(agent="Ann", user="Bob")


def begun(store: Store, reply: object = None) -> tuple[TalkId, TurnId, DraftId]:
    """A talk, the turn that is answered, and the draft of the answer."""
    talk = store.begin(TALK.said("Bob", "Hello."))
    (first,) = store.path(talk)
    draft = store.draft(talk, parent=first.id, conversation=TALK, speaker="Ann", reply=reply)
    return talk, first.id, draft


def texts(store: Store, talk: TalkId) -> list[str]:
    return [each.turn.text for each in store.path(talk)]


def test_a_draft_is_no_turn_until_it_is_settled(store: Store) -> None:
    talk, first, draft = begun(store)
    store.grow(draft, "Mind ")
    assert texts(store, talk) == ["Hello."] and store.drafts(talk) == (draft,)
    kept = store.settle(draft, Turn("Ann", "Mind the step."), {"seed": 3})
    assert texts(store, talk) == ["Hello.", "Mind the step."]
    assert (store.turn(kept).parent, store.turn(kept).reply) == (first, {"seed": 3})
    assert store.drafts(talk) == ()


def test_an_interrupted_draft_keeps_its_words_so_far(store: Store) -> None:
    talk, first, draft = begun(store, {"seed": 3, "agent_file": "format = 1"})
    for piece in ("Mind ", "the\0\ud800", " st"):
        store.grow(draft, piece)
    kept = store.interrupt(draft)
    assert kept is not None
    turn = store.turn(kept)
    assert (turn.turn, turn.status) == (Turn("Ann", "Mind the\0\ud800 st"), "interrupted")
    assert turn.reply is not None and turn.reply["status"] == "interrupted"
    assert (turn.reply["seed"], turn.reply["agent_file"]) == (3, "format = 1")
    assert texts(store, talk)[-1] == "Mind the\0\ud800 st"


def test_a_draft_without_a_word_leaves_the_active_path_where_it_was(store: Store) -> None:
    talk, _, draft = begun(store)
    store.interrupt(draft)
    assert texts(store, talk) == ["Hello."]
    assert [each.status for each in store.tree(talk)] == ["whole", "interrupted"]


def test_a_stopped_draft_says_so(store: Store) -> None:
    _, _, draft = begun(store)
    store.grow(draft, "Mind")
    kept = store.interrupt(draft, "stopped")
    assert kept is not None and store.turn(kept).status == "stopped"


def test_a_discarded_draft_leaves_no_turn(store: Store) -> None:
    talk, first, draft = begun(store)
    store.grow(draft, "Mind")
    store.discard(draft)
    assert store.drafts(talk) == () and store.interrupt(draft) is None
    assert len(store.tree(talk)) == 1


def test_a_draft_ends_once(store: Store) -> None:
    talk, _, draft = begun(store)
    kept = store.settle(draft, Turn("Ann", "Yes."), None)
    assert store.interrupt(draft) == kept
    store.discard(draft)
    assert texts(store, talk) == ["Hello.", "Yes."]


def test_a_reply_to_a_talk_that_went_on_is_kept_beside_the_path(store: Store) -> None:
    talk, first, draft = begun(store)
    store.keep(talk, Turn("Bob", "Never mind."), conversation=TALK, parent=first)
    kept = store.settle(draft, Turn("Ann", "Yes?"), None)
    assert texts(store, talk) == ["Hello.", "Never mind."]
    store.activate(talk, kept)
    assert texts(store, talk) == ["Hello.", "Yes?"]


def test_a_reply_may_be_kept_beside_the_path_on_purpose(store: Store) -> None:
    talk, _, draft = begun(store)
    store.settle(draft, Turn("Ann", "Yes?"), None, activate=False)
    assert texts(store, talk) == ["Hello."] and len(store.tree(talk)) == 2


def test_a_draft_of_a_talk_that_was_continued_elsewhere_is_a_conflict(place: str) -> None:
    with Store.open(place) as one, Store.open(place) as two:
        talk = one.begin(TALK)
        two.path(talk)
        one.keep(talk, Turn("Bob", "Hi."), conversation=TALK, parent=None)
        with pytest.raises(Conflict):
            two.draft(talk, parent=None, conversation=TALK, speaker="Ann")


def test_another_store_sees_that_a_reply_is_under_way_and_leaves_it_alone(place: str) -> None:
    with Store.open(place) as one, Store.open(place) as two:
        talk, _, draft = begun(one)
        one.grow(draft, "Mind")
        assert two.drafts(talk) == (draft,) and texts(two, talk) == ["Hello."]


CRASH = """
import os, sys
from tertulia.conversation import Conversation
from tertulia.store import Store
store = Store.open(sys.argv[1])
talk = store.begin(Conversation(agent="Ann", user="Bob").said("Bob", "Hello."))
(first,) = store.path(talk)
draft = store.draft(talk, parent=first.id, conversation=Conversation(), speaker="Ann")
store.grow(draft, "Mind the")
print(talk, flush=True)
os._exit(9)
"""


def test_a_reply_of_a_program_that_died_is_interrupted_with_its_words_so_far(place: str) -> None:
    done = subprocess.run([sys.executable, "-c", CRASH, place], capture_output=True, text=True)
    assert done.returncode == 9, done.stderr
    with Store.open(place) as store, Store.open(place) as other:
        talk = TalkId(done.stdout.strip())
        assert texts(store, talk) == texts(other, talk) == ["Hello.", "Mind the"]
        assert store.path(talk)[-1].status == "interrupted"
        assert len(store.tree(talk)) == 2 and store.drafts(talk) == ()


def test_a_talk_with_a_lost_reply_is_read_where_nothing_can_be_written(tmp_path: Path) -> None:
    place = str(tmp_path / "talks.db")
    done = subprocess.run([sys.executable, "-c", CRASH, place], capture_output=True, text=True)
    talk = TalkId(done.stdout.strip())
    with Store.open(place) as store:
        store.database.sql.exec_driver_sql("PRAGMA query_only = ON")
        assert texts(store, talk) == ["Hello."] and len(store.drafts(talk)) == 1
        store.database.sql.exec_driver_sql("PRAGMA query_only = OFF")
        assert texts(store, talk) == ["Hello.", "Mind the"]


def test_a_process_with_the_number_of_another_is_not_taken_for_it() -> None:
    now = datetime.now(UTC)
    machine, number, start = drafting.place().split(" ")
    assert drafting.is_alive(f"{machine} {number} {start}", now, now)
    assert not drafting.is_alive(f"{machine} {number} {start}1", now, now)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells of processes")
def test_a_process_that_nobody_took_note_of_is_dead() -> None:
    now = datetime.now(UTC)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        place = f"{socket.gethostname()} {child.pid} {drafting.started(child.pid)}"
        assert drafting.is_alive(place, now, now)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not drafting.is_alive(place, now, now)


def test_of_another_machine_a_draft_is_lost_when_it_is_silent_for_long() -> None:
    now = datetime.now(UTC)
    assert drafting.is_alive("elsewhere 1 1", now - timedelta(minutes=9), now)
    assert not drafting.is_alive("elsewhere 1 1", now - timedelta(minutes=11), now)


def test_an_unknown_draft_is_told_as_such(store: Store) -> None:
    for asked in (store.discard, store.interrupt, lambda each: store.grow(each, "x")):
        with pytest.raises(NotKept, match="no draft 99"):
            asked(DraftId(99))
