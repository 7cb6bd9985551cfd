"""The queue between HTTP and an engine: bounded, in order, and left as soon as nobody waits."""

import asyncio
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tertulia import Agent, Conversation, Decoding, assembly, formats
from tertulia.engines import Completion, Event, Finished, Piece
from tertulia.engines.scripted import Scripted
from tertulia.engines.scripted import Settings as Lines
from tertulia.prompt import Prompt
from tertulia.server.app import application
from tertulia.server.doors.refusals import Refusal
from tertulia.server.making.speaking import Speak
from tertulia.server.settings import Settings
from tests.server.asking import HI, error, scripted

CHAT = "/v1/chat/completions"


class Gated(Scripted):
    """Says a word whenever it is let, and notes what it began and what was closed on it."""

    def __init__(self, words: int = 3) -> None:
        super().__init__(Lines())
        self.words = words
        self.gate = threading.Semaphore(0)
        self.began: list[str] = []
        self.closed: list[str] = []

    def events(self, prompts: Sequence[Prompt], decoding: Sequence[Decoding]) -> Iterator[Event]:
        name = prompts[0].text
        self.began.append(name)
        try:
            for _ in range(self.words):
                assert self.gate.acquire(timeout=10)
                yield Piece(0, 0, "word ")
            yield Finished(0, 0, Completion(text="word " * self.words))
        except GeneratorExit:
            self.closed.append(name)
            raise

    def let(self, words: int) -> None:
        for _ in range(words):
            self.gate.release()


@contextmanager
def gated(words: int = 3, **settings: Any) -> Iterator[tuple[Any, Gated]]:
    """An application over a gated engine, and that engine."""
    engine = Gated(words)
    agent = Agent(format=formats.load("transcript"), engine=engine)
    app = application({"mini": agent}, Settings(**settings))
    try:
        yield app, engine
    finally:
        engine.let(10_000)
        app.state.house.close()


def http(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://localhost", timeout=10
    )


def body(text: str = "Hi", **more: Any) -> dict[str, Any]:
    return {"model": "mini", "messages": [{"role": "user", "content": text}], **more}


def speak(text: str) -> Speak:
    return Speak(conversation=Conversation().said("User", text), decoding=Decoding())


async def until(true: Any) -> None:
    """Waits, for ten seconds at the most, until something is the case."""
    for _ in range(2000):
        if true():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not happen")


def value(app: Any, name: str, **labels: str) -> float:
    labels = {"model": "mini", **labels}
    return app.state.house.metrics.registry.get_sample_value(name, labels) or 0.0


def test_a_full_queue_refuses_at_once_and_says_when_to_come_back() -> None:
    async def act() -> None:
        with gated(rows=1, queue=2) as (app, engine):
            async with http(app) as client:
                admitted = [
                    asyncio.create_task(client.post(CHAT, json=body(str(n)))) for n in range(3)
                ]
                await until(lambda: app.state.house.agents["mini"].runner.inside == 3)
                refused = await client.post(CHAT, json=body("one too many"))
                assert error(refused) == (429, None, "queue_full")
                assert 1 <= int(refused.headers["retry-after"]) <= 60
                engine.let(9)
                answers = await asyncio.gather(*admitted)
                assert [each.status_code for each in answers] == [200, 200, 200]
                assert (await client.get("/health")).status_code == 200
                again = asyncio.create_task(client.post(CHAT, json=body()))
                engine.let(3)
                assert (await again).status_code == 200
            assert value(app, "tertulia_requests_rejected_total", reason="queue_full") == 1

    asyncio.run(act())


def test_of_many_at_once_the_admitted_finish_and_the_rest_are_refused() -> None:
    async def act() -> list[int]:
        app = application({"mini": scripted()}, Settings(rows=2, queue=8))
        try:
            async with http(app) as client:
                asked = (client.post(CHAT, json=body(str(n))) for n in range(100))
                return [each.status_code for each in await asyncio.gather(*asked)]
        finally:
            app.state.house.close()

    found = asyncio.run(act())
    assert set(found) == {200, 429} and found.count(200) >= 10


def test_requests_are_begun_in_the_order_they_came() -> None:
    async def act() -> None:
        with gated(words=1, rows=1) as (app, engine):
            runner = app.state.house.agents["mini"].runner
            async with http(app) as client:
                tasks = []
                for n in range(4):
                    tasks.append(asyncio.create_task(client.post(CHAT, json=body(f"no {n}"))))
                    await until(lambda n=n: runner.inside == n + 1)
                engine.let(4)
                await asyncio.gather(*tasks)
            assert ["no " + text.partition("no ")[2][0] for text in engine.began] == [
                f"no {n}" for n in range(4)
            ]

    asyncio.run(act())


