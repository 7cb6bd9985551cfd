"""Talks as files, cards as scenes, and a posted scene in a chat request."""

import json
from typing import Any

import pytest

from tertulia import interchange, scene
from tests.server.asking import error, said, scripted
from tests.server.talking import SCENE, Client, talked

HOSTILE = "</style><script>alert(1)</script>"


async def a_talk(client: Client) -> str:
    talk = await client.begin()
    await client.say(talk, HOSTILE)
    await client.answered(talk, decoding={"seed": 0})
    return talk


def test_every_form_is_listed_with_what_it_can_do() -> None:
    async def act(client: Client) -> None:
        told = (await client.get("/forms"))["forms"]
        assert {each["name"] for each in told} == set(interchange.forms())
        reads = {each["name"] for each in told if each["reads"]}
        assert reads == set(interchange.forms(reads=True))
        assert all(each["about"] and each["extension"] for each in told)

    talked(act, store="")


@pytest.mark.parametrize("form", interchange.forms())
def test_a_talk_is_given_out_as_a_file_with_what_the_form_cannot_hold(form: str) -> None:
    async def act(client: Client) -> None:
        talk = await a_talk(client)
        answer = await client.http.get(f"/tertulia/talks/{talk}/export", params={"form": form})
        assert answer.status_code == 200, answer.text
        named = answer.headers["content-disposition"]
        assert named == f'attachment; filename="{talk}{interchange.about(form).suffix}"'
        report = json.loads(answer.headers["x-tertulia-report"])
        assert report["form"] == form and report["talks"] <= 1
        assert answer.headers["x-content-type-options"] == "nosniff"

    talked(act)


def test_a_lossless_file_comes_back_as_the_same_talk() -> None:
    async def act(client: Client) -> None:
        talk = await a_talk(client)
        file = (await client.http.get(f"/tertulia/talks/{talk}/export")).content
        for query in ("", "?form=jsonl"):
            answer = await client.http.post(f"/tertulia/talks/import{query}", content=file)
            told = client.json(answer, 201)
            [new] = told["talks"]
            assert new != talk and told["report"]["lost"] == {}
            assert await client.texts(new) == await client.texts(talk)

    talked(act)


@pytest.mark.parametrize(("query", "content", "param"), [
    ("?form=nope", b"{}", "form"), ("?form=html", b"x", None), ("", b"", None),
    ("", b"\xff\xfe", None), ("", b"no file of talks", None), ("?form=jsonl", b"{", None),
    ("?form=jsonl", b"[" * 99_999, None), ("?form=messages", b"\x00" * 1000, None),
    ("?form=sharegpt", b"1e999", None),
])  # fmt: skip
def test_what_is_no_file_of_talks_is_refused_and_nothing_is_kept(
    query: str, content: bytes, param: str | None
) -> None:
    async def act(client: Client) -> None:
        answer = await client.http.post(f"/tertulia/talks/import{query}", content=content)
        assert error(answer)[:2] == (400, param)
        assert (await client.get("/talks"))["talks"] == []

    talked(act)


def test_an_import_is_all_or_nothing() -> None:
    async def act(client: Client) -> None:
        talk = await a_talk(client)
        file = (await client.http.get(f"/tertulia/talks/{talk}/export")).content
        answer = await client.http.post("/tertulia/talks/import", content=file + b"\n{broken")
        assert error(answer)[0] == 400
        assert len((await client.get("/talks"))["talks"]) == 1

    talked(act)


def test_the_page_of_a_talk_is_text_only_and_runs_nothing() -> None:
    async def act(client: Client) -> None:
        talk = await a_talk(client)
        answer = await client.http.get(f"/tertulia/talks/{talk}/page")
        assert answer.headers["content-type"].startswith("text/html")
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("sandbox;") and "default-src 'none'" in policy
        assert HOSTILE not in answer.text and "alert(1)" in answer.text
        assert "<script" not in answer.text

    talked(act)


def test_files_of_an_unknown_talk_or_form_are_refused() -> None:
    async def act(client: Client) -> None:
        talk = await client.begin()
        await client.get("/talks/nope/export", 404)
        await client.get("/talks/nope/page", 404)
        told = await client.get(f"/talks/{talk}/export?form=jsnol", 400)
        assert told["error"]["param"] == "form" and "jsonl" in told["error"]["message"]

    talked(act)


def card(**fields: Any) -> bytes:
    data = {"name": "Ana", "description": "Bakes bread.", "first_mes": "Hi, {{user}}!", **fields}
    return json.dumps({"spec": "chara_card_v2", "spec_version": "2.0", "data": data}).encode()


def test_a_card_becomes_a_scene_that_talks_begin_with() -> None:
    async def act(client: Client) -> None:
        answer = await client.http.post("/tertulia/cards?user=Bo", content=card())
        told = client.json(answer, 201)
        assert told["scene"]["agent"] == "Ana" and told["report"]["name"] == "Ana"
        talk = await client.send("POST", "/talks", {"scene_id": told["scene_id"]}, 201)
        assert [each["text"] for each in talk["turns"]] == ["Hi, Bo!"]
        listed = (await client.get("/scenes"))["scenes"][0]
        assert (listed["title"], listed["posted"]) == ("Ana", True)

    talked(act)


@pytest.mark.parametrize(("query", "content", "param"), [
    ("", b"", None), ("", b"{}", None), ("", b"\x89PNG\r\n\x1a\n", None), ("", b"PK\x03\x04", None),
    ("?greeting=9", card(), None), ("?greeting=-1", card(), "greeting"),
    ("?greeting=99999999999", card(), "greeting"), ("?user=", card(), "user"),
    ("?seed=-1", card(), "seed"), ("?user=" + "x" * 257, card(), "user"),
])  # fmt: skip
def test_what_is_no_card_is_refused(query: str, content: bytes, param: str | None) -> None:
    async def act(client: Client) -> None:
        answer = await client.http.post(f"/tertulia/cards{query}", content=content)
        assert error(answer)[:2] == (400, param)
        assert not any(each["posted"] for each in (await client.get("/scenes"))["scenes"])

    talked(act)


@pytest.mark.parametrize("store", [":memory:", ""])
def test_a_chat_request_names_a_posted_scene(store: str) -> None:
    agent = scripted()
    turns = [{"speaker": "Ann", "text": "Good morning!"}]
    posted = {**SCENE, "turns": turns}

    async def act(client: Client) -> None:
        id = (await client.send("POST", "/scenes", {"scene": posted}, 201))["id"]
        direction = {"scene_id": id, "situation": "A storm."}
        body = {"model": "mini", "messages": [{"role": "user", "content": "Hi"}]}
        answer = await client.http.post(
            "/v1/chat/completions", json={**body, "direction": direction, "seed": 0}
        )
        assert said(answer) == "Hello there, friend."
        talk = scene.from_table({**posted, "situation": "A storm."}, "scene").said("Bo", "Hi")
        assert agent.engine.seen[-1] == agent.format.render(talk)  # type: ignore[attr-defined]
        for wrong, status in (("nope", 404), (7, 400)):
            direction = {"scene_id": wrong}
            answer = await client.http.post(
                "/v1/chat/completions", json={**body, "direction": direction}
            )
            assert answer.status_code == status

    talked(act, agents={"mini": agent}, store=store)
