"""What is no honest JSON is refused by every route that reads a body, and named."""

import asyncio
from typing import Any

import pytest

from tests.server.asking import asked, client, error, scripted

AGENTS = {"mini": scripted(), "godel": scripted(format="godel")}
DESCRIPTION = asked(lambda http: http.get("/openapi.json"), agents=AGENTS).json()
ROUTES = [
    (path, method)
    for path, methods in DESCRIPTION["paths"].items()
    for method, told in methods.items()
    if "application/json" in told.get("requestBody", {}).get("content", {})
]
BODIES = {
    "too_deep": b'{"a": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "duplicate_key": b'{"model": "a", "model": "b"}',
    "invalid_json": b'{"temperature": NaN}',
    "invalid_utf8": b'{"model": "\xff"}',
}
SURROGATE = b'{"model": "\\ud800"}'


def test_there_are_such_routes() -> None:
    assert {path for path, _ in ROUTES} >= {
        "/v1/chat/completions", "/v1/completions", "/v1/responses", "/tertulia/talks", "/generate",
    }  # fmt: skip


def test_every_route_refuses_them_by_the_same_word() -> None:
    async def act() -> None:
        async with client(AGENTS, store=":memory:") as http:
            for path, method in ROUTES:
                url = path.format(talk="x", turn="1", scene="x", generation="x", id="x", name="x")
                for code, content in [*BODIES.items(), ("invalid_utf8", SURROGATE)]:
                    response = await http.request(
                        method, url, content=content, headers={"content-type": "application/json"}
                    )
                    assert error(response) == (400, None, code), (method, path)

    asyncio.run(act())


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/completions", "/tertulia/talks"])
def test_a_body_that_does_not_arrive_is_given_up(path: str) -> None:
    async def body() -> Any:
        yield b"{"
        await asyncio.sleep(5)

    headers = {"content-type": "application/json"}
    response = asked(
        lambda http: http.post(path, content=body(), headers=headers),
        body_seconds=0.05,
        store=":memory:",
    )
    assert error(response) == (408, None, "body_timeout")
