"""What people change in a talk: its direction, a wording, a rating, what is in sight, its title."""

from dataclasses import replace

import pytest

from tertulia.conversation import Conversation, Direction, Plan, Turn
from tertulia.errors import Conflict, NotKept, StoreError
from tertulia.store import Store, TalkId, TurnId

TALK = Conversation(agent="Ann", user="Bob", direction=Direction(situation="A ferry at night."))
STORM = TALK.directed(Direction(situation="A storm."))


def said(store: Store, talk: TalkId, text: str, parent: TurnId | None) -> TurnId:
    return store.keep(talk, Turn("Bob", text), conversation=store.header(talk), parent=parent)


def texts(store: Store, talk: TalkId) -> list[str]:
    return [each.turn.text for each in store.path(talk)]


def test_a_talk_is_directed_anew_without_a_word(store: Store) -> None:
    talk = store.begin(TALK.said("Bob", "Hello."))
    store.direct(talk, STORM)
    assert store.conversation(talk) == STORM.said("Bob", "Hello.")
    assert store.path(talk)[0].scene == TALK and store.scene(talk) == TALK


def test_a_direction_stays_when_one_goes_back(store: Store) -> None:
    talk = store.begin(TALK)
    first = said(store, talk, "one", None)
    said(store, talk, "two", first)
    store.direct(talk, STORM)
    store.activate(talk, first)
    assert store.conversation(talk) == STORM.said("Bob", "one")


def test_a_direction_for_one_turn_is_kept_with_it_alone(store: Store) -> None:
    talk = store.begin(TALK)
    store.keep(talk, Turn("Ann", "Hold on!"), conversation=STORM, parent=None, then=TALK)
    assert store.header(talk) == TALK and store.path(talk)[0].scene == STORM


def test_each_change_of_the_path_or_the_direction_counts_one_version(store: Store) -> None:
    talk = store.begin(TALK)
    first = said(store, talk, "one", None)
    store.direct(talk, STORM)
    store.activate(talk, None)
    store.edit(talk, first, Turn("Bob", "One."))
    store.hide(first)
    store.show(first)
    store.rate(first, 1)
    store.retitle(talk, "At sea")
    assert store.version(talk) == store.summary(talk).version == 7


def test_a_stale_version_is_a_conflict_and_nothing_is_kept(store: Store) -> None:
    talk = store.begin(TALK)
    seen = store.version(talk)
    first = said(store, talk, "one", None)
    turn = Turn("Bob", "two")
    with pytest.raises(Conflict, match="continued elsewhere"):
        store.keep(talk, turn, conversation=TALK, parent=None, version=seen)
    with pytest.raises(Conflict):
        store.draft(talk, parent=None, conversation=TALK, speaker="Ann", version=seen)
    for change in (
        lambda: store.activate(talk, None, version=seen),
        lambda: store.direct(talk, STORM, version=seen),
        lambda: store.edit(talk, first, turn, version=seen),
        lambda: store.hide(first, version=seen),
        lambda: store.show(first, version=seen),
    ):
        with pytest.raises(Conflict):
            change()
    assert texts(store, talk) == ["one"] and store.version(talk) == seen + 1


def test_a_turn_of_the_version_that_is_known_is_kept_whoever_wrote_last(place: str) -> None:
    with Store.open(place) as one, Store.open(place) as two:
        talk = one.begin(TALK)
        two.path(talk)
        said(one, talk, "first", None)
        two.keep(talk, Turn("Bob", "2"), conversation=TALK, parent=None, version=two.version(talk))
        assert texts(one, talk) == ["2"]


def test_an_edit_stands_beside_the_old_wording_and_says_so(store: Store) -> None:
    talk = store.begin(TALK)
    first = said(store, talk, "one", None)
    said(store, talk, "two", first)
    edited = store.edit(talk, first, Turn("Bob", "uno"))
    assert texts(store, talk) == ["uno"]
    assert [(each.turn.text, each.edited_from) for each in store.siblings(first)] == [
        ("one", None),
        ("uno", first),
    ]
    assert store.turn(edited).scene == store.turn(first).scene
    assert len(store.tree(talk)) == 3


def test_of_several_ratings_the_newest_counts(store: Store) -> None:
    talk = store.begin(TALK.said("Ann", "Ha."))
    (turn,) = store.path(talk)
    assert (turn.rating, turn.note) == (None, "")
    store.rate(turn.id, -1, "dull\0\ud800")
    store.rate(turn.id, 1, "on second thoughts")
    assert (store.turn(turn.id).rating, store.turn(turn.id).note) == (1, "on second thoughts")
    store.rate(turn.id, None)
    assert (store.turn(turn.id).rating, store.turn(turn.id).note) == (None, "")


@pytest.mark.parametrize("rating", [2, -7, 10**30])
def test_a_rating_that_is_none_is_refused(store: Store, rating: int) -> None:
    (turn,) = store.path(store.begin(TALK.said("Ann", "Ha.")))
    with pytest.raises(StoreError, match="give -1, 0, 1 or none"):
        store.rate(turn.id, rating)


