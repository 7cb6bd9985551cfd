"""The official openai client for Python, against a server of ours: its contract, not ours."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from tertulia import assembly
from tertulia.server.app import application
from tertulia.server.process import bound
from tertulia.server.settings import Settings
from tests.server.asking import scripted

openai = pytest.importorskip("openai", reason="pip install openai")

KEY = "a-key"
HI: list[Any] = [{"role": "user", "content": "Hi"}]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """A client of a server on a free port of this machine."""
    listening = bound("127.0.0.1", 0)
    mini = assembly.open_agent("mini-streams", changes={"max_new_tokens": 12, "min_new_tokens": 0})
    app = application({"lines": scripted(), "mini": mini}, Settings(key=KEY))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, http="h11", ws="none"))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    base = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    with openai.OpenAI(base_url=base, api_key=KEY, max_retries=0, timeout=30) as made:
        yield made
    server.should_exit = True
    thread.join(10)


def chat(client: Any, **more: Any) -> Any:
    return client.chat.completions.create(**{"model": "lines", "messages": HI, "seed": 0, **more})


def test_models(client: Any) -> None:
    assert [each.id for each in client.models.list()] == ["lines", "mini"]
    assert client.models.retrieve("mini").owned_by == "tertulia"
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("none")
    assert caught.value.code == "model_not_found"


def test_a_reply(client: Any) -> None:
    found = chat(client, user="me")
    assert found.choices[0].message.content == "Hello there, friend."
    assert found.choices[0].finish_reason == "stop"
    assert found.usage.total_tokens == found.usage.prompt_tokens + 3
    assert found.model_extra["tertulia"]["seed"] == 0


def test_a_stream(client: Any) -> None:
    chunks = list(chat(client, stream=True, stream_options={"include_usage": True}))
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == "Hello there, friend."
    assert chunks[-1].usage.completion_tokens == 3 and chunks[-1].choices == []
    assert chunks[-2].choices[0].finish_reason == "stop"


def test_a_stream_gathered_by_the_client(client: Any) -> None:
    with client.chat.completions.stream(model="lines", messages=HI, seed=0, n=2) as stream:
        for _ in stream:
            pass
        found = stream.get_final_completion()
    assert [each.message.content for each in found.choices] == ["Hello there, friend.", "No."]


def test_several_choices_and_a_limit(client: Any) -> None:
    found = chat(client, n=3, max_completion_tokens=1)
    assert [each.message.content for each in found.choices] == ["Hello", "No.", "Maybe"]
    assert [each.finish_reason for each in found.choices] == ["length", "stop", "length"]


def test_seed_stop_and_probabilities_of_the_built_in_model(client: Any) -> None:
    first = chat(client, model="mini", seed=5, logprobs=True)
    assert chat(client, model="mini", seed=5).choices[0].message.content == (
        first.choices[0].message.content
    )
    tokens = first.choices[0].logprobs.content
    assert tokens and all(each.logprob <= 0 and each.top_logprobs == [] for each in tokens)
    streamed = list(chat(client, model="mini", seed=5, logprobs=True, stream=True))
    assert streamed[-1].choices[0].logprobs.content == tokens
    text = first.choices[0].message.content
    stopped = chat(client, model="mini", seed=5, stop=[text[-3:]]).choices[0]
    kept = text.partition(text[-3:])[0]
    assert (stopped.message.content, stopped.finish_reason) == (kept, "stop")


def test_the_likeliest_tokens_beside_each(client: Any) -> None:
    found = chat(client, model="mini", seed=5, logprobs=True, top_logprobs=3)
    for each in found.choices[0].logprobs.content:
        ranked = [other.logprob for other in each.top_logprobs]
        assert len(ranked) == 3 and ranked == sorted(ranked, reverse=True)
    texts = client.completions.create(model="mini", prompt="Hi", seed=5, logprobs=2).choices[0]
    assert "".join(texts.logprobs.tokens) == texts.text
    assert all(2 <= len(each) <= 3 for each in texts.logprobs.top_logprobs)


def test_the_direction_goes_in_the_extra_body(client: Any) -> None:
    direction = {"situation": "A storm.", "personas": {"Agent": ["i sail."]}}
    found = chat(client, extra_body={"direction": direction, "decoding": {"top_k": 5}})
    assert found.choices[0].message.content and found.model_extra["tertulia"]["unsupported"] == []


def test_completions(client: Any) -> None:
    found = client.completions.create(model="lines", prompt=["a", "b"], seed=0)
    assert [each.text for each in found.choices] == ["Hello there, friend."] * 2
    chunks = client.completions.create(model="lines", prompt="a", seed=1, stream=True)
    assert "".join(each.choices[0].text for each in chunks) == "No."


@pytest.mark.parametrize(
    ("more", "kind", "param", "code"),
    [
        ({"model": "none"}, "NotFoundError", "model", "model_not_found"),
        ({"temperature": 3}, "BadRequestError", "temperature", "invalid_value"),
        ({"messages": []}, "BadRequestError", "messages", "invalid_value"),
        ({"presence_penalty": 1}, "BadRequestError", "presence_penalty", "unsupported_value"),
        (
            {"messages": [{"role": "user", "content": "word " * 3000}]},
            "BadRequestError",
            "messages",
            "context_length_exceeded",
        ),
    ],
)
def test_errors_are_those_the_client_knows(
    client: Any, more: dict[str, Any], kind: str, param: str, code: str
) -> None:
    for stream in (False, True):
        with pytest.raises(getattr(openai, kind)) as caught:
            chat(client, stream=stream, **more)
        assert (caught.value.param, caught.value.code) == (param, code)
        assert caught.value.type == "invalid_request_error"


def test_a_wrong_key_is_an_authentication_error(client: Any) -> None:
    with client.with_options(api_key="other") as other, pytest.raises(openai.AuthenticationError):
        other.models.list()
