"""Whatever a client sends, the server answers in OpenAI's shapes and never fails."""

import asyncio
from typing import Any

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.server.app import application
from tertulia.server.making.asked import INERT, UNHONOURED
from tertulia.server.openai.shapes import ChatAsked, TextAsked
from tertulia.server.settings import Settings
from tests.server.asking import HI, scripted

NUMBERS = st.sampled_from([-1, 0, 1, 2, 128, 129, 65_536, 65_537, 2**31, 2**63 - 1, 2**63, 2**70,
                           -0.0, 1e-320, 0.5, 1e300])  # fmt: skip
TEXTS = st.text(max_size=8) | st.sampled_from(
    ["", "\x00", "mini", "user", "system", "<|me|>", "\r\n", "🇰🇷", "temperature", "native"]
)
LEAVES = st.none() | st.booleans() | NUMBERS | TEXTS
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
FIELDS = sorted({*ChatAsked.model_fields, *TextAsked.model_fields, *UNHONOURED, *INERT})
DECODING = st.dictionaries(
    st.sampled_from(["temperature", "top_k", "candidates", "beams", "stop", "preset", "rankers",
                     "max_length", "seed", "banned", "return_candidates"]), JSON, max_size=3,
)  # fmt: skip
DIRECTION = st.dictionaries(
    st.sampled_from(["agent", "user", "situation", "personas", "knowledge", "plan", "turns"]),
    JSON,
    max_size=3,
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        **{name: JSON for name in FIELDS},
        "decoding": DECODING | JSON,
        "direction": DIRECTION | JSON,
        "max_tokens": NUMBERS | JSON,
        "n": st.integers(1, 5) | JSON,
    },
)


async def answers(body: dict[str, Any]) -> list[httpx.Response]:
    full = {"model": "mini", "messages": HI, "prompt": "Hi", **body}
    app = application({"mini": scripted()}, Settings(rows=1))
    try:
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            paths = ("/v1/chat/completions", "/v1/completions")
            return [await http.post(path, json=full) for path in paths]
    finally:
        app.state.house.close()


@settings(max_examples=80, deadline=None)
@given(BODIES)
def test_no_body_makes_the_server_fail(body: dict[str, Any]) -> None:
    for response in asyncio.run(answers(body)):
        assert response.status_code in (200, 400, 404, 415), response.text
        if response.status_code != 200:
            assert set(response.json()["error"]) == {"message", "type", "param", "code"}
        else:
            assert '"code":"internal_error"' not in response.text
