"""Replies of CTranslate2: the rules of a decoding, who shares a call, and what is refused."""

import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.tiny_ctranslate2 import converted, opened
from tests.tiny_llama import LLAMA3, tiny_llama
from tests.tiny_seq2seq import T5, tiny_seq2seq

from tertulia import engines
from tertulia.decoding import Decoding
from tertulia.engines import Engine, Finished, Piece
from tertulia.errors import ConfigError, EngineError, PromptTooLong, UnsupportedDecoding
from tertulia.prompt import Prompt, Span

KINDS: dict[str, Callable[[Path], Path]] = {
    "decoder": lambda folder: tiny_llama(folder, rope_parameters=LLAMA3),
    "encoder and decoder": lambda folder: tiny_seq2seq(folder, T5),
}
GREEDY = Decoding(temperature=0.0, max_new_tokens=12)
WARM = Decoding(temperature=1.0, max_new_tokens=6)


def prompt(text: str) -> Prompt:
    begin, says = Span("<|begin|>", control=True), Span("<|says|>", control=True)
    return Prompt((begin, Span(text), says), stop=("<|end|>",))


PROMPTS = [prompt(each) for each in ("hello there", "the", "and then a good deal more of this")]


@pytest.fixture(scope="module", params=KINDS)
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return KINDS[request.param](tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def engine(source: Path) -> Engine:
    return opened(converted(source), replayable=False)


@pytest.fixture(scope="module")
def ours(source: Path) -> Iterator[Engine]:
    engine = engines.load("onnxruntime", model=source, quantization="float32", threads=1)
    yield engine
    engine.close()


def told(engine: Engine, decoding: Decoding) -> list[list[tuple[Any, ...]]]:
    rows = engine.generate(PROMPTS, decoding)
    return [[(each.tokens, each.text, each.finish) for each in row] for row in rows]


RULES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "a first stop": {"stop": ("e", "a")},
    "no end yet": {"min_new_tokens": 9, "stop": ("e",)},
    "a length with the prompt": {"max_length": 40, "min_length": 38},
    "bans": {"banned": ("e", "a", "<|end|>")},
    "a penalty": {"repetition_penalty": 1.7, "penalties_count_prompt": False},
    "no pair twice": {"no_repeat_ngram": 2, "penalties_count_prompt": False},
    "beams": {"beams": 5, "candidates": 3},
}


@pytest.mark.parametrize("rules", RULES)
def test_it_says_what_the_default_engine_says(engine: Engine, ours: Engine, rules: str) -> None:
    decoding = replace(GREEDY, **RULES[rules])
    assert told(engine, decoding) == told(ours, decoding)


def test_rules_hold_for_beams_too(engine: Engine) -> None:
    ruled = {"no_repeat_ngram": 2, "penalties_count_prompt": False, "banned": ("e",)}
    rows = engine.generate(PROMPTS, replace(GREEDY, beams=3, min_new_tokens=9, **ruled))
    for [each] in rows:
        pairs = list(zip(each.tokens, each.tokens[1:], strict=False))
        assert len(set(pairs)) == len(pairs) >= 8


def test_int8_says_much_the_same(source: Path, engine: Engine) -> None:
    reply = (Span("a hat"), Span("<|end|>", control=True))
    asked = PROMPTS, [reply] * len(PROMPTS)
    small = opened(converted(source, "int8")).score(*asked)
    pairs = zip(small, engine.score(*asked), strict=True)
    assert max(abs(a - b) for one, other in pairs for a, b in zip(one, other, strict=True)) < 1


def test_top_k_keeps_k_and_top_p_the_nucleus(engine: Engine) -> None:
    asked = replace(WARM, max_new_tokens=1, candidates=200)
    likely = replace(asked, top_k=4)
    firsts = Counter(each.tokens[0] for each in engine.generate(PROMPTS[:1], likely)[0])
    assert 1 < len(firsts) <= 4
    narrow = replace(asked, top_p=0.01)
    assert len({each.tokens for each in engine.generate(PROMPTS[:1], narrow)[0]}) == 1
    cold = replace(asked, temperature=0.01)
    assert len({each.tokens for each in engine.generate(PROMPTS[:1], cold)[0]}) == 1


def test_sampled_shares_are_those_of_the_model(engine: Engine) -> None:
    asked = replace(WARM, max_new_tokens=1, candidates=256, top_k=2)
    found = [each for _ in range(4) for each in engine.generate(PROMPTS[:1], asked)[0]]
    likely = {each.tokens[0]: math.exp(each.logprobs[0]) for each in found}
    counts = Counter(each.tokens[0] for each in found)
    assert len(likely) == 2
    for token, share in likely.items():
        expected = len(found) * share / sum(likely.values())
        assert abs(counts[token] - expected) < 5 * math.sqrt(expected) + 5


def test_what_was_sampled_tells_no_seed_and_what_was_not_tells_one(engine: Engine) -> None:
    assert engine.generate(PROMPTS[:1], replace(WARM, seed=5))[0][0].seed is None
    assert engine.generate(PROMPTS[:1], replace(GREEDY, seed=5))[0][0].seed == 5


def test_it_samples_only_where_replies_need_not_be_made_again(source: Path) -> None:
    strict = opened(source.with_name("tiny-float32"))
    with pytest.raises(UnsupportedDecoding, match="replayable=false in \\[engine\\]"):
        strict.generate(PROMPTS, WARM)
    assert strict.generate(PROMPTS, replace(GREEDY, seed=5))


@pytest.mark.parametrize("asked", [{"min_p": 0.1}, {"alternatives": 2}])
def test_what_it_cannot_do_is_refused_by_name(engine: Engine, asked: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedDecoding, match=f"CTranslate2 .* cannot do {[*asked][0]}="):
        engine.generate(PROMPTS, replace(WARM, **asked))