def test_what_waited_too_long_never_starts() -> None:
    async def act() -> None:
        with gated(rows=1, queue_seconds=0.05) as (app, engine):
            async with http(app) as client:
                first = asyncio.create_task(client.post(CHAT, json=body("first")))
                await until(lambda: engine.began)
                late = asyncio.create_task(client.post(CHAT, json=body("late")))
                await asyncio.sleep(0.15)
                engine.let(3)
                assert (await first).status_code == 200
                assert error(await late) == (503, None, "queue_timeout")
            assert not any("late" in text for text in engine.began)

    asyncio.run(act())


def test_what_takes_too_long_is_stopped() -> None:
    async def act() -> None:
        with gated(words=50, reply_seconds=0.05) as (app, engine):
            async with http(app) as client:
                for stream in (False, True):
                    task = asyncio.create_task(client.post(CHAT, json=body(stream=stream)))
                    engine.let(1)
                    await asyncio.sleep(0.15)
                    engine.let(1)
                    answer = await task
                    code = '"code":"reply_timeout"'
                    assert code in answer.text
                    assert answer.status_code == (200 if stream else 504)
            await until(lambda: len(engine.closed) == 2)

    asyncio.run(act())


class Client:
    """One request over plain ASGI, whose client can hang up at any moment."""

    def __init__(self, app: Any, path: str = CHAT, **more: Any) -> None:
        request = httpx.Request("POST", f"http://localhost{path}", json=body("gone", **more))
        self.scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "server": ("localhost", 80),
        }
        self.content: bytes | None = request.content
        self.hung_up = asyncio.Event()
        self.heard: list[Any] = []
        self.task = asyncio.create_task(app(self.scope, self.receive, self.send))

    async def receive(self) -> dict[str, Any]:
        if self.content is not None:
            content, self.content = self.content, None
            return {"type": "http.request", "body": content, "more_body": False}
        await self.hung_up.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.heard.append(message)

    @property
    def text(self) -> str:
        """The body so far."""
        return b"".join(each.get("body", b"") for each in self.heard).decode()


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_hangs_up_in_the_queue_never_starts(stream: bool) -> None:
    async def act() -> None:
        with gated(rows=1) as (app, engine):
            runner = app.state.house.agents["mini"].runner
            async with http(app) as client:
                first = asyncio.create_task(client.post(CHAT, json=body("first")))
                await until(lambda: engine.began)
                gone = Client(app, stream=stream)
                await until(lambda: runner.inside == 2)
                gone.hung_up.set()
                await gone.task
                assert runner.inside == 1 and not runner.waiting
                engine.let(3)
                assert (await first).status_code == 200
            assert not any("gone" in text for text in engine.began) and gone.heard == []
            assert value(app, "tertulia_requests_aborted_total") == 1

    asyncio.run(act())


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("words", [0, 1, 2])
def test_a_client_that_hangs_up_stops_its_reply_at_the_next_step(words: int, stream: bool) -> None:
    async def act() -> None:
        with gated(rows=1, words=1000) as (app, engine):
            runner = app.state.house.agents["mini"].runner
            gone = Client(app, stream=stream)
            await until(lambda: engine.began)
            engine.let(words)
            if stream and words:
                await until(lambda: gone.text.count("word") >= words)
            gone.hung_up.set()
            await gone.task
            engine.let(1)
            await until(lambda: engine.closed)
            await until(lambda: runner.inside == 0)
            assert value(app, "tertulia_requests_aborted_total") == 1
            assert value(app, "tertulia_requests_running") == 0

    asyncio.run(act())


def test_a_stream_that_fails_midway_ends_with_an_error_message() -> None:
    class Breaking(Gated):
        def events(self, *_: Any) -> Iterator[Event]:
            yield Piece(0, 0, "word ")
            raise RuntimeError("secret")

    async def act() -> str:
        app = application(
            {"mini": Agent(format=formats.load("transcript"), engine=Breaking())}, Settings()
        )
        try:
            async with http(app) as client:
                return (await client.post(CHAT, json=body(stream=True))).text
        finally:
            app.state.house.close()

    text = asyncio.run(act())
    assert '"code":"internal_error"' in text and "secret" not in text
    assert text.endswith("data: [DONE]\n\n")


def test_a_silent_stream_is_kept_open_by_pings() -> None:
    async def act() -> None:
        with gated(words=2, ping_seconds=0.02) as (app, engine):
            gone = Client(app, stream=True)
            engine.let(1)
            await until(lambda: any(m.get("body") == b": ping\n\n" for m in gone.heard))
            engine.let(1)
            await gone.task
            assert gone.heard[-1] == {
                "type": "http.response.body",
                "body": b"",
                "more_body": False,
            }

    asyncio.run(act())


def test_an_engine_that_is_not_shared_is_asked_by_one_thread() -> None:
    with gated() as (app, _):
        assert len(app.state.house.agents["mini"].runner.place.threads) == 1


