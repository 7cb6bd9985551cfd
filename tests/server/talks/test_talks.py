"""/tertulia/talks: kept talks are begun, listed, read, changed and hidden."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tertulia import Conversation
from tertulia.store import Store
from tests.server.asking import asked, error, scripted
from tests.server.talking import SCENE, Client, serving, talked

CONVERSATION = Conversation(agent="Ann", user="Bo")
HOSTILE = ("<script>alert(1)</script>", "</textarea>'\"&", "\x00\u202e", "👋🏽 안녕", "' OR 1=1 --")


def test_a_talk_begins_with_a_scene_and_is_read_by_its_id() -> None:
    async def act(client: Client) -> None:
        told = await client.send("POST", "/talks", {"scene": SCENE, "title": "Dawn"}, 201)
        assert told["title"] == "Dawn" and told["agent_name"] == "mini"
        assert (told["active"], told["turns"], told["generations"]) == ([], [], [])
        assert told["scene"]["situation"] == SCENE["situation"] and "turns" not in told["scene"]
        assert await client.get(f"/talks/{told['id']}") == told

    talked(act)


def test_turns_that_a_scene_has_become_the_first_of_the_talk() -> None:
    turns = [
        {"speaker": "Bo", "text": "Hi"},
        {"speaker": "Ann", "text": "Hello", "image": "a loaf"},
    ]

    async def act(client: Client) -> None:
        talk = await client.begin({**SCENE, "turns": turns})
        assert await client.texts(talk) == ["Hi", "Hello"]

    talked(act)


def test_a_talk_without_a_scene_is_an_empty_one() -> None:
    async def act(client: Client) -> None:
        told = await client.send("POST", "/talks", {}, 201)
        assert (told["scene"]["agent"], told["scene"]["user"]) == ("Agent", "User")

    talked(act)


def test_without_a_store_nothing_is_kept_and_every_route_says_so() -> None:
    for method, path in (("GET", "/talks"), ("POST", "/talks"), ("GET", "/talks/x")):
        address = f"/tertulia{path}"
        answer = asked(lambda http, m=method, a=address: http.request(m, a, json={}))
        assert error(answer) == (404, None, "no_store")
        assert "--store" in answer.json()["error"]["message"]


def test_talks_are_listed_the_newest_change_first_in_parts_and_by_what_is_said() -> None:
    async def act(client: Client) -> None:
        first, second = await client.begin(title="one"), await client.begin()
        await client.say(first, "Is there any RYE bread?")
        listed = (await client.get("/talks"))["talks"]
        assert [each["id"] for each in listed] == [first, second]
        assert (listed[0]["last"], listed[0]["turns"], listed[0]["title"]) == (
            "Is there any RYE bread?", 1, "one",
        )  # fmt: skip
        assert (listed[1]["agent"], listed[1]["user"]) == ("Ann", "Bo")
        page = await client.get("/talks?limit=1&offset=1")
        assert [each["id"] for each in page["talks"]] == [second]
        found = await client.get("/talks", params={"search": "rye BREAD"})
        assert [each["id"] for each in found["talks"]] == [first]
        assert (await client.get("/talks?limit=0"))["talks"] == []
        assert (await client.get("/talks?search=nobody says this"))["talks"] == []

    talked(act)


@pytest.mark.parametrize("query", ["limit=-1", "limit=501", "limit=x", "offset=-1", "limit=1e3",
                                   "offset=99999999999999999999", "limit=", "limit=²"])  # fmt: skip
def test_numbers_of_a_query_are_held_to_their_bounds(query: str) -> None:
    async def act(client: Client) -> Any:
        return await client.get(f"/talks?{query}", 400)

    told = talked(act)["error"]
    assert told["param"] == query.partition("=")[0] and "whole number" in told["message"]


@pytest.mark.parametrize("id", ["nope", "20261121", "..", "a%2Fb", "x" * 65, "%00", "é", "-"])
def test_an_unknown_talk_is_a_404_for_every_route(id: str) -> None:
    async def act(client: Client) -> None:
        await client.begin()
        for method, path, body in (
            ("GET", "", None), ("PATCH", "", {"title": "x"}), ("DELETE", "", None),
            ("POST", "/restore", None), ("POST", "/turns", {"speaker": "a", "text": "b"}),
            ("GET", "/turns/1", None), ("POST", "/active", {"turn": None}),
            ("POST", "/turns/1/edit", {"text": "x"}), ("PUT", "/turns/1/rating", {"rating": 1}),
            ("DELETE", "/turns/1", None), ("POST", "/turns/1/restore", None),
            ("POST", "/candidates", {"turn": 1, "candidate": 0}), ("POST", "/replies", {}),
        ):  # fmt: skip
            told = await client.send(method, f"/talks/{id}{path}", body, 404)
            assert set(told["error"]) == {"message", "type", "param", "code"}

    talked(act)


def test_the_beginning_of_an_id_is_not_the_id() -> None:
    async def act(client: Client) -> None:
        talk = await client.begin()
        await client.get(f"/talks/{talk[:-1]}", 404)
        await client.get(f"/talks/{talk[4:]}", 404)

    talked(act)


def test_a_change_of_the_scene_takes_the_place_of_what_it_names_and_leaves_the_rest() -> None:
    async def act(client: Client) -> None:
        talk = await client.begin()
        before = await client.get(f"/talks/{talk}")
        body = {"scene": {"situation": "A storm.", "plan": {"goal": "calm them"}}}
        told = await client.send("PATCH", f"/talks/{talk}", body)
        assert told["scene"]["situation"] == "A storm."
        assert told["scene"]["instruction"] == "Be kind." and told["scene"]["agent"] == "Ann"
        assert told["scene"]["plan"]["goal"] == "calm them"
        assert told["version"] > before["version"]

    talked(act)


def test_title_and_agent_change_too() -> None:
    agents = {"mini": scripted(), "other": scripted("Other.")}

    async def act(client: Client) -> None:
        talk = await client.begin()
        told = await client.send("PATCH", f"/talks/{talk}", {"title": "T", "agent": "other"})
        assert (told["title"], told["agent_name"]) == ("T", "other")
        assert (await client.answered(talk, parent=None))["text"] == "Other."

    talked(act, agents=agents)


@pytest.mark.parametrize(("body", "param"), [
    ({"scene": {"turns": []}}, "scene.turns"), ({"scene": {"situation": 1}}, "scene"),
    ({"scene": {"nope": 1}}, "scene"), ({"scene": {"agent": "Bo"}}, "scene"),
    ({"scene": 1}, "scene"),
    ({"title": "x" * 201}, "title"), ({"version": -1}, "version"), ({"version": 2**63}, "version"),
    ({"version": 1.5}, "version"), ({"version": True}, "version"), ({"agent": ""}, "agent"),
])  # fmt: skip
def test_what_cannot_be_changed_so_is_refused_by_its_field(body: Any, param: str) -> None:
    async def act(client: Client) -> Any:
        talk = await client.begin()
        before = await client.get(f"/talks/{talk}")
        told = await client.send("PATCH", f"/talks/{talk}", body, 400)
        assert await client.get(f"/talks/{talk}") == before
        return told

    assert talked(act)["error"]["param"] == param


@pytest.mark.parametrize(("body", "status", "param"), [
    ({"agent": "nope"}, 404, "agent"), ({"scene_id": "nope"}, 404, "scene_id"),
    ({"scene": {}, "scene_id": "bakery"}, 400, "scene_id"), ({"scene": []}, 400, "scene"),
    ({"scene": {"turns": [{"speaker": "Bo"}]}}, 400, "scene"), ({"scene_id": ""}, 400, "scene_id"),
    ({"scene_id": "x" * 129}, 400, "scene_id"), ({"title": 3}, 400, "title"),
])  # fmt: skip
def test_a_talk_that_cannot_begin_is_refused_by_its_field(
    body: Any, status: int, param: str
) -> None:
    async def act(client: Client) -> Any:
        told = await client.send("POST", "/talks", body, status)
        assert (await client.get("/talks"))["talks"] == []
        return told

    assert talked(act)["error"]["param"] == param


def test_an_unknown_field_is_ignored_with_a_warning() -> None:
    async def act(client: Client) -> None:
        answer = await client.http.post("/tertulia/talks", json={"sceen": {}, "user": "me"})
        assert answer.headers["x-tertulia-warning"] == "unknown fields ignored: sceen, user"

    talked(act)


def test_a_hidden_talk_is_not_listed_until_it_is_restored() -> None:
    async def act(client: Client) -> None:
        talk = await client.begin()
        await client.send("DELETE", f"/talks/{talk}", status=204)
        assert (await client.get("/talks"))["talks"] == []
        await client.send("POST", f"/talks/{talk}/restore")
        assert [each["id"] for each in (await client.get("/talks"))["talks"]] == [talk]

    talked(act)


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_come_back_as_they_were_sent(text: str) -> None:
    async def act(client: Client) -> None:
        talk = await client.begin({**SCENE, "situation": text}, title=text)
        await client.say(talk, text, speaker=text)
        answer = await client.http.get(f"/tertulia/talks/{talk}")
        assert answer.headers["content-type"] == "application/json"
        told = answer.json()
        assert (told["title"], told["scene"]["situation"]) == (text, text)
        assert (told["turns"][0]["text"], told["turns"][0]["speaker"]) == (text, text)

    talked(act)


def test_half_characters_of_an_old_talk_are_escaped(tmp_path: Path) -> None:
    place = tmp_path / "talks.db"
    with Store.open(place) as store:
        store.begin(CONVERSATION.said("Bo", "\ud83d"))

    async def act(client: Client) -> None:
        [talk] = (await client.get("/talks"))["talks"]
        assert talk["last"] == "\ud83d"

    talked(act, store=place)


def test_a_long_talk_is_light_when_that_is_asked_for() -> None:
    async def act(client: Client) -> None:
        talk = await client.begin()
        await client.say(talk, "Hi")
        await client.answered(talk)
        [light, whole] = [await client.get(f"/talks/{talk}?light={n}") for n in (1, 0)]
        assert not any("reply" in each or "direction" in each for each in light["turns"])
        said, reply = whole["turns"]
        assert said["reply"] is None and reply["reply"]["agent"] == "mini"
        assert reply["direction"]["situation"] == SCENE["situation"]
        await client.get(f"/talks/{talk}?light=2", 400)

    talked(act)


def test_what_another_program_keeps_is_read_and_a_stale_view_of_it_is_a_conflict(
    tmp_path: Path,
) -> None:
    place = tmp_path / "talks.db"

    async def act() -> None:
        async with serving(store=place) as client:
            talk = await client.begin()
            with Store.open(place) as store:
                store.path(talk)
                store.keep(talk, CONVERSATION.said("Bo", "Elsewhere.").turns[0],
                           conversation=CONVERSATION, parent=None)  # fmt: skip
            body = {"speaker": "Bo", "text": "Here.", "version": 1}
            told = await client.send("POST", f"/talks/{talk}/turns", body, 409)
            assert told["error"]["code"] == "conflict"
            assert await client.texts(talk) == ["Elsewhere."]
            await client.say(talk, "Here.")
            assert await client.texts(talk) == ["Elsewhere.", "Here."]

    asyncio.run(act())