def test_penalties_over_a_decoders_prompt_are_refused(engine: Engine) -> None:
    decoding = replace(GREEDY, repetition_penalty=1.3)
    if engine.twofold:
        assert engine.generate(PROMPTS, decoding)
        return
    with pytest.raises(UnsupportedDecoding, match="set penalties_count_prompt=false"):
        engine.generate(PROMPTS, decoding)


def test_requests_of_many_kinds_in_one_batch_are_answered_each_as_alone(engine: Engine) -> None:
    each = [
        replace(GREEDY, max_new_tokens=4),
        replace(GREEDY, beams=3),
        replace(GREEDY, min_new_tokens=6, stop=("a",)),
    ]
    together = [row[0].tokens for row in engine.generate(PROMPTS, each)]
    pairs = zip(PROMPTS, each, strict=True)
    assert together == [engine.generate([p], d)[0][0].tokens for p, d in pairs]


def test_talks_that_come_one_by_one_share_calls(engine: Engine) -> None:
    calls: list[int] = []
    begin = engine.desk.begin  # type: ignore[attr-defined]

    def counted(requests: Sequence[Any], callback: Any) -> Any:
        calls.append(len(requests))
        return begin(requests, callback)

    engine.desk.begin = counted  # type: ignore[attr-defined]
    long = replace(GREEDY, max_new_tokens=60, min_new_tokens=60)
    alone = engine.generate(PROMPTS[:1], long)[0][0].text
    said: list[str] = []
    threads = [
        threading.Thread(target=lambda: said.append(engine.generate(PROMPTS[:1], long)[0][0].text))
        for _ in range(12)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    engine.desk.begin = begin  # type: ignore[attr-defined]
    assert said == [alone] * 12
    assert sum(calls) == 13 and len(calls) < 13


def test_a_reply_nobody_waits_for_gives_its_worker_back(engine: Engine) -> None:
    endless = replace(GREEDY, max_new_tokens=400, min_new_tokens=400)
    for _ in range(3):
        events = engine.events(PROMPTS, [endless] * 3)
        assert isinstance(next(events), Piece)
        events.close()  # type: ignore[attr-defined]  # it is a generator
    assert engine.generate(PROMPTS[:1], GREEDY)


def test_whoever_serves_is_asked_while_beams_are_searched(engine: Engine) -> None:
    class Gone(Exception):
        pass

    def gone() -> None:
        raise Gone

    engine.between = gone
    try:
        with pytest.raises(Gone):
            engine.generate(PROMPTS, replace(GREEDY, beams=2))
        with pytest.raises(Gone):
            engine.generate(PROMPTS, GREEDY)
    finally:
        del engine.between
    assert engine.generate(PROMPTS, GREEDY)


def test_beams_come_in_one_piece(engine: Engine) -> None:
    events = list(engine.events(PROMPTS[:1], [replace(GREEDY, beams=2)]))
    pieces = [each.text for each in events if isinstance(each, Piece)]
    [whole] = [each.completion.text for each in events if isinstance(each, Finished)]
    assert pieces == ([whole] if whole else [])


def test_a_reply_that_may_say_nothing_fails_alone(engine: Engine) -> None:
    tokens = engine.tokenizer  # type: ignore[attr-defined]
    every = tuple(tokens.vocabulary.ids)
    with pytest.raises(EngineError, match="no token is left to choose"):
        engine.generate(PROMPTS[:1], replace(GREEDY, banned=every))
    assert engine.generate(PROMPTS[:1], GREEDY)


def test_a_prompt_that_does_not_fit_is_refused_whole(source: Path) -> None:
    small = opened(source.with_name("tiny-float32"), context_window=24)
    assert small.context_window == 24
    with pytest.raises(PromptTooLong, match="the context window 24"):
        small.generate([prompt("and then " * 30)], GREEDY)
    with pytest.raises(PromptTooLong, match="24"):
        small.score([prompt("and then " * 30)], [(Span("a"),)])


def test_a_reply_ends_where_the_positions_do(source: Path) -> None:
    small = opened(source.with_name("tiny-float32"), context_window=24)
    [[reply]] = small.generate(PROMPTS[:1], replace(GREEDY, max_new_tokens=99, min_new_tokens=99))
    before = 1 if small.twofold else small.count_tokens(PROMPTS[0])
    assert (before + len(reply.tokens), reply.finish) == (24, "length")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"device": "gpu"}, "device is 'gpu'"),
        ({"compute_type": "int4"}, "did you mean 'int"),
        ({"threads": 0}, "threads is 0, must be at least 1"),
    ],
)
def test_a_wrong_setting_is_told_with_the_right_ones(
    source: Path, settings: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        opened(source.with_name("tiny-float32"), **settings)


def test_a_call_that_fails_leaves_its_worker_to_others(engine: Engine) -> None:
    desk = engine.desk  # type: ignore[attr-defined]
    begin = desk.begin

    def broken(step: Any) -> bool:
        raise ValueError("the library failed")

    def gone() -> None:
        raise KeyboardInterrupt

    desk.begin = lambda requests, callback: begin(requests, broken)
    try:
        with pytest.raises(EngineError, match="the library failed"):
            engine.generate(PROMPTS[:1], GREEDY)
        engine.between = gone
        with pytest.raises(KeyboardInterrupt):
            engine.generate(PROMPTS[:1], GREEDY)
    finally:
        desk.begin = begin
        engine.__dict__.pop("between", None)
    assert engine.generate(PROMPTS[:1], GREEDY)
