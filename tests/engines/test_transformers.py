"""The transformers engine against the library itself, and our own engine against both."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests import reference_tokenizers
from tests.tiny_llama import tiny_llama

from tertulia import engines
from tertulia.decoding import Decoding
from tertulia.engines import Engine
from tertulia.errors import (
    CheckpointError,
    ConfigError,
    EngineError,
    PromptTooLong,
    UnsupportedDecoding,
)
from tertulia.prompt import Prompt, Span

pytestmark = pytest.mark.models
library = pytest.importorskip("transformers", reason="pip install 'tertulia[torch]'")
torch = pytest.importorskip("torch", reason="pip install 'tertulia[torch]'")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny matrices are slowest when many threads share them."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def llama_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def llama(llama_folder: Path) -> Engine:
    return engines.load("transformers", model=str(llama_folder), device="cpu")


@pytest.fixture(scope="module")
def t5_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = reference_tokenizers.t5(tmp_path_factory.mktemp("t5"))
    torch.manual_seed(0)
    config = library.T5Config(
        vocab_size=256,
        d_model=32,
        d_kv=8,
        d_ff=64,
        num_layers=2,
        num_heads=4,
        feed_forward_proj="gated-gelu",
        initializer_factor=8.0,
        decoder_start_token_id=0,
    )
    library.T5ForConditionalGeneration(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def t5(t5_folder: Path) -> Engine:
    return engines.load("transformers", model=str(t5_folder), device="cpu")


@pytest.fixture(params=["llama", "t5"])
def engine(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.getfixturevalue(request.param)
    return found


def prompt_for(engine: Engine, text: str = "hello there") -> Prompt:
    if engine.model.twofold:  # type: ignore[attr-defined]  # this engine's own
        return Prompt((Span(text),), closing=("</s>",))
    return Prompt((Span("<|begin|>", control=True), Span(text)), stop=("<|end|>",))


def generated(engine: Any, prompt: Prompt, **settings: Any) -> list[list[int]]:
    """Tokens of the reply as the library's own generate makes them."""
    ids = engine.tokenizer.ids(prompt.runs())
    end = engine.tokenizer.control("</s>" if engine.model.twofold else "<|end|>")
    given = {"do_sample": False, "max_new_tokens": 24, "eos_token_id": end, "pad_token_id": end}
    if engine.model.twofold:
        given["decoder_start_token_id"] = 0
    asked = library.GenerationConfig(**{**given, **settings})
    rows = engine.model.model.generate(torch.tensor([ids]), generation_config=asked).tolist()
    before = 1 if engine.model.twofold else len(ids)
    return [untrailed(row[before:], end) for row in rows]


def untrailed(row: Sequence[int], end: int) -> list[int]:
    row = list(row)
    return row[: row.index(end) + 1] if end in row else row


RULES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"repetition_penalty": 1.7}, {"repetition_penalty": 1.7}),
    ({"no_repeat_ngram": 2}, {"no_repeat_ngram_size": 2}),
    ({"min_new_tokens": 20}, {"min_new_tokens": 20}),
    (
        {"min_length": 20, "max_length": 30, "max_new_tokens": 60},
        {"min_length": 20, "max_length": 30},
    ),
    ({"beams": 3}, {"num_beams": 3}),
    ({"beams": 4, "candidates": 3}, {"num_beams": 4, "num_return_sequences": 3}),
    ({"beams": 3, "length_penalty": -2.0}, {"num_beams": 3, "length_penalty": -2.0}),
    (
        {"beams": 3, "repetition_penalty": 1.3, "no_repeat_ngram": 2, "min_length": 8},
        {"num_beams": 3, "repetition_penalty": 1.3, "no_repeat_ngram_size": 2, "min_length": 8},
    ),
]


@pytest.mark.parametrize(("asked", "its_own"), RULES, ids=lambda each: ",".join(each) or "none")
def test_greedy_and_beams_say_what_the_library_says(
    engine: Engine, asked: dict[str, Any], its_own: dict[str, Any]
) -> None:
    prompt = prompt_for(engine)
    if "max_length" in its_own:
        its_own = {**its_own, "max_new_tokens": None}
    row = engine.generate(
        [prompt], Decoding(**{"temperature": 0.0, "max_new_tokens": 24, **asked})
    )[0]
    assert [list(each.tokens) for each in row] == generated(engine, prompt, **its_own)


