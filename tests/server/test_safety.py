"""Who may ask, what is read of them, and what the log says of it."""

import asyncio
import json
import logging

import httpx
import pytest

from tertulia.server.doors import journal
from tests.server.asking import HI, asked, chat, client, error, posted, scripted

CHAT = "/v1/chat/completions"
KEY = "k3y-of-this-server"
BODY = {"model": "mini", "messages": HI}


@pytest.mark.parametrize("path", ["/v1/models", "/metrics", "/openapi.json", "/docs", "/nope"])
def test_with_a_key_nothing_is_told_without_it(path: str) -> None:
    response = asked(lambda http: http.get(path), key=KEY)
    assert error(response) == (401, None, "invalid_api_key")


@pytest.mark.parametrize("headers", [
    {"authorization": f"Bearer {KEY}"}, {"authorization": f"bearer  {KEY}"}, {"x-api-key": KEY},
    {"authorization": f"Bearer {KEY}", "x-api-key": KEY},
])  # fmt: skip
def test_the_key_is_taken_from_either_header(headers: dict[str, str]) -> None:
    assert chat({}, headers=headers, key=KEY).status_code == 200


@pytest.mark.parametrize("headers", [
    {}, {"authorization": KEY}, {"authorization": f"Basic {KEY}"}, {"x-api-key": KEY + "x"},
    {"x-api-key": ""}, {"authorization": "Bearer "}, {"x-api-key": KEY.upper()},
    {"authorization": f"Bearer {KEY}", "x-api-key": "other"},
])  # fmt: skip
def test_anything_else_than_the_key_is_refused(headers: dict[str, str]) -> None:
    assert error(chat({}, headers=headers, key=KEY)) == (401, None, "invalid_api_key")


def test_health_and_readiness_need_no_key() -> None:
    for path in ("/health", "/ready"):
        response = asked(lambda http, path=path: http.get(path, headers={"host": "x"}), key=KEY)
        assert response.status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.", ""])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_other_hosts_are_refused_by_every_method(method: str, host: str) -> None:
    response = asked(lambda http: http.request(method, CHAT, headers={"host": host}))
    assert error(response) == (403, None, "host_not_allowed")


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:9000", "127.0.0.1:1", "[::1]:80", "[::1]"]
)
def test_names_of_this_machine_are_taken(host: str) -> None:
    assert chat({}, headers={"host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1", "file://"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_pages_from_elsewhere_are_refused_by_every_unsafe_method(method: str, origin: str) -> None:
    headers = {"origin": origin, "host": "localhost:8178"}
    response = asked(lambda http: http.request(method, CHAT, json=BODY, headers=headers))
    assert error(response) == (403, None, "origin_not_allowed")
    assert "access-control-allow-origin" not in response.headers


def test_a_page_that_is_allowed_may_call_and_no_other() -> None:
    page = "http://localhost:3000"
    headers = {"origin": page}
    response = chat({}, headers=headers, origins=(page,))
    assert response.headers["access-control-allow-origin"] == page
    assert "access-control-allow-credentials" not in response.headers
    other = chat({}, headers={"origin": "http://localhost:3001"}, origins=(page,))
    assert error(other)[0] == 403 and "access-control-allow-origin" not in other.headers
    assert error(chat({}, headers={"origin": "null"}, origins=(page, "null")))[0] == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_browser_that_asks_for_a_page_from_elsewhere_may_not_even_read(site: str) -> None:
    told = {"sec-fetch-site": site, "sec-fetch-mode": "no-cors"}
    assert error(asked(lambda http: http.get("/v1/models", headers=told)))[0] == 403
    link = {**told, "sec-fetch-mode": "navigate"}
    assert asked(lambda http: http.get("/v1/models", headers=link)).status_code == 200
    page = "http://localhost:3000"
    named = {**told, "origin": page}
    response = asked(lambda http: http.get("/v1/models", headers=named), origins=(page,))
    assert response.status_code == 200


@pytest.mark.parametrize("path", ["/", "/studio/app.js", "/studio/vendor/preact.js"])
def test_the_page_opens_without_the_key_and_tells_nothing(path: str) -> None:
    response = asked(lambda http: http.get(path), key=KEY, page=True)
    assert response.status_code == 200
    assert asked(lambda http: http.get(path), key=KEY).status_code == 401
    told = asked(lambda http: http.get("/v1/models"), key=KEY, page=True)
    assert error(told) == (401, None, "invalid_api_key")


def test_a_preflight_is_answered_for_pages_that_are_allowed() -> None:
    page = "http://localhost:3000"
    headers = {"origin": page, "access-control-request-method": "POST"}
    allowed = asked(lambda http: http.options(CHAT, headers=headers), origins=(page,), key=KEY)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == page
    assert asked(lambda http: http.options(CHAT, headers=headers)).status_code == 405


def test_a_page_of_the_server_itself_may_call() -> None:
    headers = {"origin": "http://localhost:8178", "host": "localhost:8178"}
    assert chat({}, headers=headers).status_code == 200


def test_a_body_that_says_it_is_too_large_is_refused_unread() -> None:
    read = 0

    async def body():  # type: ignore[no-untyped-def]
        nonlocal read
        for _ in range(100):
            read += 1
            yield b"x" * 1000

    headers = {"content-type": "application/json"}
    response = asked(
        lambda http: http.post(CHAT, content=body(), headers=headers), body_bytes=5_000
    )
    assert error(response) == (413, None, "body_too_large") and read <= 7
    assert error(posted(CHAT, b"x" * 5_001, body_bytes=5_000))[0] == 413


def test_a_body_that_does_not_arrive_is_given_up() -> None:
    async def body():  # type: ignore[no-untyped-def]
        yield b"{"
        await asyncio.sleep(5)

    headers = {"content-type": "application/json"}
    response = asked(
        lambda http: http.post(CHAT, content=body(), headers=headers), body_seconds=0.05
    )
    assert error(response) == (408, None, "body_timeout")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"[]", "invalid_json"),
        (b'"x"', "invalid_json"),
        (b'{"temperature": NaN}', "invalid_json"),
        (b'{"temperature": -Infinity}', "invalid_json"),
        (b'{"temperature": 1e400}', "invalid_json"),
        (b'{"seed": ' + b"9" * 5000 + b"}", "invalid_json"),
        (b'{"model": "a", "model": "b"}', "duplicate_key"),
        (b'{"direction": {"user": "a", "user": "b"}}', "duplicate_key"),
        (b'{"model": "\xff"}', "invalid_utf8"),
        (b'{"model": "\xed\xa0\x80"}', "invalid_utf8"),
        (b'{"model": "\xc0\xaf"}', "invalid_utf8"),
        (b'{"model": "\\ud800"}', "invalid_utf8"),
        (b'{"\\udc00": 1}', "invalid_utf8"),
        (b'{"a": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", "too_deep"),
        (b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}", "too_deep"),
        (b'{"a":' * 100_000, "too_deep"),
        (b"\xef\xbb\xbf{}", "invalid_json"),
    ],
)
def test_what_is_no_honest_json_is_refused(content: bytes, code: str) -> None:
    assert error(posted(CHAT, content)) == (400, None, code)


