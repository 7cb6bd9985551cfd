"""What is streamed is, byte for byte, what the whole says: 5,000 replies in many scripts."""

import asyncio
import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest

from tertulia import Agent, Decoding, formats
from tertulia.engines import Completion, Engine, Event, Finished, Piece
from tertulia.prompt import Prompt
from tests.server.asking import HI, client

REPLIES, CHOICES = 1000, 50
FLAG = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
PARTS = (
    "안녕하세요", "그래서", "요.", "ㅋㅋㅋ", "\u1100\u1161\u11a8", "こんにちは", "ですね。", "ｶﾞ",
    "\u304b\u3099", "𠮷野家", "漢字", "👋🏽", "👨\u200d👩\u200d👧\u200d👦", "🇰🇷", FLAG,
    "❤\ufe0f", "é", "e\u0301", "नमस्ते", "שלום", "العربية", "\u200d", "\ufeff", "\u202e",
    "\u2028", "Hello", " there", " ", "  ", "\n", "\r\n", "\t", "<", ">", "|", "[", "]",
    "(", "#", "a|b", "¦", "<t¦urn>", "␊", "\\", '"', "\x00", "\x7f", "...", "=>",
)  # fmt: skip
FORMATS = ("native", "chat_template", "cosmo", "persona_gpt", "godel")


class Cut(Engine):
    """Says a line of its own for each seed and candidate, cut anywhere between two code points."""

    context_window = 4096
    honours = frozenset(("temperature", "candidates", "seed"))

    def __init__(self, thinks: bool) -> None:
        self.thinks = thinks

    def count_tokens(self, prompt: Prompt) -> int:
        return len(prompt.text)

    def events(self, prompts: Sequence[Prompt], decoding: Sequence[Decoding]) -> Iterator[Event]:
        made = [(n, k) for n, each in enumerate(decoding) for k in range(each.candidates)]
        for n, k in made:
            chance = random.Random((decoding[n].seed or 0) * 1000 + k)
            text = said(chance, self.thinks)
            for piece in cut(text, chance):
                yield Piece(n, k, piece)
            yield Finished(n, k, Completion(text=text, prompt_tokens=1, completion_tokens=1))


def said(chance: random.Random, thinks: bool) -> str:
    words = "".join(chance.choices(PARTS, k=chance.randint(0, 9)))
    if thinks and chance.random() < 0.5:
        thought = "".join(chance.choices(PARTS, k=chance.randint(0, 5)))
        return f"<think>{thought}</think>{words}"
    return words


def cut(text: str, chance: random.Random) -> Iterator[str]:
    while text:
        size = chance.randint(1, 4)
        yield text[:size]
        text = text[size:]


def messages(text: str) -> list[dict[str, Any]]:
    blocks = [block.removeprefix("data: ") for block in text.split("\n\n") if block]
    assert blocks.pop() == "[DONE]"
    return [json.loads(block) for block in blocks]


async def both(http: httpx.AsyncClient, path: str, body: dict[str, Any]) -> tuple[Any, Any]:
    """(the choices of the whole, the messages of the stream)."""
    whole = await http.post(path, json=body)
    streamed = await http.post(path, json={**body, "stream": True})
    assert whole.status_code == streamed.status_code == 200, whole.text
    return whole.json()["choices"], messages(streamed.content.decode("utf-8"))


def gathered(found: list[dict[str, Any]], field: str) -> list[bytes]:
    """What a stream says in each choice."""
    texts = [""] * CHOICES
    for each in found:
        for choice in each["choices"]:
            part = choice["delta"] if "delta" in choice else choice
            texts[choice["index"]] += part.get(field) or ""
    return [text.encode() for text in texts]


@pytest.mark.parametrize("name", FORMATS)
def test_a_chat_reply(name: str) -> None:
    engine = Cut(thinks=name == "chat_template")
    agents = {"cut": Agent(format=formats.load(name), engine=engine)}

    async def act() -> None:
        async with client(agents) as http:
            for seed in range(REPLIES // CHOICES):
                body = {"model": "cut", "messages": HI, "seed": seed, "n": CHOICES}
                whole, streamed = await both(http, "/v1/chat/completions", body)
                for field in ("content", "reasoning_content"):
                    texts = [(each["message"].get(field) or "").encode() for each in whole]
                    assert gathered(streamed, field) == texts

    asyncio.run(act())


def test_a_text() -> None:
    agents = {"cut": Agent(format=formats.load("native"), engine=Cut(thinks=True))}

    async def act() -> None:
        async with client(agents) as http:
            for seed in range(REPLIES // CHOICES):
                body = {"model": "cut", "prompt": "안", "seed": seed, "n": CHOICES}
                whole, streamed = await both(http, "/v1/completions", body)
                assert gathered(streamed, "text") == [each["text"].encode() for each in whole]

    asyncio.run(act())


def test_a_response() -> None:
    agents = {"cut": Agent(format=formats.load("chat_template"), engine=Cut(thinks=True))}

    async def act() -> None:
        async with client(agents) as http:
            for seed in range(100):
                body = {"model": "cut", "input": "안", "decoding": {"seed": seed}}
                whole = (await http.post("/v1/responses", json=body)).json()["output"]
                streamed = await http.post("/v1/responses", json={**body, "stream": True})
                lines = streamed.content.decode().split("\n")
                events = [json.loads(each[6:]) for each in lines if each.startswith("data: ")]
                last = events[-1]["response"]["output"]
                assert [each["content"] for each in last] == [each["content"] for each in whole]
                for kind, item in {"reasoning_text": whole[0], "output_text": whole[-1]}.items():
                    deltas = [e["delta"] for e in events if e["type"] == f"response.{kind}.delta"]
                    if item["content"][0]["type"] == kind:
                        assert "".join(deltas).encode() == item["content"][0]["text"].encode()

    asyncio.run(act())