SAMPLED = [
    {"temperature": 1.0},
    {"temperature": 0.7, "top_k": 5},
    {"temperature": 1.5, "top_p": 0.8},
    {"temperature": 2.0, "min_p": 0.1},
    {"temperature": 1.0, "top_k": 20, "top_p": 0.9, "min_p": 0.02, "repetition_penalty": 1.2},
    {"temperature": 1.0, "no_repeat_ngram": 2, "penalties_count_prompt": False},
    {"temperature": 1.0, "stop": ("an", "e"), "min_new_tokens": 4, "banned": ("t",)},
]


@pytest.mark.parametrize("asked", SAMPLED, ids=lambda each: ",".join(each))
def test_one_seed_says_one_thing_on_our_own_engine_and_here(
    llama: Engine, llama_folder: Path, asked: dict[str, Any]
) -> None:
    own = engines.load("onnxruntime", model=str(llama_folder), quantization="float32")
    decoding = Decoding(**{"seed": 5, "candidates": 4, "max_new_tokens": 16, **asked})
    prompts = [prompt_for(llama), prompt_for(llama, "and then")]
    ours, here = own.generate(prompts, decoding), llama.generate(prompts, decoding)
    own.close()
    for left, right in zip(sum(ours, []), sum(here, []), strict=True):
        assert (left.text, left.tokens, left.finish) == (right.text, right.tokens, right.finish)
        assert left.logprobs == pytest.approx(right.logprobs, abs=1e-3)


def test_scores_are_those_of_our_own_engine(llama: Engine, llama_folder: Path) -> None:
    own = engines.load("onnxruntime", model=str(llama_folder), quantization="float32")
    prompts = [prompt_for(llama), prompt_for(llama, "and then")]
    replies = [(Span("a hat"), Span("<|end|>", control=True)), (Span("the end"),)]
    for ours, here in zip(own.score(prompts, replies), llama.score(prompts, replies), strict=True):
        assert ours == pytest.approx(here, abs=1e-3)
    own.close()


def test_the_score_of_what_was_said_is_its_logprobs(engine: Any) -> None:
    prompt = prompt_for(engine)
    for decoding in (Decoding(seed=3, temperature=1.0), Decoding(temperature=0.0, beams=3)):
        said = engine.generate([prompt], decoding)[0][0]
        ids = engine.tokenizer.ids(prompt.runs())
        assert said.logprobs == pytest.approx(engine.model.logprobs(ids, said.tokens), abs=1e-4)


def test_every_probability_together_is_one(engine: Any) -> None:
    ids = engine.tokenizer.ids(prompt_for(engine).runs())
    size = engine.model.model.config.vocab_size
    chances = [engine.model.logprobs(ids, [token])[0] for token in range(size)]
    assert torch.tensor(chances).exp().sum().item() == pytest.approx(1.0, abs=1e-4)


def test_a_stop_string_ends_a_hypothesis_of_the_beam(llama: Engine) -> None:
    decoding = Decoding(temperature=0.0, beams=3, candidates=3, stop=("an",), max_new_tokens=24)
    for completion in llama.generate([prompt_for(llama)], decoding)[0]:
        assert "an" not in completion.text
        assert completion.seconds >= completion.first_seconds > 0


def test_no_stop_string_is_shown_in_part(llama: Engine) -> None:
    decoding = Decoding(seed=1, temperature=1.5, stop=("ing",), max_new_tokens=40)
    for seed in range(8):
        events = list(llama.stream(prompt_for(llama), Decoding(seed=seed, stop=("the", "an"))))
        assert not [piece for piece in events if piece.endswith(("the", "an"))]
    assert "ing" not in llama.generate([prompt_for(llama)], decoding)[0][0].text


