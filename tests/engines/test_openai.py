"""The openai engine against a server of our own on the loopback, fault by fault."""

import json
import logging
import time
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from tests.engines.openai_server import (
    Answer,
    Handler,
    Server,
    delta,
    echoing_the_key,
    raw,
    refusing,
    saying,
    serving,
    talking,
)

from tertulia import engines
from tertulia.decoding import Decoding
from tertulia.engines import Engine
from tertulia.errors import ConfigError, EngineError, UnsupportedDecoding
from tertulia.prompt import Message, Prompt, Span

CANARY = "sk-canary-0123456789"
HELLO = Prompt((Span("User: Hi\n"), Span("Bot:")), messages=(Message("user", "Hi"),))


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", CANARY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def engine(server: Server, **settings: Any) -> Engine:
    given = {"key_env": "TEST_KEY", "backoff_seconds": 0.001, "timeout_seconds": 5.0, "retries": 2}
    return engines.load("openai", base_url=server.url, model="m", **{**given, **settings})


def said(*answers: Answer, decoding: Decoding | None = None, **settings: Any) -> list[str]:
    """Texts of the candidates that an engine hears from such a server."""
    with serving(*answers) as server:
        opened = engine(server, **settings)
        rows = opened.generate([HELLO], decoding or Decoding())
        opened.close()
    return [each.text for each in rows[0]]


def body_of(decoding: Decoding, prompt: Prompt = HELLO, **settings: Any) -> dict[str, Any]:
    """What is sent for it."""
    with serving(talking) as server:
        opened = engine(server, **settings)
        opened.generate([prompt], decoding)
        opened.close()
        return server.bodies[0]


def half_and_gone(handler: Handler, body: dict[str, Any]) -> None:
    handler.start()
    handler.send(delta("Hel"))


def role_and_gone(handler: Handler, body: dict[str, Any]) -> None:
    handler.start()
    handler.send({"choices": [{"index": 0, "delta": {"role": "assistant"}}]})


def mute(handler: Handler, body: dict[str, Any]) -> None:
    time.sleep(0.5)


def test_the_pieces_of_a_stream_add_up_to_the_reply() -> None:
    with serving(saying("Hel", "lo ", "you.")) as server:
        opened = engine(server)
        assert list(opened.stream(HELLO, Decoding())) == ["Hel", "lo ", "you."]
        assert opened.generate([HELLO], Decoding())[0][0].text == "Hello you."
        opened.close()


def test_the_chat_api_sends_messages_and_the_key() -> None:
    with serving(talking) as server:
        opened = engine(server)
        opened.generate([HELLO], Decoding())
        opened.close()
        path, headers, body = server.asked[0]
    assert (path, body["messages"]) == ("/v1/chat/completions", [{"role": "user", "content": "Hi"}])
    assert headers["Authorization"] == f"Bearer {CANARY}"


def test_the_completions_api_sends_the_exact_prompt() -> None:
    with serving(talking) as server:
        opened = engine(server, api="completions")
        assert opened.generate([HELLO], Decoding(seed=4))[0][0].text == "so seed4 said"
        opened.close()
        path, _, body = server.asked[0]
    assert (path, body["prompt"]) == ("/v1/completions", "User: Hi\nBot:")


def test_without_a_key_in_the_environment_none_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_KEY")
    with serving(talking) as server:
        opened = engine(server)
        opened.generate([HELLO], Decoding())
        opened.close()
        assert "Authorization" not in server.asked[0][1]


def test_a_format_without_messages_is_told_what_to_do() -> None:
    with serving(talking) as server:
        opened = engine(server)
        with pytest.raises(ConfigError, match='api = "completions"'):
            opened.generate([Prompt((Span("Hi"),))], Decoding())
        opened.close()


def test_the_settings_of_the_standard_are_sent() -> None:
    sent = body_of(Decoding(temperature=0.5, top_p=0.9, max_new_tokens=9, seed=3, stop=("END",)))
    wanted = {"temperature": 0.5, "top_p": 0.9, "max_tokens": 9, "seed": 3, "stop": ["END"]}
    assert wanted.items() <= sent.items()


