"""Which workers are open at the same time."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from tertulia import assembly
from tertulia.assembly import Written
from tertulia.errors import ConfigError, UnknownName
from tertulia.server.served import House
from tertulia.server.settings import MEBI
from tertulia.server.workers.away import away
from tertulia.server.workers.pool import grouped
from tertulia.server.workers.resident import resident_bytes
from tertulia.server.workers.weights import BARE_BYTES, expected_bytes
from tests.server.asking import error
from tests.server.queue.test_runner import CHAT, body, until
from tests.server.workers.test_worker import MINI, acted, scripted

ROOM_FOR_ONE = BARE_BYTES + 20 * MEBI
"""A scripted agent's process holds some 50 MB, and is expected to hold BARE_BYTES."""


def test_agents_on_the_same_weights_share_a_worker() -> None:
    mini = assembly.written("mini")
    other = Written({**mini.table, "decoding": {"temperature": 0.5}}, "other.toml")
    found = grouped({"mini": mini, "lines": scripted("A."), "other": other, "b": scripted("A.")})
    assert [list(each) for each in found] == [["mini", "other"], ["lines"], ["b"]]


def test_the_least_recently_used_is_closed_to_make_room() -> None:
    async def act(http: Any, house: House, app: Any) -> None:
        a, b, c = house.pool.workers
        for asked, open_ones in (("a", [a]), ("b", [a, b]), ("a", [a, b]), ("c", [a, c])):
            assert (await http.post(CHAT, json=body(model=asked))).status_code == 200
            assert [each for each in house.pool.workers if each.child] == open_ones

    # Two hold some 50 MB each, and a third is expected to hold BARE_BYTES.
    agents = {name: scripted(f"{name}.") for name in "abc"}
    acted(act, agents, memory_bytes=BARE_BYTES + 70 * MEBI)


def test_a_model_larger_than_the_budget_is_refused_and_the_others_go_on() -> None:
    async def act(http: Any, house: House, app: Any) -> None:
        mini, lines = house.pool.workers
        pids = set()
        for _ in range(4):
            refused = await http.post(CHAT, json=body())
            assert error(refused) == (503, None, "memory_budget")
            assert "--memory-budget" in refused.text and not mini.pid
            assert (await http.post(CHAT, json=body(model="lines"))).status_code == 200
            pids.add(lines.pid)
        # Only the first try made room for it.
        assert len(pids) == 1

    acted(act, {**MINI, "lines": scripted("Yes.")}, memory_bytes=60 * MEBI)


def test_one_that_is_always_busy_gives_way_to_another() -> None:
    async def act(http: Any, house: House, app: Any) -> None:
        mini, lines = house.pool.workers
        long = {"max_tokens": 60, "decoding": {"min_new_tokens": 60, "rankers": []}}
        first = asyncio.create_task(http.post(CHAT, json=body(**long)))
        await until(lambda: mini.busy)
        other = asyncio.create_task(http.post(CHAT, json=body(model="lines")))
        await until(lambda: mini.leaving)
        late = asyncio.create_task(http.post(CHAT, json=body(seed=1)))
        for each in (first, other, late):
            assert (await each).status_code == 200
        assert mini.child and not lines.child

    acted(act, {**MINI, "lines": scripted("Yes.")}, memory_bytes=ROOM_FOR_ONE)


def test_preloaded_models_are_open_before_the_server_is_ready() -> None:
    async def act(http: Any, house: House, app: Any) -> None:
        house.start()
        assert (await http.get("/ready")).json() == {"status": "loading"}
        await until(lambda: not house.pool.opening)
        assert all(each.child for each in house.pool.workers)
        assert (await http.get("/ready")).json() == {"status": "ready"}

    acted(act, {"a": scripted("A."), "b": scripted("B.")}, preload=True)


def test_mistakes_in_an_agent_file_are_found_before_its_engine_is_opened() -> None:
    engine = {"name": "scripted"}
    for table, kind in (
        ({"format": "native", "engine": engine, "planer": {}}, ConfigError),
        ({"format": "nativ", "engine": engine}, UnknownName),
        ({"format": "native", "engine": engine, "rankers": ["mm"]}, UnknownName),
        ({"format": "native", "engine": engine, "planner": {"name": "nativ"}}, UnknownName),
        ({"format": "native", "engine": engine, "decoding": {"top_k": -1}}, ConfigError),
    ):
        with pytest.raises(kind):
            away(Written(table, "wrong.toml"))


def test_what_a_model_will_hold_is_expected_from_its_weights(tmp_path: Path) -> None:
    assert expected_bytes(None) == BARE_BYTES
    (tmp_path / "model.safetensors").write_bytes(b"x" * 1000)
    assert expected_bytes(str(tmp_path)) == BARE_BYTES + 1000


def test_the_memory_of_a_process_that_is_no_more_is_none() -> None:
    assert resident_bytes(os.getpid()) > 10 * MEBI
    assert resident_bytes(2**22 + 1) == 0
