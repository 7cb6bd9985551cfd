"""What people write comes back as they wrote it, whatever it is; too much of it is refused."""

import json
from typing import Any

import pytest

from tests.server.asking import asked, chat, error, posted, said, scripted
from tests.server.talking import Client, talked

TEXTS = (
    *("", " ", "\0", "a\0b", "\ufeff begins with a mark of order", "\u202eright to left\u202c"),
    *("\u2066isolated\u2069", "e\u0301 is not \u00e9", "\u1112\u1161\u11ab is not \ud55c"),
    *("\uff76\uff9e\uff8a half and \u30ac whole", "\uff21\uff22 full"),
    *("\U0001f469\u200d\U0001f467",),
    *("\U0001f1f5\U0001f1f9", "\U0010ffff\ufffe\uffff", "\x7f\x80\x9f", "\r\n\r\u2028\u2029\x85"),
    *("\ufffd is no error", "<|end|> <sep> EOS [KNOWLEDGE]", "\u00a6 \u240a", "x" * 100_000),
    *("\u0130stanbul \u1e9e \ufb03", "\u200b\u200d\u2060", "%00 \\u0000 \\x00", "</script><!--"),
)  # fmt: skip


def test_every_text_comes_back_from_the_store_from_a_file_and_in_the_events() -> None:
    async def act(client: Client) -> None:
        scene = {"situation": TEXTS[4], "personas": {"Agent": list(TEXTS[1:9])},
                 "knowledge": list(TEXTS[9:]), "lore": []}  # fmt: skip
        talk = await client.begin(scene, title="\u202e\0")
        for text in TEXTS:
            await client.say(talk, text, speaker="User")
        assert await client.texts(talk) == list(TEXTS)
        file = await client.http.get(f"/tertulia/talks/{talk}/export", params={"form": "jsonl"})
        assert file.status_code == 200
        back = await client.http.post(
            "/tertulia/talks/import", params={"form": "jsonl"}, content=file.content
        )
        assert back.status_code in (200, 201), back.text
        [same] = back.json()["talks"]
        assert await client.texts(same) == list(TEXTS)
        first, second = [await client.get(f"/talks/{each}") for each in (talk, same)]
        assert first["title"] == second["title"] == "\u202e\0"
        assert first["scene"] == second["scene"]
        assert first["scene"]["personas"]["Agent"] == list(TEXTS[1:9])

    talked(act)


@pytest.mark.parametrize("text", [each for each in TEXTS if each.strip() and "<|end|>" not in each])
def test_what_an_agent_says_is_told_character_by_character(text: str) -> None:
    line = " ".join(text.split())
    if line != text:
        pytest.skip("this family says one line without blanks around it")
    response = chat({}, agents={"mini": scripted(text)})
    assert said(response) == text


@pytest.mark.parametrize(
    "raw",
    [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\\ud800",
     b"\\udc00\\ud800", b"\\ud800x"],
)  # fmt: skip
def test_bytes_that_are_no_text_are_refused_and_never_mended(raw: bytes) -> None:
    body = b'{"model": "mini", "messages": [{"role": "user", "content": "a' + raw + b'b"}]}'
    assert error(posted("/v1/chat/completions", body)) == (400, None, "invalid_utf8")


def test_a_pair_of_escaped_surrogates_is_one_character() -> None:
    async def act(client: Client) -> None:
        talk = await client.begin({})
        content = b'{"speaker": "User", "text": "\\ud83d\\ude00"}'
        answer = await client.http.post(
            f"/tertulia/talks/{talk}/turns",
            content=content,
            headers={"content-type": "application/json"},
        )
        assert answer.json()["turn"]["text"] == "\U0001f600"

    talked(act)


def messages(count: int) -> list[dict[str, str]]:
    sides = ("user", "assistant")
    return [{"role": sides[n % 2], "content": f"t{n}"} for n in range(count)]


def test_ten_thousand_messages_are_read_and_one_more_is_refused() -> None:
    most = asked(lambda http: http.get("/openapi.json")).json()
    schema = most["components"]["schemas"]["ChatAsked"]["properties"]["messages"]
    assert schema["maxItems"] == 10_000
    answer = chat({"messages": messages(9_999)})
    assert answer.status_code == 200 and answer.json()["usage"]["prompt_tokens"] <= 2048
    assert error(chat({"messages": messages(10_001)}))[:2] == (400, "messages")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"stop": ["s"] * 100_000}, "stop"),
        ({"stop": [f"s{n}" for n in range(17)]}, "stop"),
        ({"decoding": {"stop": [f"s{n}" for n in range(100_000)]}}, "decoding.stop"),
        ({"decoding": {"banned": ["s"] * 100_000}}, "decoding.banned"),
        ({"logit_bias": {str(n): 1 for n in range(100_000)}}, "logit_bias"),
        ({"messages": []}, "messages"),
    ],
)
def test_lists_without_measure_are_refused_by_name(body: dict[str, Any], field: str) -> None:
    assert error(chat(body))[:2] == (400, field)


def test_a_body_of_ten_megabytes_is_refused_before_it_is_read_whole() -> None:
    content = json.dumps({"model": "mini", "messages": [{"role": "user", "content": "x" * 10**7}]})
    assert error(posted("/v1/chat/completions", content.encode())) == (413, None, "body_too_large")


@pytest.mark.parametrize("words", [0, 1, 10, 20_000])
def test_a_last_message_of_any_length_is_answered_or_refused_with_the_cure(words: int) -> None:
    agents = {"mini": scripted(window=100, max_new_tokens=20)}
    answer = chat({"messages": [{"role": "user", "content": "w " * words}]}, agents=agents)
    if words <= 10:
        assert answer.status_code == 200
    else:
        assert error(answer)[0] == 400 and "there is room for" in answer.text
