"""What the tests of the server have in common: an application, and a client inside the process."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, closing
from typing import Any

import httpx

from tertulia import Agent, Decoding, engines, formats
from tertulia.server.app import application
from tertulia.server.settings import Settings

LINES = ("Hello there, friend.", "No.", "Maybe so.")
HI = [{"role": "user", "content": "Hi"}]


def scripted(*lines: str, format: str = "native", window: int = 2048, **decoding: Any) -> Agent:
    """An agent that says these lines; temperature 0.7 and one candidate unless told."""
    return Agent(
        format=formats.load(format),
        engine=engines.load("scripted", lines=lines or LINES, context_window=window),
        decoding=Decoding(**decoding),
    )


@asynccontextmanager
async def client(agents: Mapping[str, Agent] | None = None, **settings: Any):
    """An HTTP client of an application that serves these agents, `mini` by default."""
    app = application(agents or {"mini": scripted()}, Settings(**settings))
    with closing(app.state.house):
        transport = httpx.ASGITransport(app)
        base = "http://localhost"
        async with httpx.AsyncClient(transport=transport, base_url=base, timeout=10) as http:
            yield http


def asked(act: Callable[[httpx.AsyncClient], Awaitable[Any]], **made: Any) -> Any:
    """What an act with a client gives."""

    async def acted() -> Any:
        async with client(**made) as http:
            return await act(http)

    return asyncio.run(acted())


def chat(body: Mapping[str, Any], headers: Mapping[str, str] | None = None, **made: Any):
    """The response to one chat request; `model` and `messages` are filled in."""
    full = {"model": "mini", "messages": HI, **body}
    return asked(lambda http: http.post("/v1/chat/completions", json=full, headers=headers), **made)


def posted(path: str, content: bytes, headers: Mapping[str, str] | None = None, **made: Any):
    """The response to raw bytes."""
    told = {"content-type": "application/json", **(headers or {})}
    return asked(lambda http: http.post(path, content=content, headers=told), **made)


def said(response: httpx.Response) -> str:
    """The text of the first choice."""
    assert response.status_code == 200, response.text
    return response.json()["choices"][0]["message"]["content"]


def error(response: httpx.Response) -> tuple[int, str | None, str | None]:
    """(status, param, code) of a refusal, whose shape is OpenAI's."""
    found = response.json()["error"]
    assert set(found) == {"message", "type", "param", "code"}
    return response.status_code, found["param"], found["code"]


def frames(response: httpx.Response) -> list[dict[str, Any]]:
    """The messages of a stream, which ends with [DONE]."""
    assert response.headers["content-type"].startswith("text/event-stream")
    blocks = [block for block in response.text.split("\n\n") if block]
    assert blocks.pop() == "data: [DONE]"
    return [json.loads(b.removeprefix("data: ")) for b in blocks if not b.startswith(":")]


def streamed_text(found: list[dict[str, Any]], field: str = "content") -> str:
    """What a stream says in its first choice."""
    choices = [choice for each in found for choice in each["choices"] if choice["index"] == 0]
    return "".join(choice["delta"].get(field) or "" for choice in choices)