@pytest.mark.parametrize("field", ["top_k", "repetition_penalty", "no_repeat_ngram"])
def test_a_setting_beyond_the_standard_is_refused_unless_the_server_knows_it(field: str) -> None:
    with pytest.raises(UnsupportedDecoding, match=field):
        body_of(Decoding(**{field: 3}))
    sent = body_of(Decoding(**{field: 3}), extra=(field,))
    assert 3 in sent.values()


def test_settings_that_are_off_are_sent_too_for_a_server_has_defaults_of_its_own() -> None:
    sent = body_of(Decoding(), extra=("top_k", "min_p", "repetition_penalty"), context_window=99)
    assert (sent["top_p"], sent["top_k"], sent["min_p"]) == (1.0, 0, 0.0)
    assert sent["repetition_penalty"] == sent["repeat_penalty"] == 1.0
    assert sent["repeat_last_n"] == 99


def test_candidates_come_from_one_request_when_the_server_knows_n() -> None:
    with serving(talking) as server:
        opened = engine(server)
        row = opened.generate([HELLO], Decoding(candidates=3, seed=5))[0]
        opened.close()
        assert [each.text for each in row] == ["so seed5 said", "so seed6 said", "so seed7 said"]
        assert len(server.asked) == 1


def test_a_server_that_ignores_n_is_asked_again_with_the_next_seed() -> None:
    with serving(saying("one"), saying("two"), saying("three")) as server:
        opened = engine(server)
        row = opened.generate([HELLO], Decoding(candidates=3, seed=5))[0]
        opened.close()
        assert [each.text for each in row] == ["one", "two", "three"]
        assert [each["seed"] for each in server.bodies] == [5, 6, 7]


def test_more_choices_than_asked_for_are_a_fault() -> None:
    with pytest.raises(EngineError, match="choice 1 of 1"):
        said(raw(f"data: {json.dumps(delta('x', index=1))}\n\ndata: [DONE]\n\n".encode()))


def test_no_choice_at_all_is_a_fault() -> None:
    with pytest.raises(EngineError, match="without the first one"):
        said(raw(b"data: [DONE]\n\n"))


def test_a_stop_string_parted_over_pieces_never_shows() -> None:
    stopped = Decoding(stop=("\nUser:",))
    assert said(saying("Fine.\nUs", "er: and"), decoding=stopped) == ["Fine."]
    assert said(saying("Fine.\nUs", "age"), decoding=stopped) == ["Fine.\nUsage"]


def test_only_four_stop_strings_are_sent_and_all_are_watched_for() -> None:
    many = Decoding(stop=("a1", "b2", "c3", "d4", "e5"))
    assert len(body_of(many)["stop"]) == 4
    assert said(saying("so e", "5 far"), decoding=many) == ["so "]


def test_an_emoji_parted_between_its_surrogates_is_one_character() -> None:
    first = '{"choices": [{"index": 0, "delta": {"content": "\\ud83d"}}]}'
    then = '{"choices": [{"index": 0, "delta": {"content": "\\ude00"}, "finish_reason": "stop"}]}'
    stream = f"data: {first}\n\ndata: {then}\n\ndata: [DONE]\n\n"
    assert said(raw(stream.encode())) == ["😀"]


def test_a_server_that_does_not_stream_is_understood() -> None:
    whole = {"choices": [{"message": {"content": "Hi."}, "finish_reason": "length"}]}
    with serving(raw(json.dumps(whole).encode(), "application/json")) as server:
        opened = engine(server)
        completion = opened.generate([HELLO], Decoding())[0][0]
        opened.close()
    assert (completion.text, completion.finish) == ("Hi.", "length")


@pytest.mark.parametrize(
    ("api", "found"),
    [
        ("chat", {"content": [{"token": "x", "logprob": -0.5}, {"token": "y", "logprob": -1.5}]}),
        ("completions", {"tokens": ["x", "y"], "token_logprobs": [-0.5, -1.5]}),
    ],
)
def test_logprobs_are_asked_for_and_read(api: str, found: dict[str, Any]) -> None:
    def answer(handler: Handler, body: dict[str, Any]) -> None:
        handler.start()
        message: Any = delta("xy", finish="stop", chat=api == "chat")
        message["choices"][0]["logprobs"] = found if body["logprobs"] else None
        handler.send(message)
        handler.send("[DONE]")

    with serving(answer) as server:
        opened = engine(server, api=api, logprobs=True)
        assert opened.generate([HELLO], Decoding())[0][0].logprobs == (-0.5, -1.5)
        opened.close()


