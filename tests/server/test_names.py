"""Whatever stands where a name is expected, nothing outside of the store is touched or told."""

from pathlib import Path
from typing import Any

import pytest

from tests.server.asking import asked, scripted
from tests.server.talking import Client, talked

AGENTS = {"mini": scripted(), "godel": scripted(format="godel")}
DESCRIPTION = asked(lambda http: http.get("/openapi.json"), agents=AGENTS).json()
NAMES = (
    *("..", "../secret.txt", "..%2fsecret.txt", "%2e%2e%2fsecret.txt", "....//secret.txt"),
    *("%2e%2e%5csecret.txt", "C:%5csecret.txt", "%00", "mini%00", "secret.txt%00.json"),
    *("CON", "nul.txt", "x" * 300, "x" * 5000, "%20", ".", "~", "~root", "$HOME", "{talk}"),
    *("%ff%fe", "%ed%a0%80", "%e2%80%ae", "%0d%0aset-cookie:%20a=b", "MINI", "Bakery", "-1"),
    *("%2fetc%2fpasswd", "/etc/passwd", "file:%2f%2f%2fetc%2fpasswd", "9" * 400, "1e5", "0x1"),
)
ROUTES = [
    (path, method)
    for path, methods in DESCRIPTION["paths"].items()
    for method in methods
    if "{" in path
]
SECRET = "what only the owner of this folder may read"


def holed(path: str, name: str, known: dict[str, str]) -> list[str]:
    """The path with the name in the place of each of its parameters in turn."""
    holes = [part.split("}")[0] for part in path.split("{")[1:]]
    found = []
    for hole in holes:
        values = {**{each: known.get(each, "x") for each in holes}, hole: name}
        filled = path
        for each, value in values.items():
            filled = filled.replace(f"{{{each}}}", value)
        found.append(filled)
    return found


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_no_name_in_a_path_leads_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, route: tuple[str, str]
) -> None:
    (tmp_path / "secret.txt").write_text(SECRET)
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    path, method = route

    async def act(client: Client) -> None:
        talk = await client.begin()
        turn = await client.say(talk, "kept")
        known = {"talk": talk, "turn": str(turn)}
        for name in NAMES:
            for url in holed(path, name, known):
                answer = await client.http.request(method.upper(), url, json={})
                assert answer.status_code < 500 and SECRET not in answer.text, url
                assert "root:" not in answer.text and "set-cookie" not in answer.headers
        assert await client.texts(talk) == ["kept"]

    talked(act, agents=AGENTS, store=inside / "t.db")
    assert {each.name for each in tmp_path.iterdir()} == {"secret.txt", "inside"}
    assert all(each.name.startswith("t.db") for each in inside.iterdir())


@pytest.mark.parametrize("name", ["../mini", "mini\0", "MINI", "mini ", "x" * 300, "CON", ""])
def test_no_agent_is_opened_that_is_not_served(name: str) -> None:
    status = 404 if 0 < len(name) <= 256 else 400
    body = {"messages": [{"role": "user", "content": "Hi"}], "prompt": "Hi", "input": "Hi"}

    async def act(client: Client) -> Any:
        for path in ("chat/completions", "completions", "responses"):
            answer = await client.http.post(f"/v1/{path}", json={**body, "model": name})
            assert answer.status_code in (400, 404), (path, answer.text)
        await client.send("POST", "/talks", {"scene": {}, "agent": name}, status)

    talked(act, agents=AGENTS)


def test_talks_and_scenes_whose_names_differ_by_case_alone_are_two() -> None:
    async def act(client: Client) -> None:
        titles = ["Ferry", "ferry", "FERRY", "CON", "../ferry", "a\0b", "x" * 200]
        ids = [await client.begin(title=each) for each in titles]
        assert len(set(ids)) == len(ids)
        told = [(await client.get(f"/talks/{each}"))["title"] for each in ids]
        assert told == titles

    talked(act)
