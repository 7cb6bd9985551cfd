"""The store of talks: trees of turns, kept and given back."""

import sqlite3
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.conversation import Conversation, Direction, LoreEntry, Persona, Plan, Turn
from tertulia.errors import Conflict, StoreError
from tertulia.store import MEMORY, Store, TalkId, TurnId, default_path

TALK = Conversation(
    agent="Ann",
    user="Bob",
    direction=Direction(situation="A ferry at night.", personas=(Persona("Ann", ("i row.",)),)),
)


def said(store: Store, talk: TalkId, text: str, parent: TurnId | None) -> TurnId:
    return store.keep(talk, Turn("Bob", text), conversation=TALK, parent=parent)


def texts(store: Store, talk: TalkId) -> list[str]:
    return [each.turn.text for each in store.path(talk)]


def test_a_talk_begins_with_the_turns_it_has(store: Store) -> None:
    talk = TALK.said("Bob", "Hello.").said("Ann", "Mind the step.", image="a step")
    assert store.conversation(store.begin(talk)) == talk


def test_a_kept_turn_ends_the_active_path(store: Store) -> None:
    talk = store.begin(TALK)
    first = said(store, talk, "one", None)
    said(store, talk, "two", first)
    assert texts(store, talk) == ["one", "two"]


def test_another_reply_stands_beside_the_old_one(store: Store) -> None:
    talk = store.begin(TALK)
    first = said(store, talk, "one", None)
    old, new = said(store, talk, "old", first), said(store, talk, "new", first)
    assert [each.id for each in store.siblings(old)] == [old, new]
    assert texts(store, talk) == ["one", "new"]


def test_going_back_and_saying_something_else_makes_a_branch(store: Store) -> None:
    talk = store.begin(TALK)
    first = said(store, talk, "one", None)
    second = said(store, talk, "two", first)
    store.activate(talk, first)
    said(store, talk, "other", first)
    store.activate(talk, second)
    assert texts(store, talk) == ["one", "two"]
    assert [each.turn.text for each in store.tree(talk)] == ["one", "two", "other"]


def test_one_can_go_back_to_before_the_first_turn(store: Store) -> None:
    talk = store.begin(TALK.said("Bob", "Hello."))
    store.activate(talk, None)
    assert store.conversation(talk) == TALK


def test_a_talk_comes_back_with_the_direction_of_its_last_turn(store: Store) -> None:
    talk = store.begin(TALK)
    moved = TALK.directed(Direction(situation="The ferry sinks.")).planned(Plan(goal="help."))
    store.keep(talk, Turn("Bob", "Help!"), conversation=moved, parent=None)
    assert store.conversation(talk) == moved.said("Bob", "Help!")
    assert store.scene(talk) == TALK


def test_the_agent_file_is_kept_with_the_talk(store: Store) -> None:
    assert store.agent(store.begin(TALK, 'format = "native"\n')) == 'format = "native"\n'


def test_how_a_reply_came_about_is_kept_as_plain_values(store: Store) -> None:
    talk = store.begin(TALK)
    reply = {"plan": Plan(goal="joke."), "scores": (("likelihood", -1.5),), "seed": 2**62}
    store.keep(talk, Turn("Ann", "Ha."), conversation=TALK, parent=None, reply=reply)
    plan = {"goal": "joke.", "skill": "", "explanation": ""}
    told = {"plan": plan, "scores": [["likelihood", -1.5]], "seed": 2**62}
    assert store.path(talk)[0].reply == told


def test_a_score_that_is_not_finite_is_kept_as_none(store: Store) -> None:
    talk = store.begin(TALK)
    reply = {"scores": [float("-inf"), float("nan")]}
    store.keep(talk, Turn("Ann", "Ha."), conversation=TALK, parent=None, reply=reply)
    assert store.path(talk)[0].reply == {"scores": [None, None]}


def test_what_people_say_has_no_reply_record(store: Store) -> None:
    assert store.path(store.begin(TALK.said("Bob", "Hi.")))[0].reply is None


any_text = st.text(st.characters()).filter(
    lambda text: text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") == text
)


@given(st.lists(st.tuples(any_text, any_text), max_size=3), any_text, any_text)
@settings(max_examples=40, deadline=None)
def test_every_text_survives(turns: list[tuple[str, str]], situation: str, agent: str) -> None:
    spoken = tuple(Turn("Bob\0\ud800", text, image) for text, image in turns)
    talk = Conversation(direction=Direction(situation=situation), turns=spoken)
    with Store.open(MEMORY) as store:
        kept = store.begin(talk, agent)
        assert (store.conversation(kept), store.agent(kept)) == (talk, agent)


def test_talks_are_listed_by_their_last_change() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    ticks = (start + timedelta(minutes=n) for n in range(100))
    with Store.open(MEMORY, clock=lambda: next(ticks)) as store:
        first, second = store.begin(TALK), store.begin(TALK)
        said(store, first, "late", None)
        listed = store.talks()
    assert [(each.id, each.turns, each.last) for each in listed] == [
        (first, 1, "late"),
        (second, 0, ""),
    ]
    assert listed[0].created < listed[1].created <= listed[1].changed < listed[0].changed


def test_no_more_talks_are_listed_than_asked_for(store: Store) -> None:
    kept = [store.begin(TALK) for _ in range(3)]
    assert len(store.talks(limit=2)) == 2 < len(kept)


