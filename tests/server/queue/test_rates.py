"""How much each client may ask in a minute."""

import asyncio
from typing import Any

import httpx
import pytest

from tertulia.server.doors.refusals import Refusal
from tertulia.server.queue.rates import MOST_CLIENTS, Rates
from tests.server.asking import HI, asked, error

CHAT = "/v1/chat/completions"
BODY = {"model": "mini", "messages": HI, "seed": 0}


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def refusal(rates: Rates, client: str) -> Refusal | None:
    try:
        rates.admit(client)
    except Refusal as found:
        return found
    return None


def test_a_minutes_worth_may_be_asked_at_once_and_comes_back_evenly() -> None:
    clock = Clock()
    rates = Rates(6, None, clock)
    assert [refusal(rates, "a") for _ in range(6)] == [None] * 6
    refused = refusal(rates, "a")
    assert refused and (refused.status, refused.code) == (429, "rate_limited")
    assert refused.headers == {"Retry-After": "10"}
    assert refusal(rates, "b") is None
    clock.seconds = 9.0
    assert refusal(rates, "a")
    clock.seconds = 10.0
    assert refusal(rates, "a") is None and refusal(rates, "a")


def test_tokens_are_counted_at_the_end_and_waited_for_by_the_next() -> None:
    clock = Clock()
    rates = Rates(None, 600, clock)
    assert refusal(rates, "a") is None
    rates.spend("a", 900)
    refused = refusal(rates, "a")
    assert refused and refused.headers == {"Retry-After": "30"}
    clock.seconds = 30.5
    assert refusal(rates, "a") is None


def test_after_any_time_no_more_than_a_minutes_worth_is_left() -> None:
    clock = Clock()
    rates = Rates(2, None, clock)
    refusal(rates, "a")
    clock.seconds = 10_000.0
    assert [bool(refusal(rates, "a")) for _ in range(3)] == [False, False, True]


def test_only_so_many_clients_are_remembered_and_the_busy_among_them() -> None:
    rates = Rates(1, None, Clock())
    rates.admit("busy")
    for n in range(3 * MOST_CLIENTS):
        rates.admit(f"client {n}")
        if n % 1000 == 0:
            assert refusal(rates, "busy")
    assert len(rates.clients) <= MOST_CLIENTS and refusal(rates, "busy")


def test_without_limits_nobody_is_refused() -> None:
    rates = Rates(None, None, Clock())
    rates.spend("a", 10**9)
    assert all(refusal(rates, "a") is None for _ in range(1000))


@pytest.mark.parametrize(
    ("limits", "answers"),
    [({"requests": 2}, [200, 200, 429]), ({"tokens": 10}, [200, 200, 429])],
)
def test_over_http_it_is_a_429_that_says_when_to_come_back(
    limits: dict[str, int], answers: list[int]
) -> None:
    async def act(http: httpx.AsyncClient) -> list[Any]:
        found = [await http.post(CHAT, json=BODY) for _ in range(3)]
        return [*found, await http.get("/v1/models")]

    *posted, listed = asked(act, **limits)
    assert [each.status_code for each in posted] == answers
    assert error(posted[-1]) == (429, None, "rate_limited")
    assert 1 <= int(posted[-1].headers["retry-after"]) <= 60
    assert listed.status_code == 200


def test_a_client_that_hangs_up_pays_for_what_was_made() -> None:
    async def act(http: httpx.AsyncClient) -> int:
        app = http._transport.app  # type: ignore[attr-defined]
        async with http.stream("POST", CHAT, json={**BODY, "stream": True}) as response:
            async for _ in response.aiter_bytes():
                break
        await asyncio.sleep(0)
        [left] = app.state.house.agents["mini"].runner.rates.clients.values()
        return int(left.tokens)

    assert asked(act, tokens=1000) < 1000