def test_a_hidden_turn_is_out_of_sight_with_what_followed(store: Store) -> None:
    talk = store.begin(TALK)
    first = said(store, talk, "one", None)
    second = said(store, talk, "two", first)
    said(store, talk, "three", second)
    store.hide(second)
    assert texts(store, talk) == ["one"] == [each.turn.text for each in store.tree(talk)]
    everything = store.tree(talk, hidden=True)
    assert [(each.turn.text, each.hidden) for each in everything] == [
        ("one", False),
        ("two", True),
        ("three", False),
    ]
    store.show(second)
    assert len(store.tree(talk)) == 3 and texts(store, talk) == ["one"]


def test_hiding_beside_the_active_path_leaves_the_path(store: Store) -> None:
    talk = store.begin(TALK)
    first = said(store, talk, "one", None)
    other, said_last = said(store, talk, "other", first), said(store, talk, "two", first)
    store.hide(other)
    assert texts(store, talk) == ["one", "two"]
    assert [each.id for each in store.siblings(said_last)] == [said_last]


def test_the_active_path_does_not_go_where_nothing_is_seen(store: Store) -> None:
    talk = store.begin(TALK)
    first = said(store, talk, "one", None)
    second = said(store, talk, "two", first)
    store.hide(first)
    for lost in (first, second):
        with pytest.raises(StoreError, match=f"the turn {first} .* is hidden: show it first"):
            store.activate(talk, lost)
        with pytest.raises(StoreError, match="is hidden"):
            said(store, talk, "three", lost)


def test_a_talk_has_a_title_and_an_agent_by_name(store: Store) -> None:
    talk = store.begin(TALK, "format = 1", agent_name="mini", title="Crossing")
    assert (store.summary(talk).title, store.summary(talk).agent_name) == ("Crossing", "mini")
    store.retitle(talk, "At sea")
    store.assign(talk, "large", "format = 2")
    assert (store.summary(talk).title, store.summary(talk).agent_name) == ("At sea", "large")
    assert store.agent(talk) == "format = 2"


def test_a_talk_taken_out_of_sight_is_kept(store: Store) -> None:
    talk = store.begin(TALK)
    store.hide_talk(talk)
    assert store.talks() == ()
    assert [(each.id, each.hidden) for each in store.talks(hidden=True)] == [(talk, True)]
    store.show_talk(talk)
    assert [each.id for each in store.talks()] == [talk]


def test_talks_are_listed_a_page_at_a_time(store: Store) -> None:
    kept = [store.begin(replace(TALK, plan=Plan(goal=str(n)))) for n in range(5)]
    pages = [store.talks(limit=2, offset=n) for n in (0, 2, 4)]
    assert sorted(each.id for page in pages for each in page) == sorted(kept)


def test_a_turn_of_any_branch_has_its_path(store: Store) -> None:
    talk = store.begin(TALK)
    first = said(store, talk, "one", None)
    second = said(store, talk, "two", first)
    store.activate(talk, None)
    assert [each.turn.text for each in store.path_to(second)] == ["one", "two"]


def test_a_light_reading_leaves_the_replies_out(store: Store) -> None:
    talk = store.begin(TALK)
    reply = {"seed": 7, "agent_file": "format = 1", "status": "stopped"}
    store.keep(talk, Turn("Ann", "Ha."), conversation=TALK, parent=None, reply=reply)
    assert store.path(talk)[0].reply == reply
    (light,) = store.tree(talk, light=True)
    assert (light.reply, light.status) == (None, "stopped")
    assert store.path(talk, light=True) == (light,)


def test_an_agent_file_is_kept_once_for_all_replies(store: Store) -> None:
    talk = store.begin(TALK)
    for n in range(3):
        reply = {"agent_file": "format = 1", "seed": n}
        store.keep(talk, Turn("Ann", "Ha."), conversation=TALK, parent=None, reply=reply)
    count = store.database.sql.exec_driver_sql("SELECT count(*) FROM files").scalar_one()
    assert count == 1


@pytest.mark.parametrize("turn", [10**6, 2**63, -1])
def test_what_is_not_kept_is_told_as_such(store: Store, turn: TurnId) -> None:
    talk = store.begin(TALK)
    for asked in (
        lambda: store.turn(turn),
        lambda: store.rate(turn, 1),
        lambda: store.hide(turn),
        lambda: store.activate(talk, turn),
        lambda: store.edit(talk, turn, Turn("Bob", "x")),
        lambda: said(store, talk, "x", turn),
    ):
        with pytest.raises(NotKept):
            asked()


@pytest.mark.parametrize("talk", ["nope", "\0", "\ud800", ""])
def test_a_talk_that_is_not_kept_is_told_as_such(store: Store, talk: TalkId) -> None:
    for asked in (
        lambda: store.path(talk),
        lambda: store.version(talk),
        lambda: store.whole(talk),
        lambda: store.drafts(talk),
        lambda: store.retitle(talk, "x"),
        lambda: said(store, talk, "x", None),
    ):
        with pytest.raises(NotKept, match="`tertulia logs` lists them"):
            asked()


def test_a_scene_is_posted_once_and_taken_down(store: Store) -> None:
    id = store.post(TALK.said("Bob", "Hi.\0\ud800"), "Crossing")
    assert store.post(TALK.said("Bob", "Hi.\0\ud800"), "The crossing") == id
    (posted,) = store.posted()
    assert (posted.id, posted.title) == (id, "The crossing")
    assert posted.conversation == TALK.said("Bob", "Hi.\0\ud800")
    store.unpost(id)
    assert store.posted() == ()
    with pytest.raises(NotKept, match="Store.posted lists them"):
        store.unpost(id)