@pytest.mark.parametrize(
    "words", ["grüße", "GRÜSSE", "ferry at", "i row", "Ann", "a red door", "\0", "\ud800"]
)
def test_search_finds_a_talk_by_what_is_said_and_by_its_direction(store: Store, words: str) -> None:
    found = store.begin(TALK.said("Bob", "Viele Grüße!\0\ud800", image="a red door"))
    store.begin(Conversation())
    assert [each.id for each in store.talks(search=words)] == [found]


@pytest.mark.parametrize("words", ["situation", "%", "nobody said this", '"'])
def test_search_finds_nothing_that_nobody_said(store: Store, words: str) -> None:
    store.begin(TALK.said("Bob", "Hello."))
    assert store.talks(search=words) == ()


def test_lore_is_searched_by_its_texts_and_not_by_the_names_of_its_fields(store: Store) -> None:
    lore = (LoreEntry(content="A jar of honey.", keys=("wax",)),)
    found = store.begin(TALK.directed(replace(TALK.direction, lore=lore)))
    assert [each.id for each in store.talks(search="HONEY")] == [found]
    assert store.talks(search="content") == () and store.conversation(found).direction.lore == lore


def test_a_branch_that_was_left_is_searched_too(store: Store) -> None:
    talk = store.begin(TALK.said("Bob", "marmalade"))
    store.activate(talk, None)
    assert [each.id for each in store.talks(search="marmalade")] == [talk]


def test_a_talk_is_found_by_the_beginning_and_the_end_of_its_id(store: Store) -> None:
    talk = store.begin(TALK)
    assert store.summary(talk[:9]).id == store.summary(talk[-4:]).id == talk


def test_an_id_of_two_talks_asks_for_more_of_it() -> None:
    with Store.open(MEMORY, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC)) as store:
        store.begin(TALK)
        store.begin(TALK)
        with pytest.raises(StoreError, match="2 talks begin or end with '2026'.*give more"):
            store.summary("2026")


@pytest.mark.parametrize("name", ["nope", "\ud800", "\0"])
def test_an_unknown_talk_is_answered_with_where_they_are_listed(store: Store, name: str) -> None:
    with pytest.raises(StoreError, match="no talk .*`tertulia logs` lists them"):
        store.summary(name)


def test_a_turn_of_another_talk_cannot_be_a_parent(store: Store) -> None:
    here, there = store.begin(TALK), store.begin(TALK)
    turn = said(store, there, "there", None)
    with pytest.raises(StoreError, match="has no turn"):
        said(store, here, "here", turn)


def test_of_two_writers_on_one_talk_the_later_is_told(place: str) -> None:
    with Store.open(place) as one, Store.open(place) as two:
        talk = one.begin(TALK)
        two.path(talk)
        said(one, talk, "first", None)
        with pytest.raises(Conflict, match="continued elsewhere"):
            said(two, talk, "second", None)
        assert texts(two, talk) == ["first"]
        said(two, talk, "second", two.path(talk)[-1].id)
        assert [each.turn.text for each in two.path(talk)] == ["first", "second"]


def test_two_chats_write_side_by_side(place: str) -> None:
    failed: list[BaseException] = []

    def chat(name: str) -> None:
        try:
            with Store.open(place) as store:
                talk, last = store.begin(Conversation(agent=name)), None
                for number in range(30):
                    last = said(store, talk, str(number), last)
        except StoreError as error:
            failed.append(error)

    chats = [threading.Thread(target=chat, args=(f"Agent {n}",)) for n in range(4)]
    for each in chats:
        each.start()
    for each in chats:
        each.join()
    assert failed == []
    with Store.open(place) as store:
        assert [each.turns for each in store.talks()] == [30] * 4


def test_nothing_that_is_kept_can_be_changed(tmp_path: Path) -> None:
    with Store.open(tmp_path / "t.db") as store:
        store.begin(TALK.said("Bob", "Hello."))
    other = sqlite3.connect(tmp_path / "t.db")
    for statement in ("UPDATE turns SET text = ''", "DELETE FROM turns", "DELETE FROM moves"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            other.execute(statement)
    other.close()


def test_a_commit_is_written_through_to_the_disk(tmp_path: Path) -> None:
    with Store.open(tmp_path / "t.db") as store:
        settings = ("journal_mode", "synchronous", "foreign_keys")
        found = [
            store.database.sql.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in settings
        ]
    assert found == ["wal", 2, 1]


def test_the_store_is_for_this_user_only(tmp_path: Path) -> None:
    with Store.open(tmp_path / "home" / "t.db"):
        modes = [path.stat().st_mode & 0o077 for path in (tmp_path / "home").iterdir()]
    assert modes and set(modes) == {0}


def test_ten_thousand_turns_come_back() -> None:
    talk = Conversation(turns=tuple(Turn("User", str(n)) for n in range(10_000)))
    with Store.open(MEMORY) as store:
        assert store.conversation(store.begin(talk)) == talk


def test_a_direction_that_does_not_change_is_kept_once(store: Store) -> None:
    talk, last = store.begin(TALK), None
    for number in range(5):
        last = said(store, talk, str(number), last)
    count = store.database.sql.exec_driver_sql("SELECT count(*) FROM scenes").scalar_one()
    assert count == 1


def test_the_store_is_in_tertulia_home_when_it_is_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TERTULIA_HOME", str(tmp_path))
    assert default_path() == tmp_path / "talks.db"


def test_the_store_is_among_the_users_data_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERTULIA_HOME", "")
    assert default_path().parts[-2:] == ("tertulia", "talks.db")
