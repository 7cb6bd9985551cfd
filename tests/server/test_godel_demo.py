"""GODEL's demo protocol, as its web page speaks it."""

import json

import httpx
import pytest

from tertulia import Turn
from tertulia.server.godel_demo import DemoAsked, conversation
from tests.server.asking import asked, error, scripted


def generate(body: object, method: str = "POST", **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    agents = {"plain": scripted("No."), "godel": scripted("Sure.", format="godel")}
    return asked(
        lambda http: http.request(method, "/generate", content=content, headers=headers),
        agents=agents,
    )


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_list_of_turns_and_a_text_of_knowledge_give_a_response(method: str) -> None:
    response = generate({"msg": ["Hi", "Hello", "Any tea?"], "knowledge": "Tea is 3 dollars."})
    assert (response.status_code, response.json()) == (200, {"response": "Sure."})


def test_the_last_turn_is_the_users() -> None:
    talk = conversation(DemoAsked(msg=["Hi", "Hello", "Any tea?"], knowledge="Tea is 3 dollars."))
    assert talk.turns == (Turn("User", "Hi"), Turn("Agent", "Hello"), Turn("User", "Any tea?"))
    assert talk.direction.knowledge == ("Tea is 3 dollars.",)
    assert conversation(DemoAsked(msg=["Hi"], knowledge=" ")).direction.knowledge == ()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"msg": "Hi"}', {"msg": []}, {}])
def test_input_that_cannot_be_read_is_a_json_error(body: object) -> None:
    assert error(generate(body))[0] == 400


def test_pages_of_other_origins_are_refused() -> None:
    for method in ("GET", "POST"):
        response = generate({"msg": ["Hi"]}, method, origin="http://localhost:8080")
        assert error(response) == (403, None, "origin_not_allowed")
        assert "access-control-allow-origin" not in response.headers


def test_without_a_godel_agent_there_is_no_such_route() -> None:
    response = asked(lambda http: http.post("/generate", json={"msg": ["Hi"]}))
    assert error(response)[0] == 404