def test_a_prompt_that_leaves_no_room_is_told(llama: Engine) -> None:
    with pytest.raises(PromptTooLong, match="max_length"):
        llama.generate([prompt_for(llama)], Decoding(max_length=5))
    with pytest.raises(PromptTooLong, match="context window 512"):
        llama.generate([prompt_for(llama, "no " * 600)], Decoding())


def test_a_prompt_of_nothing_is_told(llama: Engine) -> None:
    with pytest.raises(EngineError, match="no tokens"):
        llama.generate([Prompt(())], Decoding())


def test_a_reply_stays_within_the_context_window(llama_folder: Path) -> None:
    narrow = engines.load("transformers", model=str(llama_folder), context_window=16, device="cpu")
    said = narrow.generate([prompt_for(narrow)], Decoding(temperature=0.0, min_new_tokens=9))[0][0]
    assert narrow.count_tokens(prompt_for(narrow)) + len(said.tokens) == 16
    assert said.finish == "length"


def test_a_banned_token_that_is_not_there_is_refused(llama: Engine) -> None:
    with pytest.raises(UnsupportedDecoding, match="<nope>"):
        llama.generate([prompt_for(llama)], Decoding(banned=("<nope>",)))


def test_when_the_rules_forbid_everything_it_is_told(llama: Any) -> None:
    names = tuple(llama.tokenizer.vocabulary.ids)
    with pytest.raises(EngineError, match="forbid every token"):
        llama.generate([prompt_for(llama)], Decoding(banned=names))


@pytest.mark.parametrize("dtype", ["float16", "auto"])
def test_a_t5_in_float16_is_refused(t5_folder: Path, tmp_path: Path, dtype: str) -> None:
    model = library.T5ForConditionalGeneration.from_pretrained(t5_folder).half()
    model.save_pretrained(tmp_path)
    reference_tokenizers.t5(tmp_path)
    with pytest.raises(ConfigError, match="overflows in float16"):
        engines.load("transformers", model=str(tmp_path), dtype=dtype)


def test_a_t5_in_bfloat16_speaks(t5_folder: Path) -> None:
    half = engines.load("transformers", model=str(t5_folder), dtype="bfloat16", device="cpu")
    assert half.generate([prompt_for(half)], Decoding(max_new_tokens=3))[0][0].tokens


def test_weights_that_can_run_code_are_not_opened(llama_folder: Path, tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((llama_folder / name).read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(b"anything")
    with pytest.raises(CheckpointError, match="no safetensors"):
        engines.load("transformers", model=str(tmp_path))


def test_a_checkpoint_with_holes_is_refused(tmp_path: Path) -> None:
    tiny_llama(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}))
    with pytest.raises(CheckpointError, match="lacks 9 weights"):
        engines.load("transformers", model=str(tmp_path))


def test_int8_weights_of_the_built_in_model_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="use the onnxruntime engine"):
        engines.load("transformers", model=str(tiny_llama(tmp_path, int8=True)))


@pytest.mark.parametrize("damage", ["config.json", "model.safetensors"])
def test_a_damaged_checkpoint_is_told(tmp_path: Path, damage: str) -> None:
    tiny_llama(tmp_path)
    (tmp_path / damage).write_bytes(b"{}")
    with pytest.raises(CheckpointError, match="cannot be opened"):
        engines.load("transformers", model=str(tmp_path))


def test_a_model_that_wants_to_run_its_own_code_is_refused(tmp_path: Path) -> None:
    tiny_llama(tmp_path)
    config = {"model_type": "stranger", "auto_map": {"AutoConfig": "stranger.Config"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "stranger.py").write_text("raise SystemExit('strange code ran')")
    with pytest.raises(CheckpointError, match="cannot be opened"):
        engines.load("transformers", model=str(tmp_path))


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is not a folder"):
        engines.load("transformers", model=str(tmp_path / "nothing"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here; without one it runs")
def test_a_gpu_that_is_not_there_is_told(llama_folder: Path) -> None:
    with pytest.raises(ConfigError, match="no GPU"):
        engines.load("transformers", model=str(llama_folder), device="cuda")


@pytest.mark.parametrize("wrong", [{"device": "tpu"}, {"dtype": "int8"}, {"context_window": 0}])
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        engines.load("transformers", model=".", **wrong)
