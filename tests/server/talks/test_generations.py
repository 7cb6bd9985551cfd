"""Replies on their way: they live in the server, are heard from the beginning, can be stopped."""

import asyncio
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tertulia import Agent, formats
from tertulia.engines import Piece
from tertulia.server.app import application
from tertulia.server.settings import Settings
from tertulia.server.talks import generations
from tests.server.asking import scripted
from tests.server.queue.test_runner import Gated, until
from tests.server.talking import SCENE, Client, frames, serving, talked

SLOW = """
format = "native"
[engine]
name = "scripted"
lines = ["{words}"]
context_window = 100000
[decoding]
max_new_tokens = 60000
"""


@asynccontextmanager
async def gated(words: int = 3, **settings: Any) -> AsyncIterator[tuple[Client, Gated]]:
    """A client of an application over an engine that says a word whenever it is let."""
    engine = Gated(words)
    agent = Agent(format=formats.load("transcript"), engine=engine)
    async with serving({"mini": agent}, **settings) as client:
        try:
            yield client, engine
        finally:
            engine.let(10_000)


async def standing(client: Client, generation: str) -> dict[str, Any]:
    return dict(await client.get(f"/generations/{generation}"))


async def says(client: Client, generation: str, text: str) -> None:
    """Waits until so much was said."""
    async with asyncio.timeout(10):
        while not (await standing(client, generation))["text"].startswith(text):
            await asyncio.sleep(0.005)


def test_a_reply_tells_its_state_plan_prompt_pieces_itself_and_its_end() -> None:
    async def act(client: Client) -> None:
        talk = await client.begin()
        [generation] = await client.reply(talk, decoding={"seed": 0})
        told = await client.events(generation)
        names = [event for event, _ in told]
        assert names == [
            "state", "state", "plan", "prompt", "piece", "piece", "piece", "reply", "state", "end",
        ]  # fmt: skip
        assert [data["state"] for event, data in told if event == "state"] == [
            "waiting", "running", "done",
        ]  # fmt: skip
        said = "".join(data["text"] for event, data in told if event == "piece")
        reply = dict(told)["reply"]
        assert said == reply["turn"]["text"] == reply["candidates"][0]["text"]
        assert reply["version"] == (await client.get(f"/talks/{talk}"))["version"]
        prompt = dict(told)["prompt"]
        assert 0 < prompt["tokens"] < prompt["context_window"] == 2048
        standing_now = await standing(client, generation)
        assert standing_now["turn"] == reply["turn"]
        assert (standing_now["state"], standing_now["error"]) == ("done", None)

    talked(act)


def test_whoever_comes_again_is_told_the_same_byte_for_byte() -> None:
    async def act(client: Client) -> None:
        talk = await client.begin()
        [generation] = await client.reply(talk, decoding={"candidates": 3})
        first = await client.stream(generation)
        assert await client.stream(generation) == first
        for after in (1, 4, len(frames(first)) - 1):
            rest = await client.stream(generation, after)
            assert first.endswith(rest) and len(frames(rest)) == len(frames(first)) - after
        for after in (len(frames(first)), 999_999):
            headers = {"last-event-id": str(after)}
            path = f"/tertulia/generations/{generation}/events"
            assert (await client.http.get(path, headers=headers)).status_code == 204

    talked(act)


def test_those_who_listen_while_it_grows_and_those_who_come_later_hear_the_same() -> None:
    async def act() -> None:
        async with gated() as (client, engine):
            talk = await client.begin()
            [generation] = await client.reply(talk)
            early = asyncio.create_task(client.stream(generation))
            engine.let(1)
            await says(client, generation, "word")
            middle = asyncio.create_task(client.stream(generation))
            engine.let(2)
            assert await early == await middle == await client.stream(generation)

    asyncio.run(act())


def test_a_page_that_is_closed_does_not_stop_a_reply_and_a_new_one_finds_it() -> None:
    async def act() -> None:
        async with gated() as (client, engine):
            talk = await client.begin()
            [generation] = await client.reply(talk)
            listening = asyncio.create_task(client.stream(generation))
            engine.let(1)
            await says(client, generation, "word")
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            assert (await client.get(f"/talks/{talk}"))["generations"] == [generation]
            engine.let(2)
            told = dict(await client.events(generation))
            assert told["reply"]["turn"]["text"] == "word word word "
            assert (await client.get(f"/talks/{talk}"))["generations"] == []

    asyncio.run(act())


