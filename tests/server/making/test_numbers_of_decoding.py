"""Every number of `decoding`, at its edges and beyond: taken, or refused by its name."""

import asyncio
import json
from typing import Any

import pytest

from tertulia.decoding import RANGES, Decoding
from tests.server.asking import HI, client, error

VALUES = (
    *("-1", "0", "1", "0.5", "-0.0", "1e-320", "-1e-320", "1e308", "2147483648", "true", '"1"'),
    *("9223372036854775807", "9223372036854775808", "1" + "0" * 400, "[1]", "{}"),
)
ROUTES = {
    "/v1/chat/completions": {"model": "mini", "messages": HI},
    "/v1/completions": {"model": "mini", "prompt": "Hi"},
    "/v1/responses": {"model": "mini", "input": "Hi"},
    "/tertulia/prompts": {"agent": "mini", "scene": {"turns": [{"speaker": "User", "text": "Hi"}]}},
}


def raw(body: dict[str, Any], name: str, value: str) -> bytes:
    """The body with a number as it is written, not as Python would write it."""
    return json.dumps({**body, "decoding": {name: "HERE"}}).replace('"HERE"', value).encode()


@pytest.mark.parametrize("path", ROUTES)
def test_a_number_in_decoding_is_taken_or_refused_by_its_name(path: str) -> None:
    async def act() -> None:
        async with client(store=":memory:") as http:
            headers = {"content-type": "application/json"}
            for name, *_ in RANGES:
                for value in VALUES:
                    answer = await http.post(
                        path, content=raw(ROUTES[path], name, value), headers=headers
                    )
                    if answer.status_code == 200:
                        continue
                    status, param, _ = error(answer)
                    assert status == 400, (name, value, answer.text)
                    assert param in (f"decoding.{name}", "decoding", None), (name, value, param)
                    assert name in answer.text and len(answer.text) < 1000

    asyncio.run(act())


def test_every_number_of_decoding_is_tried() -> None:
    numbers = {name for name, *_ in RANGES}
    assert {"temperature", "seed", "max_new_tokens"} <= numbers <= set(Decoding.__slots__)
