"""The decode loop: a reply depends on its prompt, its decoding and its seed, to the last bit."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.engines.pairs import paired

from tertulia import engines
from tertulia.decoding import Decoding
from tertulia.engines import Completion, Finished
from tertulia.engines.onnxruntime import OnnxRuntime
from tertulia.engines.onnxruntime.cache import Prefixes, Room
from tertulia.engines.onnxruntime.prefill import BLOCK, STRETCH, Prefill, stretch
from tertulia.errors import EngineError
from tertulia.prompt import Prompt, Span

WORDS = ("the ", "and then ", "A ", "rain, ", "I am ", "oh! ")
SAMPLED = Decoding(temperature=1.0, top_k=40, top_p=0.95, max_new_tokens=12)


def prompt(words: int, turn: int = 0) -> Prompt:
    text = "".join(WORDS[(turn + n * n) % len(WORDS)] for n in range(words))
    return Prompt((Span("<|begin|>", control=True), Span(f" {text}")), stop=("<|end|>",))


def bits(completion: Completion) -> tuple[object, ...]:
    return completion.text, completion.tokens, completion.logprobs, completion.finish


def said(engine: OnnxRuntime, prompt: Prompt, decoding: Decoding) -> list[tuple[object, ...]]:
    return [bits(each) for each in engine.generate([prompt], decoding)[0]]


def test_a_reply_is_the_same_to_the_last_bit_alone_and_among_others(
    each_arithmetic: OnnxRuntime,
) -> None:
    prompts = [prompt(2 + 3 * n, n) for n in range(32)]
    decodings = [replace(SAMPLED, seed=n, max_new_tokens=4 + n % 9) for n in range(32)]
    together = each_arithmetic.generate(prompts, decodings)
    for n in (0, 1, 7, 18, 31):
        alone = said(each_arithmetic, prompts[n], decodings[n])
        assert [bits(each) for each in together[n]] == alone


def test_rows_that_join_and_leave_in_mid_reply_change_nothing(each_arithmetic: OnnxRuntime) -> None:
    decoding = replace(SAMPLED, seed=3, max_new_tokens=20)
    alone = said(each_arithmetic, prompt(9), decoding)
    events = each_arithmetic.events([prompt(9)], [decoding])
    met = [next(events), next(events)]
    each_arithmetic.generate([prompt(4), prompt(30)], replace(SAMPLED, seed=1, candidates=3))
    met += list(events)
    assert [bits(each.completion) for each in met if isinstance(each, Finished)] == alone


def test_a_kept_prefix_changes_no_bit(each_arithmetic: OnnxRuntime) -> None:
    decoding = replace(SAMPLED, seed=5)
    each_arithmetic.prefixes.clear()
    cold = each_arithmetic.generate([prompt(40)], decoding)[0][0]
    each_arithmetic.prefixes.clear()
    each_arithmetic.generate([prompt(23)], decoding)
    warm = each_arithmetic.generate([prompt(40)], decoding)[0][0]
    assert cold.cached_tokens == 0
    assert warm.cached_tokens > 20
    assert bits(cold) == bits(warm)


def test_what_was_read_ahead_changes_no_bit(each_arithmetic: OnnxRuntime) -> None:
    decoding = replace(SAMPLED, seed=5)
    each_arithmetic.prefixes.clear()
    cold = each_arithmetic.generate([prompt(40)], decoding)[0][0]
    each_arithmetic.prefixes.clear()
    each_arithmetic.read_ahead([prompt(23), prompt(31)], lambda: True)
    ahead = each_arithmetic.generate([prompt(40)], decoding)[0][0]
    assert ahead.cached_tokens > 20
    assert bits(cold) == bits(ahead)


def test_reading_ahead_ends_when_nobody_wants_it_and_keeps_what_it_has(engine: OnnxRuntime) -> None:
    engine.prefixes.clear()
    words = prompt(100)
    assert engine.count_tokens(words) > STRETCH + BLOCK
    wanted = iter([True, False])
    engine.read_ahead([words], lambda: next(wanted))
    reply = engine.generate([words], replace(SAMPLED, max_new_tokens=1))[0][0]
    assert STRETCH // 2 < reply.cached_tokens <= STRETCH


def test_reading_ahead_gives_way_to_a_reply(engine: OnnxRuntime) -> None:
    engine.prefixes.clear()
    with closing(engine.events([prompt(9)], [SAMPLED])) as events:
        next(events)
        engine.read_ahead([prompt(40)], lambda: True)
    assert len(engine.prefixes.kept) == 1


def test_an_encoder_is_not_read_ahead() -> None:
    engine = paired("t5").engine
    engine.sources.clear()
    engine.read_ahead([prompt(9), prompt(12)], lambda: True)
    assert not engine.sources.kept


def processed(engine: OnnxRuntime, ids: np.ndarray, prefixes: Prefixes) -> Prefill:
    prefill = Prefill(engine.network, prefixes, ids)
    while not prefill.done:
        prefill.step()
    prefixes.add(ids, prefill.kept)
    return prefill


@pytest.mark.parametrize("size", [33, 129, 257, 300])
def test_wherever_a_kept_prompt_ends_keys_values_and_logits_are_the_same(
    each_arithmetic: OnnxRuntime, size: int
) -> None:
    ids = np.random.default_rng(size).integers(0, each_arithmetic.tokenizer.size, size)
    whole = processed(each_arithmetic, ids, Prefixes(0))
    for cut in (2, 3, 11, 17, 32, 33, size - 34, size - 17, size - 2, size - 1):
        prefixes = Prefixes(1 << 30)
        processed(each_arithmetic, ids[: max(cut, 2)], prefixes)
        warm = processed(each_arithmetic, ids, prefixes)
        assert warm.cached > 0
        assert np.array_equal(whole.kept, warm.kept)
        assert np.array_equal(whole.logits, warm.logits)


@pytest.mark.parametrize("rest", [*range(2, 40), *range(250, 300), 513, 529])
def test_no_stretch_of_a_prompt_leaves_a_lone_token(rest: int) -> None:
    while rest:
        size = stretch(rest)
        assert 2 <= size <= STRETCH
        assert size % BLOCK != 1
        rest -= size


def test_more_threads_change_no_bit(tiny: Path, engine: OnnxRuntime) -> None:
    two = engines.load("onnxruntime", model=tiny, threads=2)
    decoding = replace(SAMPLED, seed=2, candidates=3)
    assert [bits(each) for each in two.generate([prompt(20)], decoding)[0]] == said(
        engine, prompt(20), decoding
    )


def test_a_candidate_is_the_same_however_many_are_asked_for(engine: OnnxRuntime) -> None:
    three = said(engine, prompt(5), replace(SAMPLED, seed=9, candidates=3))
    seven = said(engine, prompt(5), replace(SAMPLED, seed=9, candidates=7))
    assert seven[:3] == three
    assert len(set(seven)) > 1


def test_more_candidates_than_rows_wait_their_turn(tiny: Path, engine: OnnxRuntime) -> None:
    narrow = engines.load("onnxruntime", model=tiny, threads=1, max_rows=2)
    decoding = replace(SAMPLED, seed=4, candidates=5)
    wide = said(engine, prompt(6), decoding)
    assert [bits(each) for each in narrow.generate([prompt(6)], decoding)[0]] == wide


def test_a_drawn_seed_is_told_and_replays(engine: OnnxRuntime) -> None:
    first = engine.generate([prompt(3)], SAMPLED)[0][0]
    assert first.seed is not None
    assert said(engine, prompt(3), replace(SAMPLED, seed=first.seed)) == [bits(first)]


def test_closing_the_iterator_frees_every_row_at_once(engine: OnnxRuntime) -> None:
    asked = [prompt(5), prompt(90), prompt(7)]
    with closing(engine.events(asked, [replace(SAMPLED, candidates=4)] * 3)) as events:
        next(events)
    scheduler = engine.scheduler
    assert not scheduler.live and not scheduler.slots.rows and not scheduler.queue
    assert not scheduler.posted


def test_rows_that_an_interrupt_left_behind_are_freed(engine: OnnxRuntime) -> None:
    halves, groups, head = engine.scheduler.slots.sizes
    engine.scheduler.slots.take(np.zeros((halves, groups, 3, head), np.float32))
    with closing(engine.events([prompt(3)], [SAMPLED])) as events:
        next(events)
    assert not engine.scheduler.slots.rows


def test_rows_that_end_together_move_nobody(
    engine: OnnxRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved: list[int] = []
    monkeypatch.setattr(Room, "move", lambda self, *places: moved.append(places[0]))
    engine.generate([prompt(6)], replace(SAMPLED, seed=2, candidates=5, min_new_tokens=12))
    assert moved == []


@pytest.mark.parametrize("order", [1, -1])
def test_talks_that_wait_together_are_given_room_once_at_the_most(
    engine: OnnxRuntime, order: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = [prompt(4 + 12 * n) for n in range(8)][::order]
    shaped: list[Room] = []
    shape = Room.shape

    def counted(room: Room, rows: int, positions: int) -> None:
        shaped.append(room)
        shape(room, rows, positions)

    for each in (engine, paired("t5").engine):
        slots = each.scheduler.slots
        for room in filter(None, (slots.said, slots.sources)):
            room.rest(0)
        with monkeypatch.context() as patched:
            patched.setattr(Room, "shape", counted)
            each.generate(prompts, SAMPLED)
    assert shaped
    assert max(shaped.count(room) for room in shaped) == 1


def test_two_callers_at_once_get_what_each_gets_alone(engine: OnnxRuntime) -> None:
    asked = [(prompt(5 + n), replace(SAMPLED, seed=n, candidates=2)) for n in range(4)]
    alone = [said(engine, *each) for each in asked]
    with ThreadPoolExecutor(4) as callers:
        assert list(callers.map(lambda each: said(engine, *each), asked)) == alone


def test_a_request_that_fails_leaves_the_others_alone(engine: OnnxRuntime) -> None:
    good, decoding = prompt(8), replace(SAMPLED, seed=6)
    alone = said(engine, good, decoding)
    nothing = tuple(engine.tokenizer.vocabulary.ids)
    events = engine.events([good], [decoding])
    first = next(events)
    with pytest.raises(EngineError, match="forbid every token"):
        engine.generate([prompt(4)], replace(decoding, banned=nothing))
    rest = [each.completion for each in (first, *events) if isinstance(each, Finished)]
    assert [bits(each) for each in rest] == alone