def test_a_server_that_ends_begins_nothing_new() -> None:
    async def act() -> None:
        app = application({"mini": scripted()}, Settings())
        app.state.house.draining = True
        async with http(app) as client:
            assert error(await client.post(CHAT, json=body())) == (503, None, "draining")
            assert (await client.get("/ready")).status_code == 503
            assert (await client.get("/health")).status_code == 200
        app.state.house.close()

    asyncio.run(act())


def test_metrics_count_what_was_asked_and_made() -> None:
    async def act() -> str:
        app = application({"mini": scripted()}, Settings())
        try:
            async with http(app) as client:
                await client.post(CHAT, json=body(seed=0))
                await client.post(CHAT, json=body(seed=0, stream=True))
                await client.post(CHAT, json={**body(), "messages": HI, "model": "evil\n"})
                return (await client.get("/metrics")).text
        finally:
            app.state.house.close()

    text = asyncio.run(act())
    for line in (
        'tertulia_generated_tokens_total{model="mini"} 6.0',
        'tertulia_prompt_tokens_total{model="mini"} 8.0',
        'tertulia_requests_running{model="mini"} 0.0',
        'tertulia_requests_waiting{model="mini"} 0.0',
        'tertulia_time_to_first_token_seconds_count{model="mini"} 2.0',
        'tertulia_request_seconds_count{model="mini"} 2.0',
        'tertulia_time_per_output_token_seconds_count{model="mini"} 2.0',
    ):
        assert line in text.splitlines()
    assert "evil" not in text


def test_the_engine_is_closed_when_the_server_ends() -> None:
    agent = scripted()
    app = application({"mini": agent}, Settings())
    closed = []
    agent.engine.close = lambda: closed.append(time.monotonic())  # type: ignore[method-assign]
    app.state.house.close()
    assert len(closed) == 1 and not any(
        thread.is_alive() for thread in app.state.house.agents["mini"].runner.place.threads
    )


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_hangs_up_frees_the_rows_of_the_built_in_model(stream: bool) -> None:
    changes = {"min_new_tokens": 300, "max_new_tokens": 300}
    agent = assembly.open_agent("mini", changes=changes)
    steps = 0
    run = agent.engine.network.run  # type: ignore[attr-defined]

    def counted(*words: Any, **named: Any) -> Any:
        nonlocal steps
        steps += 1
        return run(*words, **named)

    agent.engine.network.run = counted  # type: ignore[attr-defined]

    async def act() -> None:
        app = application({"mini": agent}, Settings())
        runner = app.state.house.agents["mini"].runner
        gone = Client(app, stream=stream)
        await until(lambda: steps > 5)
        gone.hung_up.set()
        await gone.task
        await until(lambda: runner.inside == 0)
        app.state.house.close()

    asyncio.run(act())
    assert steps < 300


def test_one_client_with_many_requests_does_not_hold_up_anothers_first() -> None:
    async def act() -> list[str]:
        with gated(words=1, rows=1, queue=8) as (app, engine):
            runner = app.state.house.agents["mini"].runner
            jobs = [runner.submit(speak(f"many {n}"), "many") for n in range(6)]
            jobs.append(runner.submit(speak("one"), "one"))
            engine.let(7)
            for each in jobs:
                await each.said()
            return [re.search("many .|one", text)[0] for text in engine.began]  # type: ignore[index]

    began = asyncio.run(act())
    assert began[:3] == ["many 0", "many 1", "one"] or began[:2] == ["many 0", "one"]
    assert len(began) == 7


def test_a_queue_that_one_client_filled_has_a_place_for_anothers_first() -> None:
    async def act() -> None:
        with gated(words=1, rows=1, queue=8) as (app, engine):
            runner = app.state.house.agents["mini"].runner
            jobs = [runner.submit(speak("many"), "many") for _ in range(9)]
            for client in ("many", "one", "one", "two", "three"):
                try:
                    jobs.append(runner.submit(speak(client), client))
                except Refusal as refused:
                    assert refused.code == "queue_full"
            # Of nine that one client has, eight wait; then come the first of two more clients.
            assert [job.client for job in jobs[9:]] == ["one", "two"]
            engine.let(11)
            for each in jobs:
                await each.said()

    asyncio.run(act())


def test_a_job_goes_on_when_nobody_reads_it_and_ends_when_it_is_cancelled() -> None:
    async def act() -> None:
        with gated(words=3, rows=1) as (app, engine):
            runner = app.state.house.agents["mini"].runner
            first, second = runner.submit(speak("first")), runner.submit(speak("second"))
            engine.let(3)
            await until(lambda: second in runner.running)
            runner.cancel(second)
            assert "Reply" not in [type(each).__name__ async for each in second.events()]
            engine.let(1)
            await until(lambda: not runner.inside)
            told = [type(each).__name__ async for each in first.events()]
            assert told == ["Plan", "Rendered", "Begun", "Reply"]

    asyncio.run(act())
