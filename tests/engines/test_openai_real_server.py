"""The openai engine against servers that no one here wrote, over a model that we know.

What a server should say is known from our own engine over the same weights.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.engines.real_servers import KEY, Running, checkpoint, running

from tertulia import engines
from tertulia.decoding import Decoding
from tertulia.engines import Completion, Engine
from tertulia.errors import EngineError
from tertulia.prompt import Message, Prompt, Span

pytestmark = [pytest.mark.models, pytest.mark.slow]

BEGIN, YOU, ME = (Span(f"<|{name}|>", control=True) for name in ("begin", "you", "me"))
GREEDY = Decoding(temperature=0.0, max_new_tokens=24)
SAMPLED = Decoding(temperature=1.0, max_new_tokens=16, seed=11)


def asked(text: str) -> Prompt:
    """A message, and what the model's template makes of it."""
    return Prompt((BEGIN, YOU, Span(text), ME), messages=(Message("user", text),))


ASKED = [asked(text) for text in ("the rain", "and then, a hat?", "I am here.")]


@pytest.fixture(scope="module", autouse=True)
def no_proxy() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.setenv("TEST_KEY", KEY)
        patch.setenv("WRONG_KEY", "sk-of-somebody-else")
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def own(folder: Path) -> Iterator[Engine]:
    engine = engines.load("onnxruntime", model=folder, quantization="float32", threads=1)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def llama_cpp(folder: Path) -> Iterator[Running]:
    with running("llama_cpp", folder) as server:
        yield server


@pytest.fixture(scope="module")
def transformers(folder: Path) -> Iterator[Running]:
    with running("transformers", folder) as server:
        yield server


@pytest.fixture(params=["llama_cpp", "transformers"])
def server(request: pytest.FixtureRequest) -> Running:
    found: Running = request.getfixturevalue(request.param)
    return found


def opened(server: Running, **settings: Any) -> Engine:
    given = {"model": server.model, "key_env": "TEST_KEY", "retries": 1, "backoff_seconds": 0.01}
    return engines.load("openai", base_url=server.url, **{**given, **settings})


def said(
    server: Running, prompt: Prompt = ASKED[0], decoding: Decoding = GREEDY, **settings: Any
) -> list[Completion]:
    with closing(opened(server, **settings)) as engine:
        return engine.generate([prompt], decoding)[0]


def refused(server: Running, decoding: Decoding = GREEDY, **settings: Any) -> str:
    with pytest.raises(EngineError) as caught:
        said(server, ASKED[0], decoding, **settings)
    return str(caught.value)


@pytest.mark.parametrize("prompt", ASKED, ids=lambda each: each.text)
def test_a_greedy_reply_is_the_one_of_our_own_engine(
    server: Running, own: Engine, prompt: Prompt
) -> None:
    there, here = said(server, prompt)[0], own.generate([prompt], GREEDY)[0][0]
    assert there.text == here.text
    assert there.finish == here.finish
    assert there.prompt_tokens == here.prompt_tokens


def test_the_completions_api_gets_the_exact_prompt(server: Running, own: Engine) -> None:
    bare = Prompt(ASKED[1].spans)
    there, here = said(server, bare, api="completions")[0], own.generate([bare], GREEDY)[0][0]
    assert (there.text, there.prompt_tokens) == (here.text, here.prompt_tokens)


def test_the_pieces_of_a_stream_come_one_by_one_and_add_up(server: Running) -> None:
    with closing(opened(server)) as engine:
        pieces = list(engine.stream(ASKED[1], GREEDY))
    assert len(pieces) > 3
    assert "".join(pieces) == said(server, ASKED[1])[0].text


def test_a_reply_ends_at_its_limit(server: Running) -> None:
    short = said(server, decoding=replace(GREEDY, max_new_tokens=3))[0]
    assert (short.finish, short.completion_tokens) == ("length", 3)
    assert said(server)[0].text.startswith(short.text)


def test_a_seed_replays_and_another_says_something_else(server: Running) -> None:
    texts = [said(server, decoding=replace(SAMPLED, seed=seed))[0].text for seed in (1, 2, 3, 1)]
    assert texts[0] == texts[3]
    assert len(set(texts)) == 3


def test_every_candidate_comes_and_they_differ(server: Running) -> None:
    row = said(server, decoding=replace(SAMPLED, candidates=4))
    assert len({each.text for each in row}) == 4
    again = said(server, decoding=replace(SAMPLED, candidates=4))
    assert [each.text for each in again] == [each.text for each in row]


