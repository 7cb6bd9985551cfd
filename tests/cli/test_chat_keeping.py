"""What the terminal keeps of a reply while it is made, and when it is not made to its end."""

from dataclasses import replace

import pytest

from tertulia.cli.chat.keeping import PAUSE_SECONDS, Keeper
from tertulia.errors import EngineError, StoreError
from tertulia.store import MEMORY, Store, StoredTurn
from tests.cli.talking import SCENE, begun, events, replies, scripted
from tests.cli.test_chat import Failing


@pytest.fixture
def store() -> Store:
    return Store.open(MEMORY)


def kept(store: Store) -> tuple[StoredTurn, ...]:
    return store.tree(store.talks()[0].id)


def path(store: Store) -> list[str]:
    return [each.turn.text for each in store.path(store.talks()[0].id)]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), EngineError("no answer")])
def test_words_that_were_cut_off_stay_beside_the_talk(store: Store, error: BaseException) -> None:
    session = begun(agent=replace(scripted(), engine=Failing(error)), store=store)
    events(session, "hi")
    assert [(each.turn.text, each.status) for each in kept(store)] == [
        ("hi", "whole"),
        ("Well", "stopped"),
    ]
    assert path(store) == ["hi"]
    session.agent = scripted()
    assert replies(session, "/again") == ["Two."]
    assert path(store) == ["hi", "Two."]


def test_a_reply_that_was_stopped_before_its_first_word_leaves_nothing(store: Store) -> None:
    stopped = replace(scripted(candidates=2), engine=Failing(KeyboardInterrupt()))
    events(begun(agent=stopped, store=store), "hi")
    assert [each.turn.text for each in kept(store)] == ["hi"]


def test_a_reply_is_kept_with_all_that_makes_it_again(store: Store) -> None:
    session = begun(store=store)
    session.keeper.agent_file = "format = 1"
    events(session, "hi")
    reply = kept(store)[-1].reply
    assert reply is not None
    assert (reply["agent_file"], reply["seed"], reply["agent"]) == ("format = 1", 0, "script")
    assert reply["decoding"]["max_new_tokens"] == 16 and reply["status"] == "whole"


def test_words_wait_for_the_disk_a_few_times_a_second(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter([10.0, 10.0 + PAUSE_SECONDS / 2, 10.0 + PAUSE_SECONDS])
    monkeypatch.setattr("tertulia.cli.chat.keeping.time.monotonic", lambda: next(now))
    grown: list[str] = []
    keeper = Keeper(store)
    keeper.begin(SCENE)
    monkeypatch.setattr(store, "grow", lambda draft, text: grown.append(text))
    with keeper.drafting(SCENE, scripted(), 0) as draft:
        for word in (" One", " two", " three"):
            draft.grow(word)
        assert grown == ["One", " two three"]


def test_a_reply_that_cannot_be_kept_is_not_said(store: Store) -> None:
    session = begun(store=store)
    store.close()
    with pytest.raises(StoreError, match="or start with --no-store"):
        list(session.say("hi"))