def test_a_reply_that_is_stopped_midway_is_kept_as_far_as_it_was_said() -> None:
    async def act() -> None:
        async with gated() as (client, engine):
            talk = await client.begin()
            said = await client.say(talk, "Hi")
            [generation] = await client.reply(talk)
            engine.let(2)
            await says(client, generation, "word word")
            told = await client.send("POST", f"/generations/{generation}/stop")
            assert told == {"state": "stopped"}
            [_, turn] = (await client.get(f"/talks/{talk}"))["turns"]
            assert (turn["text"], turn["status"], turn["parent"]) == ("word word", "stopped", said)
            assert turn["reply"]["decoding"]["seed"] == turn["reply"]["seed"]
            assert await client.texts(talk) == ["Hi", "word word"]
            last = (await client.events(generation))[-3:]
            assert [event for event, _ in last] == ["reply", "state", "end"]
            assert last[0][1]["candidates"] == []
            again = await client.send("POST", f"/generations/{generation}/stop")
            assert again == {"state": "stopped"}

    asyncio.run(act())


def test_one_that_waits_is_stopped_without_a_turn() -> None:
    async def act() -> None:
        async with gated(rows=1) as (client, engine):
            talk = await client.begin()
            [first] = await client.reply(talk)
            [second] = await client.reply(talk)
            assert (await standing(client, second))["state"] == "waiting"
            told = await client.send("POST", f"/generations/{second}/stop")
            assert told == {"state": "stopped"} and (await standing(client, second))["turn"] is None
            engine.let(3)
            await client.events(first)
            assert len((await client.get(f"/talks/{talk}"))["turns"]) == 1

    asyncio.run(act())


def test_one_that_is_over_stays_as_it_ended() -> None:
    async def act(client: Client) -> None:
        talk = await client.begin()
        [generation] = await client.reply(talk)
        await client.events(generation)
        told = await client.send("POST", f"/generations/{generation}/stop")
        assert told == {"state": "done"}

    talked(act)


def test_a_dry_reply_is_stopped_and_nothing_is_kept() -> None:
    async def act() -> None:
        async with gated() as (client, engine):
            talk = await client.begin()
            [generation] = await client.reply(talk, dry=True)
            engine.let(1)
            await says(client, generation, "word")
            await client.send("POST", f"/generations/{generation}/stop")
            told = await standing(client, generation)
            assert (told["turn"]["id"], told["turn"]["text"]) == (None, "word")
            assert (await client.get(f"/talks/{talk}"))["turns"] == []

    asyncio.run(act())


def test_a_reply_does_not_become_active_when_the_talk_moved_on_meanwhile() -> None:
    async def act() -> None:
        async with gated() as (client, engine):
            talk = await client.begin()
            await client.say(talk, "Hi")
            [generation] = await client.reply(talk)
            await client.say(talk, "Wait!")
            engine.let(3)
            await client.events(generation)
            assert await client.texts(talk) == ["Hi", "Wait!"]
            assert len((await client.get(f"/talks/{talk}"))["turns"]) == 3

    asyncio.run(act())


def test_a_direction_that_changes_meanwhile_does_not_leave_the_reply_aside() -> None:
    async def act() -> None:
        async with gated() as (client, engine):
            talk = await client.begin({**SCENE, "plan": {"goal": "ask"}})
            await client.say(talk, "Hi")
            replies = [(await client.reply(talk))[0] for _ in range(2)]
            await client.send("PATCH", f"/talks/{talk}", {"scene": {"situation": "A storm."}})
            engine.let(6)
            for each in replies:
                await client.events(each)
            assert await client.texts(talk) == ["Hi", "word word word "]
            told = await client.get(f"/talks/{talk}")
            assert told["scene"]["situation"] == "A storm." and len(told["turns"]) == 3
            assert told["scene"]["plan"]["goal"] == ""

    asyncio.run(act())


def test_an_engine_that_fails_ends_in_an_error_that_is_told_and_what_was_said_is_kept() -> None:
    class Failing(Gated):
        def events(self, prompts: Any, decoding: Any) -> Any:
            yield from list(super().events(prompts, decoding))[:2]
            raise OSError("a secret path")

    engine = Failing()
    engine.let(9)
    agent = Agent(format=formats.load("transcript"), engine=engine)

    async def act(client: Client) -> None:
        talk = await client.begin()
        [generation] = await client.reply(talk)
        told = dict(await client.events(generation))
        assert told["error"]["code"] == "internal_error" and "secret" not in str(told["error"])
        assert told["state"] == {"state": "failed"}
        [turn] = (await client.get(f"/talks/{talk}"))["turns"]
        assert (turn["text"], turn["status"]) == ("word word", "interrupted")

    talked(act, agents={"mini": agent})


def test_the_end_of_the_server_keeps_what_was_said(tmp_path: Path) -> None:
    place = tmp_path / "talks.db"

    class Endless(Gated):
        def events(self, prompts: Any, decoding: Any) -> Any:
            while True:
                time.sleep(0.001)
                yield Piece(0, 0, "word ")

    async def act() -> None:
        agent = Agent(format=formats.load("transcript"), engine=Endless())
        async with serving({"mini": agent}, store=place) as client:
            talk = await client.begin()
            [generation] = await client.reply(talk)
            await says(client, generation, "word word")
        async with serving(store=place) as client:
            [turn] = (await client.get(f"/talks/{talk}"))["turns"]
            assert turn["text"].startswith("word word") and turn["status"] == "interrupted"

    asyncio.run(act())


