"""Agents in processes of their own: their replies, their deaths, and that they end."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tertulia import assembly
from tertulia.assembly import Written
from tertulia.server.app import application
from tertulia.server.served import House
from tertulia.server.settings import Settings
from tests.server.asking import error, frames
from tests.server.queue.test_runner import CHAT, Client, body, until

LONG: dict[str, Any] = {
    "max_tokens": 900,
    "decoding": {"min_new_tokens": 900, "candidates": 1, "rankers": []},
}
MINI = {"mini": assembly.written("mini")}


def scripted(line: str, name: str = "lines") -> Written:
    """An agent whose engine is scripted, to be opened in a process."""
    engine = {"name": "scripted", "lines": [line]}
    return Written({"format": "native", "engine": engine}, f"{name}.toml")


@asynccontextmanager
async def serving(
    agents: dict[str, Written], **settings: Any
) -> AsyncIterator[tuple[httpx.AsyncClient, House, Any]]:
    """A client of these agents, what they live in, and the application."""
    app = application(agents, Settings(**settings))
    house: House = app.state.house
    transport = httpx.ASGITransport(app)
    try:
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", timeout=60
        ) as http:
            yield http, house, app
    finally:
        house.close()


def acted(act: Callable[[Any, Any, Any], Awaitable[Any]], agents: Any, **settings: Any) -> Any:
    """What an act with a client, the house and the application gives."""

    async def run() -> Any:
        async with serving(agents, **settings) as (http, house, app):
            return await act(http, house, app)

    return asyncio.run(run())


def test_a_worker_serves_an_application_that_runs_on_uvloop() -> None:
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not for this system")

    async def asked() -> Any:
        async with serving({"lines": scripted("Hello there.")}) as (http, _, _):
            return await http.post(CHAT, json=body() | {"model": "lines"})

    assert uvloop.run(asked()).status_code == 200


def killed(worker: Any) -> None:
    os.kill(worker.pid, signal.SIGKILL)


def alive(pid: int) -> bool:
    """Whether a process is there and not only waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_reply_is_the_same_in_another_process() -> None:
    async def act(http: Any, house: House, app: Any) -> Any:
        return (await http.post(CHAT, json=body(seed=7, logprobs=True))).json()

    there = acted(act, MINI)
    here = acted(act, {"mini": assembly.open_agent("mini")})
    for each in ("choices", "usage", "tertulia"):
        assert there[each] == here[each]


def test_replies_of_another_process_are_the_same_alone_and_in_company() -> None:
    async def act(http: Any, house: House, app: Any) -> Any:
        own = {"decoding": {"candidates": 2, "rankers": []}, "max_tokens": 12}
        asked = [body(f"number {n}", seed=n, **own) for n in range(6)]
        alone = [(await http.post(CHAT, json=each)).json()["choices"] for each in asked]
        answers = await asyncio.gather(*(http.post(CHAT, json=each) for each in asked))
        return alone, [each.json()["choices"] for each in answers]

    alone, together = acted(act, MINI)
    assert alone == together


def test_what_is_wrong_with_a_request_is_told_across() -> None:
    async def act(http: Any, house: House, app: Any) -> None:
        long = await http.post(CHAT, json=body("word " * 9000))
        assert error(long) == (400, "messages", "context_length_exceeded")
        for _ in range(2):
            table = {"decoding": {"repetition_penalty": 1.5}}
            refused = await http.post(CHAT, json=body(**table, model="lines"))
            assert refused.status_code == 400 and "repetition_penalty" in refused.text

    acted(act, {**MINI, "lines": scripted("Yes.")})


def test_nothing_is_opened_before_it_is_asked() -> None:
    async def act(http: Any, house: House, app: Any) -> None:
        listed = (await http.get("/v1/models")).json()["data"]
        assert [each["tertulia"]["loaded"] for each in listed] == [False, False]
        assert listed[0]["tertulia"]["context_window"] is None
        assert (await http.post(CHAT, json=body(model="a"))).status_code == 200
        listed = (await http.get("/v1/models")).json()["data"]
        assert [each["tertulia"]["loaded"] for each in listed] == [True, False]
        assert listed[0]["tertulia"]["context_window"] == 2048

    acted(act, {"a": scripted("A."), "b": scripted("B.")})


