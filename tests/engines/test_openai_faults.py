"""More that a server may do: send numbers that are none, drip, be busy aloud, never end."""

import time
from typing import Any

import pytest
from tests.engines.openai_server import Handler, delta, raw, saying, serving
from tests.engines.test_openai import HELLO, engine, key, said

from tertulia.decoding import Decoding
from tertulia.errors import EngineError

__all__ = ["key"]


@pytest.mark.parametrize("number", ["NaN", "1" + "0" * 400, '"0"', "null", "true", "[]"])
def test_a_probability_that_is_no_number_is_an_engine_error(number: str) -> None:
    content = (
        '{"choices": [{"index": 0, "delta": {"content": "Hi"}, "logprobs": {"content": '
        f'[{{"token": "Hi", "logprob": {number}}}]}}}}]}}'
    )
    with pytest.raises(EngineError, match="its logprobs are no list of numbers"):
        said(raw(f"data: {content}\n\ndata: [DONE]\n\n".encode()), logprobs=True)


def dripping(handler: Handler, body: dict[str, Any]) -> None:
    """One byte at a time, in the middle of characters too."""
    handler.start()
    whole = "data: " + '{"choices": [{"index": 0, "delta": {"content": "안녕 ☕"}}]}' + "\n\n"
    whole += 'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\n'
    for byte in (whole + "data: [DONE]\n\n").encode():
        handler.wfile.write(bytes([byte]))
        handler.wfile.flush()


def test_a_reply_that_comes_byte_by_byte_is_whole() -> None:
    assert said(dripping) == ["안녕 ☕"]


def commenting(handler: Handler, body: dict[str, Any]) -> None:
    """A server that is busy says so in comments."""
    handler.start()
    for _ in range(3):
        handler.wfile.write(b": busy\n\n")
        handler.wfile.flush()
        time.sleep(0.06)
    handler.send(delta("Hi.", finish="stop"))
    handler.send("[DONE]")


def test_a_server_that_is_busy_and_says_so_is_waited_for() -> None:
    assert said(commenting, timeout_seconds=0.1, retries=0) == ["Hi."]


def flooding(handler: Handler, body: dict[str, Any]) -> None:
    handler.start()
    while True:
        handler.wfile.write(b": busy " + b"x" * 1_000_000 + b"\n\n")


def test_a_server_that_never_ends_is_cut_off() -> None:
    with pytest.raises(EngineError, match="MiB for one reply"):
        said(flooding)


def test_the_budget_of_tries_is_kept_over_every_kind_of_failure() -> None:
    def gone(handler: Handler, body: dict[str, Any]) -> None:
        handler.start()

    with serving(gone, gone, gone, saying("Too late.")) as server:
        opened = engine(server, retries=2)
        with pytest.raises(EngineError):
            opened.generate([HELLO], Decoding())
        opened.close()
        assert len(server.asked) == 3
