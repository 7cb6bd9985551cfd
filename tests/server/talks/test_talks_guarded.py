"""The routes of kept talks have the guards of all others: keys, hosts, origins, honest JSON."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from tertulia import cards
from tertulia.server.keys import named
from tertulia.server.talks import exports
from tests.server.asking import error
from tests.server.talking import Client, serving, talked

KEY = "k3y-of-this-server"
WITH_BODY = (
    ("POST", "/talks"), ("PATCH", "/talks/x"), ("POST", "/talks/x/turns"),
    ("POST", "/talks/x/active"), ("POST", "/talks/x/turns/1/edit"),
    ("PUT", "/talks/x/turns/1/rating"), ("POST", "/talks/x/candidates"),
    ("POST", "/talks/x/replies"), ("POST", "/plans"), ("POST", "/prompts"), ("POST", "/scenes"),
)  # fmt: skip
WITHOUT = (
    ("GET", "/talks"), ("GET", "/talks/x"), ("GET", "/talks/x/turns/1"), ("GET", "/agents"),
    ("GET", "/scenes"), ("GET", "/scenes/bakery"), ("GET", "/generations/x"), ("GET", "/forms"),
    ("GET", "/generations/x/events"), ("GET", "/talks/x/export"), ("GET", "/talks/x/page"),
)  # fmt: skip
CHANGING = (
    *WITH_BODY, ("DELETE", "/talks/x"), ("DELETE", "/talks/x/turns/1"),
    ("POST", "/talks/x/restore"),
    ("POST", "/generations/x/stop"), ("DELETE", "/scenes/bakery"), ("POST", "/talks/import"),
    ("POST", "/cards"), ("POST", "/talks/x/turns/1/restore"),
)  # fmt: skip
HOSTILE = (
    (b"", "invalid_json"), (b"[]", "invalid_json"), (b'{"title": NaN}', "invalid_json"),
    (b'{"version": 1e400}', "invalid_json"), (b'{"title": "a", "title": "b"}', "duplicate_key"),
    (b'{"scene": {"agent": "a", "agent": "b"}}', "duplicate_key"),
    (b'{"title": "\xff"}', "invalid_utf8"), (b'{"title": "\\ud800"}', "invalid_utf8"),
    (b'{"scene": ' + b"[" * 50_000, "too_deep"),
    (b'{"scene": ' + b"[" * 40 + b"]" * 40 + b"}", "too_deep"),
)  # fmt: skip


async def each(client: Client, routes: Any, **more: Any) -> list[tuple[int, str | None]]:
    """(status, code) of each route's answer."""
    found = []
    for method, path in routes:
        answer = await client.http.request(method, f"/tertulia{path}", **more)
        status, _, code = error(answer)
        found.append((status, code))
    return found


def test_nothing_is_told_or_done_without_the_key() -> None:
    async def act(client: Client) -> None:
        assert set(await each(client, (*WITHOUT, *CHANGING))) == {(401, "invalid_api_key")}

    talked(act, key=KEY)


def test_pages_from_elsewhere_change_nothing_and_other_hosts_are_not_answered() -> None:
    async def act(client: Client) -> None:
        foreign = {"origin": "http://evil.example", "content-type": "application/json"}
        told = await each(client, CHANGING, headers=foreign, content=b"{}")
        assert set(told) == {(403, "origin_not_allowed")}
        told = await each(client, WITHOUT, headers={"sec-fetch-site": "cross-site"})
        assert set(told) == {(403, "origin_not_allowed")}
        told = await each(client, (*WITHOUT, *CHANGING), headers={"host": "evil.example"})
        assert set(told) == {(403, "host_not_allowed")}
        assert (await client.get("/talks"))["talks"] == []

    talked(act)


@pytest.mark.parametrize(("content", "code"), HOSTILE)
def test_what_is_no_honest_json_is_refused_by_every_route(content: bytes, code: str) -> None:
    headers = {"content-type": "application/json"}

    async def act(client: Client) -> None:
        assert set(await each(client, WITH_BODY, headers=headers, content=content)) == {(400, code)}

    talked(act)


def test_bodies_that_are_too_large_or_of_another_type_are_refused_by_every_route() -> None:
    async def act(client: Client) -> None:
        large = json.dumps({"title": "x" * 9_000}).encode()
        headers = {"content-type": "application/json"}
        told = await each(client, WITH_BODY, headers=headers, content=large)
        assert set(told) == {(413, "body_too_large")}
        told = await each(client, WITH_BODY, headers={"content-type": "text/plain"}, content=b"{}")
        assert set(told) == {(415, "content_type")}

    talked(act, body_bytes=8_000)


def test_files_have_limits_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "IMPORT_BYTES", 1_000)
    monkeypatch.setattr(cards, "MAX_BYTES", 1_000)

    async def act(client: Client) -> None:
        for path in ("/talks/import", "/cards"):
            answer = await client.http.post(f"/tertulia{path}", content=b"x" * 1_001)
            assert error(answer) == (413, None, "body_too_large")

    talked(act, body_bytes=1_000)


def test_every_key_sees_the_talks_of_the_one_store() -> None:
    async def act() -> None:
        async with serving(keys=(named("ann", "a-key"), named("bo", "b-key"))) as client:
            client.http.headers["x-api-key"] = "a-key"
            talk = await client.begin()
            client.http.headers["x-api-key"] = "b-key"
            assert (await client.get(f"/talks/{talk}"))["id"] == talk

    asyncio.run(act())


def test_no_two_shapes_of_the_description_share_a_name() -> None:
    found: dict[str, str] = {}
    for shape in every(BaseModel):
        if shape.__module__.startswith("tertulia.server"):
            place = found.setdefault(shape.__name__, shape.__module__)
            assert place == shape.__module__, shape.__name__


def every(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for each in kind.__subclasses__():
        yield each
        yield from every(each)
