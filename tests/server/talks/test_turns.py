"""Turns of a kept talk: the tree grows by every change, and the active path goes through it."""

from pathlib import Path
from typing import Any

import pytest

from tertulia import Conversation
from tertulia.store import Store
from tests.server.talking import Client, talked

LINES = {"decoding": {"candidates": 3, "seed": 0}}


def test_a_turn_goes_to_the_end_of_the_active_path_unless_a_parent_is_named() -> None:
    async def act(client: Client) -> None:
        talk = await client.begin()
        first = await client.say(talk, "One")
        second = await client.say(talk, "Two")
        branch = await client.say(talk, "Other", parent=first)
        assert await client.texts(talk) == ["One", "Other"]
        root = await client.say(talk, "Anew", parent=None)
        assert await client.texts(talk) == ["Anew"]
        tree = (await client.get(f"/talks/{talk}?light=1"))["turns"]
        assert {each["id"]: each["parent"] for each in tree} == {
            first: None, second: first, branch: first, root: None,
        }  # fmt: skip

    talked(act)


def test_a_turn_is_told_whole_and_the_version_grows_with_it() -> None:
    async def act(client: Client) -> None:
        talk = await client.begin()
        body = {"speaker": "Cy", "text": "", "image": "a loaf of rye"}
        told = await client.send("POST", f"/talks/{talk}/turns", body, 201)
        assert told["version"] == 2
        turn = told["turn"]
        assert (turn["speaker"], turn["text"], turn["image"]) == ("Cy", "", "a loaf of rye")
        assert (turn["status"], turn["reply"], turn["rating"]) == ("whole", None, None)
        assert turn["direction"]["agent"] == "Ann"
        assert (await client.get(f"/talks/{talk}/turns/{turn['id']}"))["turn"] == turn

    talked(act)


def test_of_two_clients_the_second_is_told_that_the_talk_moved_on() -> None:
    async def act(client: Client) -> None:
        talk = await client.begin()
        turn = await client.say(talk, "One", version=1)
        for method, path, body in (
            ("POST", "/turns", {"speaker": "Bo", "text": "Two"}),
            ("POST", "/active", {"turn": None}),
            ("POST", f"/turns/{turn}/edit", {"text": "x"}), ("PATCH", "", {"scene": {}}),
            ("PATCH", "", {"title": "x"}), ("POST", "/replies", {}),
        ):  # fmt: skip
            stale = {**body, "version": 1}
            told = await client.send(method, f"/talks/{talk}{path}", stale, 409)
            assert told["error"]["code"] == "conflict"
        assert await client.texts(talk) == ["One"]
        assert (await client.get(f"/talks/{talk}"))["title"] == ""

    talked(act)


def test_the_active_path_goes_where_it_is_told() -> None:
    async def act(client: Client) -> None:
        talk = await client.begin()
        first = await client.say(talk, "One")
        await client.say(talk, "Two")
        told = await client.send("POST", f"/talks/{talk}/active", {"turn": first, "version": 3})
        assert told == {"active": [first], "version": 4}
        told = await client.send("POST", f"/talks/{talk}/active", {"turn": None})
        assert told["active"] == [] and await client.texts(talk) == []

    talked(act)


def test_an_edit_is_a_sibling_that_says_so() -> None:
    async def act(client: Client) -> None:
        talk = await client.begin()
        first = await client.say(talk, "One", image="a cat")
        body = {"text": "Won"}
        told = await client.send("POST", f"/talks/{talk}/turns/{first}/edit", body, 201)
        new = told["turn"]
        assert (new["text"], new["image"], new["edited_from"]) == ("Won", "a cat", first)
        assert await client.texts(talk) == ["Won"]
        old = (await client.get(f"/talks/{talk}/turns/{first}"))["turn"]
        assert old["text"] == "One"
        body = {"text": "Won", "image": ""}
        told = await client.send("POST", f"/talks/{talk}/turns/{first}/edit", body, 201)
        assert told["turn"]["image"] == ""

    talked(act)


def test_a_rating_is_kept_and_taken_back() -> None:
    async def act(client: Client) -> None:
        talk = await client.begin()
        turn = await client.say(talk, "One")
        path = f"/talks/{talk}/turns/{turn}/rating"
        for rating in (1, -1, 0, None):
            told = await client.send("PUT", path, {"rating": rating, "note": "<b>"})
            assert (told["turn"]["rating"], told["turn"]["note"]) == (rating, "<b>")

    talked(act)


def test_a_hidden_turn_takes_with_it_what_follows_until_it_is_restored() -> None:
    async def act(client: Client) -> None:
        talk = await client.begin()
        first = await client.say(talk, "One")
        second = await client.say(talk, "Two")
        third = await client.say(talk, "Three")
        told = await client.send("DELETE", f"/talks/{talk}/turns/{second}")
        assert told["active"] == [first]
        assert [t["id"] for t in (await client.get(f"/talks/{talk}"))["turns"]] == [first]
        deleted = (await client.get(f"/talks/{talk}?hidden=1&light=1"))["turns"]
        assert {t["id"]: t["hidden"] for t in deleted} == {first: False, second: True, third: False}
        await client.send("POST", f"/talks/{talk}/turns/{second}/restore")
        tree = (await client.get(f"/talks/{talk}"))["turns"]
        assert [t["id"] for t in tree] == [first, second, third]

    talked(act)


