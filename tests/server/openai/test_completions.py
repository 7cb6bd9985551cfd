"""/v1/completions: text in, text out."""

from typing import Any

import httpx
import pytest

from tertulia import assembly
from tests.server.asking import asked, error, frames, scripted


def complete(body: dict[str, Any], **made: Any) -> httpx.Response:
    full = {"model": "mini", "prompt": "Once", **body}
    return asked(lambda http: http.post("/v1/completions", json=full), **made)


def test_a_text_is_continued_without_a_format() -> None:
    agent = scripted()
    found = complete({"seed": 0}, agents={"mini": agent}).json()
    assert found["object"] == "text_completion"
    assert found["choices"][0]["text"] == "Hello there, friend."
    [prompt] = agent.engine.seen  # type: ignore[attr-defined]
    assert prompt.text == "Once" and prompt.stop == ("<|end|>",)


def test_a_typed_control_token_stays_text() -> None:
    agent = scripted()
    complete({"prompt": "<|me|>"}, agents={"mini": agent})
    assert not any(span.control for span in agent.engine.seen[0].spans)  # type: ignore[attr-defined]


@pytest.mark.parametrize("stream", [False, True])
def test_every_prompt_has_its_choices(stream: bool) -> None:
    body = {"prompt": ["One", "Two"], "n": 2, "seed": 0, "stream": stream}
    response = complete(body)
    texts = ["", "", "", ""]
    for each in frames(response) if stream else [response.json()]:
        for choice in each["choices"]:
            texts[choice["index"]] += choice["text"]
    assert texts == ["Hello there, friend.", "No."] * 2


def test_usage_is_summed_over_the_prompts() -> None:
    body = {"prompt": ["One", "Two too"], "seed": 0}
    usage = complete(body).json()["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (3, 6)
    body |= {"stream": True, "stream_options": {"include_usage": True}}
    assert frames(complete(body))[-1]["usage"] == usage


def test_candidates_that_an_agent_ranks_are_not_made() -> None:
    found = complete({"seed": 0}, agents={"mini": scripted(candidates=16)}).json()
    assert found["usage"]["completion_tokens"] == 3 and len(found["choices"]) == 1


def test_probabilities_are_told_token_by_token() -> None:
    agent = assembly.open_agent("mini", changes={"max_new_tokens": 4})
    found = complete({"logprobs": 0, "seed": 1}, agents={"mini": agent}).json()["choices"][0]
    told = found["logprobs"]
    assert "".join(told["tokens"]) == found["text"]
    assert len(told["token_logprobs"]) == len(told["tokens"]) == len(told["text_offset"])


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"prompt": "word " * 3000}, "prompt", "context_length_exceeded"),
        ({"prompt": []}, "prompt", "invalid_value"),
        ({"prompt": [1, 2]}, "prompt", "invalid_value"),
        ({"prompt": None}, "prompt", "invalid_value"),
        ({"echo": True}, "echo", "unsupported_value"),
        ({"best_of": 4}, "best_of", "unsupported_value"),
        ({"suffix": "x"}, "suffix", "unsupported_value"),
        ({"logprobs": 5}, "logprobs", "unsupported_value"),
        ({"logprobs": 6}, "logprobs", "invalid_value"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(
    body: dict[str, Any],
    param: str,
    code: str,
) -> None:
    assert error(complete(body)) == (400, param, code)
