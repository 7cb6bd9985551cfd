"""Encoder-decoder families on the default engine: what every engine promises, to the last bit."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.contracts import test_every_engine
from tests.tiny_seq2seq import FAMILIES
from tests.tiny_seq2seq import tiny_seq2seq as written

from tertulia import engines
from tertulia.decoding import Decoding
from tertulia.engines import Completion, Finished
from tertulia.engines.onnxruntime import OnnxRuntime
from tertulia.engines.onnxruntime.cache import Slots, Sources
from tertulia.engines.onnxruntime.t5 import bucket
from tertulia.prompt import Prompt, Span

globals().update(
    {name: each for name, each in vars(test_every_engine).items() if name.startswith("test_")}
)

SAMPLED = Decoding(temperature=1.0, top_k=40, top_p=0.95, max_new_tokens=12)
GREEDY = Decoding(temperature=0.0, max_new_tokens=8)
WORDS = ("the ", "and then ", "A ", "rain, ", "I am ", "oh! ")


def opened(folder: Path, **settings: object) -> OnnxRuntime:
    engine = engines.load("onnxruntime", model=str(folder), **{"threads": 1, **settings})
    assert isinstance(engine, OnnxRuntime)
    return engine


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder of each family."""
    return {name: written(tmp_path_factory.mktemp(name), FAMILIES[name]) for name in FAMILIES}


@pytest.fixture(scope="module")
def engine(tiny: dict[str, Path]) -> Iterator[OnnxRuntime]:
    """The contract of every engine is met by this one, too."""
    yield opened(tiny["t5"])


@pytest.fixture(
    scope="module",
    params=[(name, arithmetic) for name in FAMILIES for arithmetic in ("int8", "float32")],
    ids="-".join,
)
def each(request: pytest.FixtureRequest, tiny: dict[str, Path]) -> OnnxRuntime:
    name, arithmetic = request.param
    return opened(tiny[name], quantization=arithmetic)


def prompt(words: int, turn: int = 0) -> Prompt:
    text = "".join(WORDS[(turn + n * n) % len(WORDS)] for n in range(words))
    return Prompt((Span(text),), stop=("<|end|>",), closing=("<|end|>",))


def bits(completion: Completion) -> tuple[object, ...]:
    return completion.text, completion.tokens, completion.logprobs, completion.finish


def said(engine: OnnxRuntime, prompt: Prompt, decoding: Decoding) -> list[tuple[object, ...]]:
    return [bits(one) for one in engine.generate([prompt], decoding)[0]]


def test_a_ragged_batch_says_to_the_last_bit_what_each_says_alone(each: OnnxRuntime) -> None:
    prompts = [prompt(1 + n % 7, n) for n in range(12)]
    decodings = [replace(SAMPLED, seed=n, max_new_tokens=3 + n % 9) for n in range(12)]
    together = each.generate(prompts, decodings)
    each.sources.clear()
    for n in (0, 1, 6, 11):
        assert [bits(one) for one in together[n]] == said(each, prompts[n], decodings[n])


def test_rows_that_join_and_leave_in_mid_reply_change_nothing(each: OnnxRuntime) -> None:
    decoding = replace(SAMPLED, seed=3, candidates=2)
    alone = said(each, prompt(5), decoding)
    events = each.events([prompt(5)], [decoding])
    met = [next(events), next(events)]
    each.generate([prompt(2), prompt(7)], replace(SAMPLED, seed=1, candidates=3))
    met += list(events)
    whole = {one.candidate: bits(one.completion) for one in met if isinstance(one, Finished)}
    assert [whole[0], whole[1]] == alone


def test_one_candidate_is_the_first_of_many(each: OnnxRuntime) -> None:
    one = said(each, prompt(4), replace(SAMPLED, seed=9))
    many = said(each, prompt(4), replace(SAMPLED, seed=9, candidates=5))
    assert many[:1] == one
    assert len(set(many)) > 1