def test_another_candidate_is_said_instead() -> None:
    async def act(client: Client) -> None:
        talk = await client.begin()
        await client.say(talk, "Hi")
        reply = await client.answered(talk, **LINES)
        made = [each["text"] for each in reply["reply"]["candidates"]]
        assert len(made) == 3 and reply["text"] == made[0]
        body = {"turn": reply["id"], "candidate": 2}
        told = await client.send("POST", f"/talks/{talk}/candidates", body, 201)
        new = told["turn"]
        assert (new["text"], new["parent"]) == (made[2], reply["parent"])
        assert (new["reply"]["chosen"], reply["reply"]["chosen"]) == (2, 0)
        assert await client.texts(talk) == ["Hi", made[2]]

    talked(act)


@pytest.mark.parametrize("candidate", [3, 255])
def test_a_candidate_that_was_not_made_is_refused(candidate: int) -> None:
    async def act(client: Client) -> None:
        talk = await client.begin()
        said = await client.say(talk, "Hi")
        reply = await client.answered(talk, **LINES)
        for turn in (reply["id"], said):
            body = {"turn": turn, "candidate": candidate}
            told = await client.send("POST", f"/talks/{talk}/candidates", body, 400)
            assert told["error"]["param"] == "candidate"

    talked(act)


def test_a_turn_of_another_talk_is_not_one_of_this() -> None:
    async def act(client: Client) -> None:
        talk, other = await client.begin(), await client.begin()
        turn = await client.say(other, "Elsewhere")
        for method, path, body in (
            ("GET", f"/turns/{turn}", None), ("DELETE", f"/turns/{turn}", None),
            ("POST", f"/turns/{turn}/edit", {"text": "x"}), ("POST", "/active", {"turn": turn}),
            ("PUT", f"/turns/{turn}/rating", {"rating": 1}),
            ("POST", "/turns", {"speaker": "Bo", "text": "x", "parent": turn}),
            ("POST", "/replies", {"parent": turn}), ("POST", "/replies", {"continue": turn}),
            ("POST", "/candidates", {"turn": turn, "candidate": 0}),
            ("POST", f"/turns/{turn}/restore", None),
        ):  # fmt: skip
            told = await client.send(method, f"/talks/{talk}{path}", body, 404)
            assert told["error"]["code"] == "not_found"
        assert (await client.get(f"/talks/{talk}"))["version"] == 1

    talked(act)


@pytest.mark.parametrize("turn", ["0", "-1", "x", "1.0", "99999999999999999999", "7", "%31%00",
                                  "9223372036854775808", "9223372036854775807", "١"])  # fmt: skip
def test_a_number_that_no_turn_has_is_a_404(turn: str) -> None:
    async def act(client: Client) -> None:
        talk = await client.begin()
        await client.get(f"/talks/{talk}/turns/{turn}", 404)

    talked(act)


@pytest.mark.parametrize(("path", "body", "param"), [
    ("/turns", {"text": "x"}, "speaker"), ("/turns", {"speaker": "", "text": "x"}, "speaker"),
    ("/turns", {"speaker": "Bo"}, "text"), ("/turns", {"speaker": "Bo", "text": 1}, "text"),
    ("/turns", {"speaker": "x" * 257, "text": "x"}, "speaker"),
    ("/turns", {"speaker": "Bo", "text": "x", "parent": 0}, "parent"),
    ("/turns", {"speaker": "Bo", "text": "x", "parent": 2**63}, "parent"),
    ("/turns", {"speaker": "Bo", "text": "x", "version": -1}, "version"),
    ("/active", {}, "turn"), ("/active", {"turn": -1}, "turn"),
    ("/active", {"turn": 2**63}, "turn"), ("/active", {"turn": "1"}, "turn"),
    ("/turns/1/edit", {}, "text"),
    ("/candidates", {"turn": 1, "candidate": -1}, "candidate"),
    ("/candidates", {"turn": 1, "candidate": 256}, "candidate"),
    ("/candidates", {"turn": 0, "candidate": 0}, "turn"),
])  # fmt: skip
def test_a_field_that_is_wrong_is_named(path: str, body: Any, param: str) -> None:
    async def act(client: Client) -> None:
        talk = await client.begin()
        await client.say(talk, "Hi")
        told = await client.send("POST", f"/talks/{talk}{path}", body, 400)
        assert told["error"]["param"] == param

    talked(act)


@pytest.mark.parametrize("rating", [2, -2, 2**63, 0.5, "1", True])
def test_a_rating_is_one_of_three(rating: Any) -> None:
    async def act(client: Client) -> None:
        talk = await client.begin()
        turn = await client.say(talk, "Hi")
        path = f"/talks/{talk}/turns/{turn}/rating"
        told = await client.send("PUT", path, {"rating": rating}, 400)
        assert told["error"]["param"] == "rating"

    talked(act)


@pytest.mark.parametrize(
    "made", [None, 7, [], ["x"], [{}], [{"text": 1}], [{"text": "", "image": 1}]]
)
def test_candidates_of_an_imported_talk_may_be_anything(made: Any, tmp_path: Path) -> None:
    place, talk = tmp_path / "talks.db", Conversation().said("User", "Hi")
    with Store.open(place) as store:
        id = store.begin(talk)
        reply = store.keep(id, talk.turns[0], conversation=talk, parent=None,
                           reply={"candidates": made})  # fmt: skip

    async def act(client: Client) -> None:
        body = {"turn": reply, "candidate": 0}
        told = await client.send("POST", f"/talks/{id}/candidates", body, 400)
        assert told["error"]["param"] == "candidate"

    talked(act, store=place)