@pytest.mark.parametrize(
    ("api", "found"),
    [
        ("chat", {"content": [{"token": "x", "logprob": -0.5, "top_logprobs": [
            {"token": "y", "logprob": -0.25}, {"token": "x", "logprob": -0.5}]}]}),
        ("completions", {"tokens": ["x"], "token_logprobs": [-0.5],
                         "top_logprobs": [{"x": -0.5, "y": -0.25}]}),
    ],
)  # fmt: skip
def test_alternatives_are_asked_for_and_read(api: str, found: dict[str, Any]) -> None:
    def answer(handler: Handler, body: dict[str, Any]) -> None:
        assert 2 in (body.get("top_logprobs"), body["logprobs"])
        handler.start()
        message: Any = delta("x", finish="stop", chat=api == "chat")
        message["choices"][0]["logprobs"] = found
        handler.send(message)
        handler.send("[DONE]")

    with serving(answer) as server:
        opened = engine(server, api=api, logprobs=True)
        made = opened.generate([HELLO], Decoding(alternatives=2))[0][0]
        opened.close()
    assert made.alternatives == ((("y", -0.25), ("x", -0.5)),)
    assert (made.texts, made.logprobs) == (("x",), (-0.5,))


def test_alternatives_are_refused_where_the_server_is_not_asked_for_probabilities() -> None:
    with serving(refusing(500)) as server:
        opened = engine(server)
        with pytest.raises(UnsupportedDecoding, match="alternatives=2"):
            opened.generate([HELLO], Decoding(alternatives=2))
        opened.close()


@pytest.mark.parametrize(
    ("status", "cure"),
    [(401, r"\$TEST_KEY"), (403, r"\$TEST_KEY"), (404, "base_url"), (400, "log"), (302, "log")],
)
def test_a_refusal_names_the_status_and_the_cure_and_is_not_tried_again(
    status: int, cure: str
) -> None:
    with serving(refusing(status)) as server:
        opened = engine(server)
        with pytest.raises(EngineError, match=f"answers {status} .*{cure}"):
            opened.generate([HELLO], Decoding())
        opened.close()
        assert len(server.asked) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_failure_is_tried_again(status: int) -> None:
    assert said(refusing(status), saying("Hi.")) == ["Hi."]


@pytest.mark.parametrize("status", [429, 500])
def test_a_lasting_failure_is_told_after_the_last_try(status: int) -> None:
    with serving(refusing(status)) as server:
        opened = engine(server)
        with pytest.raises(EngineError, match=f"answers {status}"):
            opened.generate([HELLO], Decoding())
        opened.close()
        assert len(server.asked) == 3


def test_retry_after_is_honoured() -> None:
    assert said(refusing(429, Retry_After="0"), saying("Hi."), backoff_seconds=1e6) == ["Hi."]


def test_a_server_that_asks_for_an_hour_is_not_waited_for() -> None:
    with pytest.raises(EngineError, match="asks to wait 3600 seconds"):
        said(refusing(429, Retry_After="3600"))


def test_a_timeout_is_told_with_its_cure() -> None:
    with pytest.raises(EngineError, match="timeout_seconds"):
        said(mute, timeout_seconds=0.05, retries=0)


def test_no_server_is_told_with_its_cure() -> None:
    with serving(talking) as server:
        gone = engine(server, retries=0)
    with pytest.raises(EngineError, match="is the server running"):
        gone.generate([HELLO], Decoding())
    gone.close()


def test_a_stream_that_breaks_off_before_the_first_token_is_tried_again() -> None:
    assert said(role_and_gone, saying("Hi.")) == ["Hi."]


