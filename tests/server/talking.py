"""What the tests of kept talks have in common: an application with a store, and a client of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from tertulia import Agent
from tertulia.server.app import application
from tertulia.server.settings import Settings
from tertulia.store import MEMORY
from tests.server.asking import scripted

SCENE = {
    "agent": "Ann",
    "user": "Bo",
    "situation": "A bakery at dawn.",
    "instruction": "Be kind.",
    "personas": {"Ann": ["i bake."]},
}


class Client:
    """Talks to a server inside this process; every answer is held to the status that is named."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def get(self, path: str, status: int = 200, **more: Any) -> Any:
        return self.json(await self.http.get(f"/tertulia{path}", **more), status)

    async def send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, status: int = 200
    ) -> Any:
        answer = await self.http.request(method, f"/tertulia{path}", json=body)
        return self.json(answer, status)

    def json(self, answer: httpx.Response, status: int) -> Any:
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def begin(self, scene: Mapping[str, Any] = SCENE, **more: Any) -> str:
        """The id of a new talk."""
        told = await self.send("POST", "/talks", {"scene": scene, **more}, 201)
        return str(told["id"])

    async def say(self, talk: str, text: str, speaker: str = "Bo", **more: Any) -> int:
        """The id of a new turn."""
        body = {"speaker": speaker, "text": text, **more}
        return int((await self.send("POST", f"/talks/{talk}/turns", body, 201))["turn"]["id"])

    async def reply(self, talk: str, **body: Any) -> list[str]:
        """Ids of replies on their way."""
        told = await self.send("POST", f"/talks/{talk}/replies", body, 202)
        return [each["id"] for each in told["generations"]]

    async def events(self, generation: str, after: int = 0) -> list[tuple[str, Any]]:
        """All that a reply tells, to its end."""
        return frames(await self.stream(generation, after))

    async def stream(self, generation: str, after: int = 0) -> str:
        headers = {"last-event-id": str(after)} if after else {}
        path = f"/tertulia/generations/{generation}/events"
        answer = await self.http.get(path, headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/event-stream")
        return answer.text

    async def answered(self, talk: str, **body: Any) -> dict[str, Any]:
        """The turn of a reply that is waited for."""
        [generation] = await self.reply(talk, **body)
        told = dict(await self.events(generation))
        assert "error" not in told, told["error"]
        return dict(told["reply"]["turn"])

    async def texts(self, talk: str) -> list[str]:
        """What is said on the active path."""
        told = await self.get(f"/talks/{talk}?light=1")
        turns = {each["id"]: each["text"] for each in told["turns"]}
        return [turns[each] for each in told["active"]]


def frames(text: str) -> list[tuple[str, Any]]:
    """(event, data) of each frame; their numbers go up one by one."""
    found = []
    for block in text.removesuffix("\n\n").split("\n\n"):
        id, event, data = block.split("\n")
        assert id.startswith("id: ")
        found.append((event.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


@asynccontextmanager
async def serving(
    agents: Mapping[str, Agent] | None = None, store: Path | str = MEMORY, **settings: Any
) -> AsyncIterator[Client]:
    """A client of an application that keeps talks in this store."""
    held = Settings(store=str(store), **{"rows": 4, **settings})
    app = application(agents or {"mini": scripted()}, held)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        base = "http://localhost"
        async with httpx.AsyncClient(transport=transport, base_url=base, timeout=10) as http:
            yield Client(http)


def talked(act: Callable[[Client], Awaitable[Any]], **made: Any) -> Any:
    """What an act with a client gives."""

    async def acted() -> Any:
        async with serving(**made) as client:
            return await act(client)

    return asyncio.run(acted())