def test_after_kill_9_the_interrupted_turn_is_there(tmp_path: Path) -> None:
    agent, place = tmp_path / "slow.toml", tmp_path / "talks.db"
    agent.write_text(SLOW.format(words="word " * 50_000))
    command = [sys.executable, "-m", "tertulia", "serve", "--port", "0", "--agent", str(agent)]
    # A pipe that nobody reads would fill up with its log while it is asked again and again.
    log = tmp_path / "log"
    with log.open("w") as told:
        process = subprocess.Popen([*command, "--store", str(place)], stderr=told, env={"PATH": ""})
    try:
        while not (found := re.search(r"serving .* at (http://\S+)/v1", log.read_text())):
            assert process.poll() is None, "it did not start"
            time.sleep(0.01)
        with httpx.Client(base_url=f"{found[1]}/tertulia", timeout=60) as http:
            talk = http.post("/talks", json={"scene": SCENE}).json()["id"]
            begun = http.post(f"/talks/{talk}/replies", json={}).json()["generations"]
            path = f"/generations/{begun[0]['id']}"
            while len(http.get(path).json()["text"]) < 200:
                assert http.get(path).json()["state"] in ("waiting", "running")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()

    async def act(client: Client) -> None:
        [turn] = (await client.get(f"/talks/{talk}"))["turns"]
        assert turn["status"] == "interrupted" and turn["speaker"] == "Ann"
        assert turn["text"].startswith("word") and turn["reply"]["seed"] is not None

    talked(act, store=place)


def test_an_unknown_one_is_a_404() -> None:
    async def act(client: Client) -> None:
        for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/stop")):
            told = await client.send(method, f"/generations/nope{path}", status=404)
            assert told["error"]["code"] == "not_found"

    talked(act)


@pytest.mark.parametrize("given", ["x", "-1", "1.5", "9" * 20, "²"])
def test_an_event_id_that_is_no_number_is_refused(given: str) -> None:
    async def act(client: Client) -> None:
        talk = await client.begin()
        [generation] = await client.reply(talk)
        headers = {"last-event-id": given.encode()}
        path = f"/generations/{generation}/events"
        told = await client.get(path, 400, headers=headers)
        assert told["error"]["param"] == "Last-Event-ID"

    talked(act)


def test_of_those_that_ended_the_latest_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generations, "REMEMBERED", 2)

    async def act(client: Client) -> None:
        talk = await client.begin()
        ids = []
        for _ in range(4):
            ids += await client.reply(talk, parent=None)
            await client.events(ids[-1])
        await client.get(f"/generations/{ids[0]}", 404)
        await client.get(f"/generations/{ids[-1]}")
        monkeypatch.setattr(generations, "REMEMBERED_CHARACTERS", 10)
        await client.get(f"/generations/{ids[-1]}", 404)
        ids += await client.reply(talk, parent=None)
        await client.events(ids[-1])
        monkeypatch.setattr(generations, "REMEMBERED_CHARACTERS", 2**20)
        monkeypatch.setattr(generations, "REMEMBERED_SECONDS", 0.0)
        await client.get(f"/generations/{ids[-1]}", 404)

    talked(act)


def test_pieces_beyond_the_room_for_them_are_left_out_and_the_reply_is_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(generations, "LOG_CHARACTERS", 0)

    async def act(client: Client) -> None:
        talk = await client.begin()
        [generation] = await client.reply(talk, decoding={"seed": 0})
        told = await client.events(generation)
        assert "piece" not in [event for event, _ in told]
        assert dict(told)["reply"]["turn"]["text"] == "Hello there, friend."

    talked(act)


def test_nothing_new_begins_when_the_server_is_ending() -> None:
    app = application({"mini": scripted()}, Settings(store=":memory:"))

    async def act() -> None:
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
                client = Client(http)
                talk = await client.begin()
                app.state.house.draining = True
                await client.send("POST", f"/talks/{talk}/replies", {}, 503)
                await client.get(f"/talks/{talk}")

    asyncio.run(act())


def test_a_full_queue_refuses_a_reply_and_keeps_no_draft() -> None:
    async def act() -> None:
        async with gated(rows=1, queue=0) as (client, engine):
            talk = await client.begin()
            [first] = await client.reply(talk)
            await until(lambda: len(engine.began) == 1)
            told = await client.send("POST", f"/talks/{talk}/replies", {}, 429)
            assert told["error"]["code"] == "queue_full"
            engine.let(3)
            await client.events(first)
            assert (await client.get(f"/talks/{talk}"))["generations"] == []

    asyncio.run(act())
