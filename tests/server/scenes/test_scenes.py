"""/tertulia/scenes: posted once, named by id afterwards."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tertulia import scene
from tertulia.server.scenes import scenes
from tertulia.server.scenes.scenes import Remembered
from tertulia.store import MEMORY
from tests.server.talking import SCENE, Client, serving, talked

WITH_TURNS = {**SCENE, "turns": [{"speaker": "Bo", "text": "Any rye?"}]}
STORES = pytest.mark.parametrize("store", [MEMORY, ""], ids=["kept", "remembered"])


@STORES
def test_a_scene_is_posted_once_and_read_by_its_id(store: str) -> None:
    async def act(client: Client) -> None:
        told = await client.send("POST", "/scenes", {"scene": WITH_TURNS, "title": "Rye"}, 201)
        assert (told["title"], told["posted"]) == ("Rye", True)
        assert told["scene"]["turns"][0]["text"] == "Any rye?"
        assert await client.get(f"/scenes/{told['id']}") == told
        assert (await client.get("/scenes"))["scenes"][0] == told

    talked(act, store=store)


def test_a_talk_begins_with_a_posted_scene_and_with_one_that_comes_along() -> None:
    async def act(client: Client) -> None:
        id = (await client.send("POST", "/scenes", {"scene": WITH_TURNS}, 201))["id"]
        for scene_id in (id, "bakery"):
            told = await client.send("POST", "/talks", {"scene_id": scene_id}, 201)
            given = (await client.get(f"/scenes/{scene_id}"))["scene"]
            assert told["scene"]["situation"] == given["situation"]
            assert len(told["turns"]) == len(given["turns"])

    talked(act)


def test_every_shipped_scene_is_listed() -> None:
    async def act(client: Client) -> None:
        listed = (await client.get("/scenes"))["scenes"]
        assert {each["id"] for each in listed} == set(scene.shipped())
        assert not any(each["posted"] for each in listed)
        assert all(each["title"] for each in listed)

    talked(act)


@STORES
def test_a_deleted_scene_is_gone_and_a_shipped_one_stays(store: str) -> None:
    async def act(client: Client) -> None:
        id = (await client.send("POST", "/scenes", {"scene": SCENE}, 201))["id"]
        await client.send("DELETE", f"/scenes/{id}", status=204)
        await client.get(f"/scenes/{id}", 404)
        await client.send("DELETE", f"/scenes/{id}", status=404)
        told = await client.send("DELETE", "/scenes/bakery", status=403)
        assert told["error"]["code"] == "shipped_scene"

    talked(act, store=store)


def test_a_posted_scene_is_there_after_the_server_came_back(tmp_path: Path) -> None:
    place = tmp_path / "talks.db"

    async def act() -> None:
        async with serving(store=place) as client:
            id = (await client.send("POST", "/scenes", {"scene": SCENE}, 201))["id"]
        async with serving(store=place) as client:
            assert (await client.get(f"/scenes/{id}"))["scene"]["agent"] == "Ann"

    asyncio.run(act())


@pytest.mark.parametrize("body", [
    {}, {"scene": 1}, {"scene": {"nope": 1}}, {"scene": {"turns": [1]}}, {"scene": {"agent": ""}},
    {"scene": {"agent": "a", "user": "a"}},
])  # fmt: skip
def test_what_is_no_scene_is_refused(body: Any) -> None:
    async def act(client: Client) -> None:
        told = await client.send("POST", "/scenes", body, 400)
        assert told["error"]["param"] == "scene"

    talked(act)


def test_a_server_without_a_store_remembers_no_more_than_it_has_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scenes, "REMEMBERED", 2)
    monkeypatch.setattr(scenes, "REMEMBERED_BYTES", 2_000)

    async def act(client: Client) -> None:
        large = {**SCENE, "situation": "x" * 2_000}
        told = await client.send("POST", "/scenes", {"scene": large}, 429)
        assert told["error"]["code"] == "too_many_scenes"
        ids = [(await client.send("POST", "/scenes", {"scene": SCENE}, 201))["id"] for _ in "ab"]
        await client.send("POST", "/scenes", {"scene": SCENE}, 429)
        await client.send("DELETE", f"/scenes/{ids[0]}", status=204)
        await client.send("POST", "/scenes", {"scene": SCENE}, 201)

    talked(act, store="")


def test_what_is_remembered_is_forgotten_with_its_size() -> None:
    kept = Remembered()
    kept.unpost(kept.post(scene.from_table(SCENE, "scene"), ""))
    assert not kept.scenes and not kept.sizes