def test_a_kept_source_changes_no_bit_and_is_told(each: OnnxRuntime) -> None:
    decoding = replace(SAMPLED, seed=5)
    each.sources.clear()
    cold, warm = (each.generate([prompt(6)], decoding)[0][0] for _ in range(2))
    longer = each.generate([prompt(7)], decoding)[0][0]
    assert bits(cold) == bits(warm)
    assert (cold.cached_tokens, warm.cached_tokens) == (0, warm.prompt_tokens)
    assert longer.cached_tokens == 0


def test_a_given_reply_scores_as_it_did_when_it_was_said(each: OnnxRuntime) -> None:
    whole = each.generate([prompt(3)], replace(GREEDY, banned=all_but(each, "a")))[0][0]
    scores = each.score([prompt(3)], [[Span("aaaaaaaa")]])[0]
    assert scores == pytest.approx(whole.logprobs, abs=0.3)
    assert each.score([prompt(3), prompt(6)], [[Span("aaaaaaaa")]] * 2)[0] == scores


def all_but(engine: OnnxRuntime, name: str) -> tuple[str, ...]:
    return tuple(each for each in engine.tokenizer.vocabulary.ids if each != name)


def test_more_threads_change_no_bit(tiny: dict[str, Path]) -> None:
    decoding = replace(SAMPLED, seed=2, candidates=3)
    one, two = (opened(tiny["t5"], threads=n) for n in (1, 2))
    assert said(two, prompt(7), decoding) == said(one, prompt(7), decoding)


def test_more_candidates_than_rows_or_bytes_wait_their_turn(
    tiny: dict[str, Path], engine: OnnxRuntime
) -> None:
    decoding = replace(SAMPLED, seed=4, candidates=5)
    wide = said(engine, prompt(6), decoding)
    narrow = opened(tiny["t5"], max_rows=2)
    poor = opened(tiny["t5"])
    poor.scheduler.max_positions = 100
    assert said(narrow, prompt(6), decoding) == said(poor, prompt(6), decoding) == wide


def test_closing_the_iterator_frees_every_row(engine: OnnxRuntime) -> None:
    events = engine.events([prompt(5), prompt(7)], [replace(SAMPLED, candidates=4)] * 2)
    next(events)
    events.close()  # type: ignore[attr-defined]  # a generator
    assert not engine.scheduler.slots.rows and not engine.scheduler.live


def test_a_row_keeps_its_source_when_others_come_and_go() -> None:
    slots = Slots(layers=1, groups=1, head=16, window=300, sources=1000)
    made = [np.full((2, 1, 5 + 150 * n, 16), n, np.float32) for n in range(5)]
    rows = [slots.take(each[:, :, :2], each) for each in made]
    slots.free(rows[1])
    slots.free(rows[0])
    assert sorted(slot.place for slot in slots.rows) == [0, 1, 2]
    assert slots.sources is not None
    for n in (2, 3, 4):
        row = slots.sources.array[:, rows[n].place, :, : rows[n].source]
        assert np.array_equal(row, made[n])


def test_sources_are_found_by_exactly_their_ids_the_least_used_goes_first() -> None:
    room = np.zeros((2, 1, 3, 16), np.float32)
    sources = Sources(budget=2 * room.nbytes)
    first, second, third = (np.array([n, 1, 2]) for n in (7, 8, 9))
    sources.add(first, room)
    sources.add(second, room)
    assert sources.find(first) is room
    sources.add(third, room)
    assert sources.find(first[:2]) is None
    assert [sources.find(ids) is not None for ids in (first, second, third)] == [True, False, True]


def test_a_source_counts_for_no_penalty(each: OnnxRuntime) -> None:
    asked = replace(prompt(0), spans=(Span("aaaaaaa"),))
    only = replace(GREEDY, banned=all_but(each, "a"), max_new_tokens=2, no_repeat_ngram=2)
    assert each.generate([asked], only)[0][0].tokens


def test_buckets_are_near_by_one_then_wider_and_the_last_has_no_end() -> None:
    said = bucket(-np.arange(0, 300), 32, 128, both=False)
    assert said[:16].tolist() == list(range(16))
    assert (np.diff(said) >= 0).all() and said[127] == said[299] == 31
    read = bucket(np.array([-1, 0, 1, 500]), 32, 128, both=True)
    assert read.tolist() == [1, 0, 17, 31]