def test_a_stream_that_breaks_off_after_the_first_token_is_not_tried_again() -> None:
    with serving(half_and_gone, saying("Hi.")) as server:
        opened = engine(server)
        with pytest.raises(EngineError, match=r"without \[DONE\]"):
            opened.generate([HELLO], Decoding())
        opened.close()
        assert len(server.asked) == 1


def finished_without_done(handler: Handler, body: dict[str, Any]) -> None:
    handler.start()
    handler.send(delta("Hi."))
    handler.send(delta("", finish="stop"))


def test_a_reply_that_was_ended_is_whole_without_a_closing_word() -> None:
    assert said(finished_without_done) == ["Hi."]


def test_candidates_that_never_began_are_asked_for_again() -> None:
    row = said(finished_without_done, decoding=Decoding(candidates=3))
    assert row == ["Hi."] * 3


@pytest.mark.parametrize(
    "data",
    [
        b"data: {not json\n\n",
        b"data: [1, 2]\n\n",
        b'data: {"choices": 3}\n\n',
        b'data: {"choices": [{"index": 0, "delta": {"content": 7}}]}\n\n',
        b'data: {"choices": [{"index": "0", "delta": {}}]}\n\n',
        b'data: {"choices": [{"index": 0, "delta": 5}]}\n\n',
        b'data: {"error": {"message": "out of memory"}}\n\n',
        b"data: \xff\xfe\n\n",
        b"data: " + b"[" * 100_000 + b"\n\n",
        b'data: {"choices": [{"index": 0, "text": "", "logprobs": {"token_logprobs": [{}]}}]}\n\n',
    ],
)
def test_nonsense_is_an_engine_error(data: bytes) -> None:
    with pytest.raises(EngineError):
        said(raw(data + b"data: [DONE]\n\n"))


def test_a_page_of_html_is_not_taken_for_a_reply() -> None:
    with pytest.raises(EngineError, match="text/html"):
        said(raw(b"<html>", "text/html"))


def test_a_line_without_end_is_cut_off() -> None:
    with pytest.raises(EngineError, match="MiB in one line"):
        said(raw(b"data: " + b"x" * (5 * 2**20)))


def test_a_withheld_reply_is_an_error() -> None:
    with pytest.raises(EngineError, match="content_filter"):
        said(saying("Well", finish="content_filter"))


def test_the_key_is_in_no_message_traceback_log_or_repr(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(echoing_the_key) as server:
        opened = engine(server)
        with pytest.raises(EngineError) as caught:
            opened.generate([HELLO], Decoding())
        opened.close()
    shown = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert CANARY not in shown + repr(opened) + repr(vars(opened)) + repr(vars(opened.connection))


@pytest.mark.parametrize(
    "settings",
    [
        {"key_env": CANARY},
        {"base_url": f"https://user:{CANARY}@host/v1"},
        {"base_url": f"https://host/v1?key={CANARY}"},
        {"api_key": CANARY},
    ],
)
def test_a_key_in_the_wrong_field_is_refused_without_repeating_it(settings: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        engines.load("openai", **{"base_url": "http://host/v1", "model": "m", **settings})
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_a_key_with_a_line_break_is_refused_without_repeating_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TEST_KEY", f"{CANARY}\nX: y")
    with pytest.raises(ConfigError, match=r"\$TEST_KEY") as caught:
        said(talking)
    assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "settings",
    [{"api": "chats"}, {"extra": ("beams",)}, {"retries": -1}, {"timeout_seconds": 0.0}],
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        engines.load("openai", **{"base_url": "http://host/v1", "model": "m", **settings})


def test_counted_tokens_are_a_cautious_estimate() -> None:
    with serving(talking) as server:
        opened = engine(server, api="completions")
        assert opened.count_tokens(Prompt((Span("four words of English"),))) == 7
        opened.close()


def test_a_reply_that_nobody_listens_to_any_more_is_hung_up_on() -> None:
    with serving(saying(*["word "] * 5)) as server:
        opened = engine(server)
        pieces: Iterator[str] = opened.stream(HELLO, Decoding())
        assert next(pieces) == "word "
        pieces.close()  # type: ignore[attr-defined]  # a generator, whose interface says iterator
        assert opened.generate([HELLO], Decoding())[0][0].text == "word " * 5
        opened.close()