def test_a_stop_string_ends_a_reply_and_is_no_part_of_it(server: Running) -> None:
    whole = said(server, ASKED[2])[0].text
    stop = whole[5:7]
    stopped = said(server, ASKED[2], replace(GREEDY, stop=(stop,)))[0]
    assert stopped.text == whole[: whole.find(stop)]
    assert stopped.finish == "stop"


def test_a_stream_that_nobody_listens_to_leaves_the_server_usable(server: Running) -> None:
    with closing(opened(server)) as engine:
        before = engine.generate([ASKED[0]], GREEDY)[0][0].text
        pieces = engine.stream(ASKED[1], replace(GREEDY, max_new_tokens=400))
        next(pieces)
        pieces.close()  # type: ignore[attr-defined]  # a generator, whose interface says iterator
        assert engine.generate([ASKED[0]], GREEDY)[0][0].text == before


def test_a_batch_says_what_its_prompts_say_alone(server: Running) -> None:
    with closing(opened(server)) as engine:
        together = [row[0].text for row in engine.generate(ASKED, SAMPLED)]
    assert together == [said(server, each, SAMPLED)[0].text for each in ASKED]


def test_log_probabilities_are_those_of_our_own_engine(llama_cpp: Running, own: Engine) -> None:
    for api, prompt in (("chat", ASKED[0]), ("completions", Prompt(ASKED[1].spans))):
        there = said(llama_cpp, prompt, logprobs=True, api=api)[0].logprobs
        here = own.generate([prompt], GREEDY)[0][0].logprobs
        assert there == pytest.approx(here[: len(there)], abs=1e-4)
        assert len(there) >= len(here) - 1  # It says nothing of the token that ends a reply.


def test_a_server_that_ignores_log_probabilities_gives_none(transformers: Running) -> None:
    assert said(transformers, logprobs=True)[0].logprobs == ()


def test_settings_beyond_the_standard_are_understood(llama_cpp: Running, own: Engine) -> None:
    likeliest = replace(SAMPLED, top_k=1, max_new_tokens=24)
    assert said(llama_cpp, decoding=likeliest, extra=("top_k",))[0].text == said(llama_cpp)[0].text
    penalised = replace(GREEDY, repetition_penalty=1.8)
    there = said(llama_cpp, decoding=penalised, extra=("repetition_penalty",))[0].text
    assert there == own.generate([ASKED[0]], penalised)[0][0].text
    assert there != said(llama_cpp)[0].text


def test_settings_that_a_server_refuses_are_told_with_the_cure(transformers: Running) -> None:
    told = refused(transformers, replace(SAMPLED, top_k=5), extra=("top_k",))
    assert "422" in told and "top_k" in told and "extra" in told


def test_a_model_that_the_server_does_not_have_is_told(transformers: Running) -> None:
    told = refused(transformers, model="somebody/else")
    assert "400" in told and "somebody/else" in told


@pytest.mark.parametrize("variable", ["WRONG_KEY", "NO_SUCH_KEY"])
def test_a_wrong_key_is_told_by_the_name_of_its_variable(llama_cpp: Running, variable: str) -> None:
    told = refused(llama_cpp, key_env=variable)
    assert "401" in told and f"${variable}" in told and "somebody-else" not in told


def test_a_prompt_that_is_too_long_is_told(llama_cpp: Running) -> None:
    with pytest.raises(EngineError, match="context"):
        said(llama_cpp, asked("the rain " * 400))


def test_a_server_without_this_api_is_told(llama_cpp: Running) -> None:
    elsewhere = replace(llama_cpp, url=llama_cpp.url.removesuffix("/v1") + "/v2")
    assert "does the address end in /v1" in refused(elsewhere)


def test_what_is_no_such_server_is_told(folder: Path) -> None:
    with running("none", folder) as web:
        assert "answers 501" in refused(web)


@pytest.mark.parametrize("kind", ["llama_cpp", "transformers"])
def test_a_server_that_dies_in_the_middle_is_told_and_half_a_reply_is_none(
    folder: Path, kind: str
) -> None:
    with running(kind, folder) as mortal, closing(opened(mortal)) as engine:
        pieces = engine.stream(ASKED[0], replace(GREEDY, max_new_tokens=400, min_new_tokens=0))
        next(pieces)
        mortal.process.kill()
        with pytest.raises(EngineError, match="broke off|without"):
            list(pieces)
        with pytest.raises(EngineError, match="is the server running"):
            engine.generate([ASKED[0]], GREEDY)
