"""The likeliest tokens beside each that is said: true to the model, whatever the decoding did."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.tiny_llama import tiny_llama

from tertulia import engines
from tertulia.decoding import Decoding
from tertulia.engines import Completion, Engine
from tertulia.prompt import Prompt, Span

library = pytest.importorskip("transformers", reason="pip install 'tertulia[torch]'")
torch = pytest.importorskip("torch", reason="pip install 'tertulia[torch]'")
pytestmark = pytest.mark.models

HELLO = Prompt((Span("hello"),))
ODD = Decoding(seed=5, max_new_tokens=6, temperature=1.4, top_k=3, repetition_penalty=1.7,
               alternatives=5)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module", params=["transformers", "onnxruntime"])
def engine(request: pytest.FixtureRequest, folder: Path) -> Iterator[Engine]:
    exact = {"transformers": {"device": "cpu"}, "onnxruntime": {"quantization": "float32"}}
    opened = engines.load(request.param, model=str(folder), **exact[request.param])
    yield opened
    opened.close()


def made(engine: Engine, decoding: Decoding) -> Completion:
    return engine.generate([HELLO], decoding)[0][0]


def test_they_are_the_likeliest_of_the_models_own_distribution(
    engine: Engine, folder: Path
) -> None:
    found = made(engine, ODD)
    tokenizer = engine.tokenizer  # type: ignore[attr-defined]
    ids = tokenizer.ids(HELLO.runs())
    model = library.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        logits = model(torch.tensor([[*ids, *found.tokens]])).logits[0].double()
    logprobs = logits.log_softmax(-1)[len(ids) - 1 : -1]
    assert len(found.alternatives) == len(found.tokens) == len(logprobs)
    for place, told in enumerate(found.alternatives):
        values, tokens = logprobs[place].topk(5)
        assert [value for _, value in told] == pytest.approx(values.tolist(), abs=1e-4)
        texts = [tokenizer.alone(token, first=place == 0) for token in tokens.tolist()]
        assert [text for text, _ in told] == texts
    drawn = [float(row[token]) for row, token in zip(logprobs, found.tokens, strict=True)]
    assert found.logprobs == pytest.approx(drawn, abs=1e-4)


def test_they_do_not_change_what_is_said(engine: Engine) -> None:
    without = Decoding(seed=5, max_new_tokens=6, temperature=1.4, top_k=3, repetition_penalty=1.7)
    assert made(engine, ODD).tokens == made(engine, without).tokens
    assert made(engine, without).alternatives == ()


def test_the_first_of_them_is_what_greedy_decoding_says(engine: Engine) -> None:
    found = made(engine, Decoding(temperature=0, max_new_tokens=4, alternatives=1))
    firsts = [told[0] for told in found.alternatives]
    assert [value for _, value in firsts] == pytest.approx(found.logprobs, abs=1e-6)


def test_twenty_of_them_hold_less_than_everything_in_falling_order(engine: Engine) -> None:
    found = made(engine, Decoding(seed=1, max_new_tokens=3, alternatives=20))
    for told in found.alternatives:
        values = [value for _, value in told]
        assert len(values) == 20 and values == sorted(values, reverse=True)
        assert sum(map(math.exp, values)) <= 1 + 1e-6
