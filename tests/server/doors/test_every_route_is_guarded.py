"""Every route that there is, by every method and every wrong way to show a key: nothing is told."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.routing import BaseRoute, Mount, Route

from tertulia.server.app import application
from tertulia.server.keys import named
from tertulia.server.settings import Settings
from tests.server.asking import asked, error, scripted
from tests.server.talking import Client, talked

AGENTS = {"mini": scripted(), "godel": scripted(format="godel")}
DESCRIPTION = asked(lambda http: http.get("/openapi.json"), agents=AGENTS).json()
OPEN = ("/health", "/ready")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
RIGHT = "the-right-key"
SECRET = "nobody may read this"
WRONG: dict[str, dict[str, str]] = {
    "no key": {},
    "a wrong key": {"authorization": "Bearer the-wrong-key"},
    "a wrong key in the other header": {"x-api-key": "the-wrong-key"},
    "the right key as a password": {"authorization": f"Basic {RIGHT}"},
    "the right key in a cookie": {"cookie": f"key={RIGHT}; x-api-key={RIGHT}"},
    "the right and a wrong key": {"x-api-key": RIGHT, "authorization": "Bearer the-wrong-key"},
    "the right key and more": {"x-api-key": f"{RIGHT}, {RIGHT}"},
    "the name of the key": {"x-api-key": "ann"},
}


def mounted(routes: list[BaseRoute], before: str = "") -> Iterator[str]:
    """The path of every route of an application."""
    for each in routes:
        if isinstance(each, Mount):
            yield f"{before}{each.path}/x"
            yield from mounted(list(each.routes), before + each.path)
        elif isinstance(each, Route) or hasattr(each, "path"):
            yield before + str(each.path)  # type: ignore[attr-defined]  # asked for just now


def paths() -> list[str]:
    app = application(AGENTS, Settings(store=":memory:"))
    found = {*DESCRIPTION["paths"], *mounted(app.routes), "/nowhere"}
    app.state.house.close()
    return sorted(found - set(OPEN))


def filled(path: str, talk: str, turn: int) -> str:
    places = {"talk": talk, "turn": str(turn), "name": "mini", "generation": "x", "id": "x"}
    for name, value in places.items():
        path = path.replace(f"{{{name}}}", value)
    return path.replace("{scene}", "bakery")


def test_the_matrix_has_every_route_of_the_description() -> None:
    assert len(paths()) > 30 and set(DESCRIPTION["paths"]) - set(OPEN) <= set(paths())


@pytest.mark.parametrize("shown", WRONG)
def test_without_the_right_key_no_route_tells_or_does_anything(shown: str) -> None:
    async def act(client: Client) -> Any:
        right = {"x-api-key": RIGHT}
        client.http.headers.update(right)
        talk = await client.begin({"situation": SECRET})
        turn = await client.say(talk, SECRET, speaker="User")
        del client.http.headers["x-api-key"]
        for path in paths():
            url = filled(path, talk, turn)
            for method in METHODS:
                query = {"key": RIGHT, "api_key": RIGHT} if shown == "no key" else {}
                answer = await client.http.request(
                    method, url, headers=WRONG[shown], params=query, json={}
                )
                assert answer.status_code == 401, (method, path)
                assert SECRET not in answer.text
                if method != "HEAD":
                    assert error(answer) == (401, None, "invalid_api_key")
        client.http.headers.update(right)
        assert await client.texts(talk) == [SECRET]
        assert len((await client.get("/talks"))["talks"]) == 1

    talked(act, agents=AGENTS, keys=(named("ann", RIGHT),))


def test_with_the_right_key_every_described_route_lets_in() -> None:
    async def act(client: Client) -> None:
        client.http.headers["x-api-key"] = RIGHT
        for path, methods in DESCRIPTION["paths"].items():
            for method in methods:
                answer = await client.http.request(method.upper(), filled(path, "x", 1))
                assert answer.status_code != 401, (method, path)

    talked(act, agents=AGENTS, keys=(named("ann", RIGHT),))


def test_what_is_open_to_all_tells_nothing_of_what_is_kept() -> None:
    async def act(client: Client) -> None:
        for path in OPEN:
            answer = await client.http.get(path)
            assert answer.status_code == 200 and len(answer.content) < 300

    talked(act, agents=AGENTS, keys=(named("ann", RIGHT),))