def test_another_content_type_is_refused() -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        response = posted(CHAT, json.dumps(BODY).encode(), {"content-type": kind})
        assert error(response) == (415, None, "content_type")
    kind = "Application/JSON; charset=utf-8"
    assert posted(CHAT, json.dumps(BODY).encode(), {"content-type": kind}).status_code == 200


def test_text_of_any_kind_is_answered() -> None:
    for text in ("\x00", "\u202e", "👋🏽", "ﾊﾝｶｸ", "안", "<|me|>", "", " " * 50):
        assert chat({"messages": [{"role": "user", "content": text}]}).status_code == 200


def test_the_log_has_one_line_for_each_request_and_no_text_of_the_client(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "my-secret-prompt"
    paths = ["/x%0d%0aforged request id=1", "/x\u202e", f"/{'y' * 9000}", f"/v1/models?a={secret}"]

    async def act() -> None:
        async with client(key=KEY) as http:
            http.headers["x-api-key"] = KEY
            for body in (BODY, {**BODY, "direction": {"situation": secret}},
                         {**BODY, secret: 1}, {**BODY, "seed": secret},
                         {**BODY, "messages": [{"role": "user", "content": secret}]}):  # fmt: skip
                await http.post(CHAT, json=body, headers={"x-request-id": f"a b{secret}"})
            for path in paths:
                await http.get(path)

    asyncio.run(act())
    lines = [record.getMessage() for record in caplog.records if record.name == "tertulia.server"]
    assert len(lines) == 5 + len(paths)
    for text in lines:
        assert text.isascii() and text.isprintable() and len(text) < 600
        assert text.startswith("request id=")
    ours = (each for each in caplog.records if not each.name.startswith(("httpx", "httpcore")))
    whole = "".join(record.getMessage() for record in ours)
    assert secret not in whole and KEY not in whole


def test_a_failure_is_logged_by_type_and_place_without_its_message(
    caplog: pytest.LogCaptureFixture,
) -> None:
    try:
        raise ValueError("the prompt was: secret")
    except ValueError as error:
        told = journal.line("failed", error=type(error).__name__, at=journal.place(error))
    assert told.startswith("failed error=ValueError at=test_safety.py:")


def test_a_request_id_is_given_back_where_it_is_harmless() -> None:
    response = chat({}, headers={"x-request-id": "abc-1.2"})
    assert response.headers["x-request-id"] == "abc-1.2"
    for odd in ("a b", "x" * 65, "a;b"):
        assert chat({}, headers={"x-request-id": odd}).headers["x-request-id"] != odd


def test_what_the_agent_says_is_never_in_a_header() -> None:
    response = chat({}, agents={"mini": scripted("a\r\nset-cookie: x")})
    assert "set-cookie" not in response.headers
    assert isinstance(response, httpx.Response)
