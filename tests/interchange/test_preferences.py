"""What people preferred: which pairs are made at a place, and which are not."""

import json
from dataclasses import replace

from tertulia import interchange
from tertulia.conversation import Conversation, Plan
from tertulia.store import StoredTurn
from tests.interchange.talks import SCENE, stored, talk

HI = stored(1, None, "Friend", "Hi.")
NEXT = stored(9, 2, "Friend", "Go on.")


def reply(id: int, text: str, **more: object) -> StoredTurn:
    return stored(id, 1, "Cosmo", text, **more)  # type: ignore[arg-type]


def pairs(*turns: StoredTurn, active: int) -> list[tuple[str, str, str]]:
    pieces, _ = interchange.exported("preferences", [talk(*turns, active=active)])
    rows = map(json.loads, pieces)
    return [
        (row["chosen"][0]["content"], row["rejected"][0]["content"], row["why"]) for row in rows
    ]


def rated(*turns: StoredTurn) -> list[tuple[str, bool]]:
    pieces, _ = interchange.exported("ratings", [talk(*turns, active=None)])
    rows = map(json.loads, pieces)
    return [(row["completion"][0]["content"], row["label"]) for row in rows]


def test_the_reply_that_the_talk_went_on_from_was_picked() -> None:
    assert pairs(HI, reply(2, "a"), reply(3, "b"), reply(4, "c"), NEXT, active=9) == [
        ("a", "b", "pick"),
        ("a", "c", "pick"),
    ]


def test_the_last_reply_was_not_picked_yet() -> None:
    assert pairs(HI, reply(2, "a"), reply(3, "b"), active=3) == []


def test_two_replies_that_were_both_gone_on_from_are_no_pair() -> None:
    other = stored(10, 3, "Friend", "Or so.")
    assert pairs(HI, reply(2, "a"), reply(3, "b"), NEXT, other, active=9) == []


def test_a_rating_outweighs_what_was_picked() -> None:
    found = pairs(HI, reply(2, "a", rating=-1), reply(3, "b", rating=1), NEXT, active=9)
    assert found == [("b", "a", "rating")]


def test_no_rating_is_between_liked_and_not_liked() -> None:
    assert pairs(HI, reply(2, "a", rating=1), reply(3, "b"), active=3) == [("a", "b", "rating")]
    assert pairs(HI, reply(2, "a", rating=-1), reply(3, "b"), active=3) == [("b", "a", "rating")]


def test_an_edit_is_one_pair_with_what_it_was_made_from() -> None:
    edit = reply(3, "b", edited_from=2)
    assert pairs(HI, reply(2, "a"), edit, active=3) == [("b", "a", "edit")]


def test_an_edit_that_was_liked_less_is_not_chosen() -> None:
    edit = reply(3, "b", edited_from=2, rating=-1)
    assert pairs(HI, reply(2, "a"), edit, active=3) == [("a", "b", "rating")]


def test_the_same_words_twice_are_no_pair() -> None:
    assert pairs(HI, reply(2, "a"), reply(3, "a"), NEXT, active=9) == []


def test_replies_under_two_directions_are_no_pair_and_are_counted() -> None:
    other = SCENE.directed(replace(SCENE.direction, situation="A raft."))
    turns = (HI, reply(2, "a"), reply(3, "b", scene=other), NEXT)
    pieces, report = interchange.exported("preferences", [talk(*turns, active=9)])
    assert list(pieces) == []
    assert report.lost["pairs under two directions"] == 1


def test_thoughts_that_differ_are_left_out_of_the_prompt() -> None:
    one, two = (Plan(goal="g", explanation=each) for each in ("x", "y"))
    turns = (HI, reply(2, "a", plan=one), reply(3, "b", plan=two), NEXT)
    (line,), _ = interchange.exported("preferences", [talk(*turns, active=9)])
    assert json.loads(line)["prompt"][-1]["content"] == "Hi.\n\n[For your next reply]\nGoal: g"


def test_hidden_replies_and_those_that_broke_off_are_in_no_pair() -> None:
    broken = reply(3, "b", status="interrupted", rating=-1)
    hidden = reply(4, "c", hidden=True, rating=-1)
    assert pairs(HI, reply(2, "a", rating=1), broken, hidden, NEXT, active=9) == []


def test_what_people_say_is_no_preference() -> None:
    other = stored(2, None, "Friend", "Hey.", rating=1)
    assert pairs(HI, other, active=2) == []


def test_a_talk_that_the_agent_opens_undirected_has_a_prompt() -> None:
    nobody = Conversation()
    turns = [stored(n, None, "Agent", f"{n}", scene=nobody, rating=r) for n, r in ((1, 1), (2, -1))]
    (line,), _ = interchange.exported("preferences", [talk(*turns, active=1, scene=nobody)])
    assert json.loads(line)["prompt"] == [{"role": "user", "content": "(The talk begins.)"}]


def test_single_ratings_are_true_or_false_and_zero_is_neither() -> None:
    turns = [reply(n, f"{r}", rating=r) for n, r in ((2, 1), (3, -1), (4, 0), (5, None))]
    assert rated(HI, *turns) == [("1", True), ("-1", False)]


def test_who_mends_a_reply_did_not_like_it() -> None:
    assert rated(HI, reply(2, "a"), reply(3, "b", edited_from=2)) == [("a", False), ("b", True)]