@pytest.mark.parametrize("stream", [False, True])
def test_a_worker_that_dies_fails_its_reply_with_a_word_for_it_and_is_back(stream: bool) -> None:
    async def act(http: Any, house: House, app: Any) -> None:
        mini = house.pool.workers[0]
        assert (await http.post(CHAT, json=body(model="lines"))).status_code == 200
        asked = Client(app, stream=stream, **LONG)
        await until(lambda: len(asked.heard) > 5 if stream else mini.busy)
        before = mini.pid
        killed(mini)
        assert (await http.post(CHAT, json=body(model="lines"))).status_code == 200
        await asked.task
        text = b"".join(each.get("body", b"") for each in asked.heard)
        assert asked.heard[0]["status"] == (200 if stream else 503)
        assert b'"code":"worker_died"' in text
        assert text.endswith(b"data: [DONE]\n\n") == stream
        assert (await http.post(CHAT, json=body(seed=1))).status_code == 200
        assert mini.pid not in (0, before) and not mini.breaker.crashes
        assert 'tertulia_worker_deaths_total{model="mini"} 1.0' in (await http.get("/metrics")).text
        assert (await http.get("/ready")).status_code == 200

    acted(act, {**MINI, "lines": scripted("Yes.")})


def test_what_waits_when_a_worker_dies_is_done_by_the_next() -> None:
    async def act(http: Any, house: House, app: Any) -> None:
        [mini] = house.pool.workers
        first = asyncio.create_task(http.post(CHAT, json=body(**LONG)))
        await until(lambda: mini.busy)
        waits = asyncio.create_task(http.post(CHAT, json=body(seed=1)))
        await until(lambda: house.agents["mini"].runner.waiting)
        killed(mini)
        assert error(await first) == (503, None, "worker_died")
        assert (await waits).status_code == 200

    acted(act, MINI, rows=1)


def test_after_three_deaths_in_a_row_nothing_is_begun_until_one_try_succeeds() -> None:
    async def act(http: Any, house: House, app: Any) -> None:
        lines, other = house.pool.workers
        for n in range(3):
            house.pool.want(lines)
            await until(lambda: lines.child)
            killed(lines)
            await until(lambda n=n: lines.breaker.crashes == n + 1)
        assert lines.breaker.open and lines.child is None
        refused = await http.post(CHAT, json=body(model="lines"))
        assert error(refused) == (503, None, "worker_broken")
        assert int(refused.headers["retry-after"]) > 20
        assert (await http.post(CHAT, json=body(model="other"))).status_code == 200
        assert (await http.get("/ready")).status_code == 200
        lines.breaker.until = 0.0
        answers = await asyncio.gather(
            *(http.post(CHAT, json=body(str(n), model="lines")) for n in range(5))
        )
        assert [each.status_code for each in answers] == [200] * 5
        assert not lines.breaker.crashes

    acted(act, {"lines": scripted("Yes."), "other": scripted("No.")})


def test_a_server_whose_models_are_all_broken_is_not_ready() -> None:
    async def act(http: Any, house: House, app: Any) -> None:
        [lines] = house.pool.workers
        for _ in range(3):
            lines.breaker.crashed()
        ready = await http.get("/ready")
        assert (ready.status_code, ready.json()) == (503, {"status": "broken"})
        assert (await http.get("/health")).status_code == 200

    acted(act, {"lines": scripted("Yes.")})


def test_a_model_that_cannot_be_opened_is_told_without_its_path(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    engine = {"name": "onnxruntime", "model": str(tmp_path)}
    broken = Written({"format": "native", "engine": engine}, "broken.toml")

    async def act(http: Any, house: House, app: Any) -> None:
        refused = await http.post(CHAT, json=body())
        assert error(refused) == (503, None, "model_unavailable")
        assert str(tmp_path) not in refused.text

    acted(act, {"mini": broken})


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("own", [
    {"candidates": 1}, {"candidates": 16}, {"beams": 8, "candidates": 1, "temperature": 0.0},
])  # fmt: skip
def test_a_client_that_hangs_up_frees_the_worker(own: dict[str, Any], stream: bool) -> None:
    long = {**LONG, "decoding": {**LONG["decoding"], **own}}

    async def act(http: Any, house: House, app: Any) -> None:
        [mini] = house.pool.workers
        gone = Client(app, stream=stream, **long)
        await until(lambda: mini.busy)
        gone.hung_up.set()
        await gone.task
        await until(lambda: not mini.busy)
        assert house.agents["mini"].runner.inside == 0
        assert house.metrics.registry.get_sample_value(
            "tertulia_generated_tokens_total", {"model": "mini"}
        ) in (None, 0.0)

    acted(act, MINI)


def test_a_stream_from_another_process_comes_piece_by_piece() -> None:
    async def act(http: Any, house: House, app: Any) -> Any:
        return await http.post(CHAT, json=body(stream=True, model="lines"))

    found = frames(acted(act, {"lines": scripted("One two three.")}))
    said = [each["choices"][0]["delta"].get("content") for each in found]
    assert [each for each in said if each] == ["One", " two", " three."]


def test_workers_end_with_the_server() -> None:
    async def act(http: Any, house: House, app: Any) -> int:
        await http.post(CHAT, json=body(model="lines"))
        return house.pool.workers[0].pid

    assert not alive(acted(act, {"lines": scripted("Yes.")}))
