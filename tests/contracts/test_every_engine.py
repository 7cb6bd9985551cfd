"""What every engine promises, held by every file on the shelf by existing."""

import math
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import pytest

from tertulia.decoding import Decoding
from tertulia.engines import Engine, Event, Finished, Piece
from tertulia.errors import UnsupportedDecoding
from tertulia.prompt import Message, Prompt, Span


def prompt(text: str) -> Prompt:
    begin, says = Span("<|begin|>", control=True), Span("<|says|>", control=True)
    spans = (begin, Span(text, field="turns.0.text"), says)
    return Prompt(spans, stop=("<|end|>",), messages=(Message("user", text),))


PROMPTS = (prompt("hello there"), prompt("the"), prompt("and then a good deal more of this"))
SHORT = Decoding(max_new_tokens=6, seed=7)


def texts(engine: Engine, prompts: Sequence[Prompt], decoding: Decoding) -> list[list[str]]:
    return [[each.text for each in row] for row in engine.generate(prompts, decoding)]


def alike(engine: Engine, **changed: Any) -> Decoding:
    """What says the same each time: with a seed, or without any chance where seeds have no effect.

    The best of a search by beams are its candidates then.
    """
    decoding = replace(SHORT, **changed)
    return decoding if engine.replays else replace(decoding, temperature=0.0, beams=4)


def test_completions_come_as_prompts_by_candidates(engine: Engine) -> None:
    rows = engine.generate(PROMPTS, replace(SHORT, candidates=2))
    assert [len(row) for row in rows] == [2, 2, 2]


def test_no_prompts_make_no_completions(engine: Engine) -> None:
    assert engine.generate([], SHORT) == []


def test_a_batch_says_what_its_prompts_say_alone(engine: Engine) -> None:
    decoding = alike(engine, candidates=2)
    together = texts(engine, PROMPTS, decoding)
    assert together == [texts(engine, [each], decoding)[0] for each in PROMPTS]


def test_each_prompt_of_a_batch_has_its_own_decoding(engine: Engine) -> None:
    each = [alike(engine, seed=seed, max_new_tokens=seed) for seed in (1, 2, 3)]
    together = [row[0].text for row in engine.generate(PROMPTS, each)]
    alone = [texts(engine, [p], d)[0][0] for p, d in zip(PROMPTS, each, strict=True)]
    assert together == alone


def test_a_candidate_does_not_depend_on_how_many_there_are(engine: Engine) -> None:
    few, many = alike(engine, candidates=2), alike(engine, candidates=4)
    assert texts(engine, PROMPTS[:1], few)[0] == texts(engine, PROMPTS[:1], many)[0][:2]


def test_the_same_seed_says_the_same(engine: Engine) -> None:
    asked = alike(engine)
    assert texts(engine, PROMPTS, asked) == texts(engine, PROMPTS, asked)


def test_other_seeds_say_other_things(engine: Engine) -> None:
    said = {texts(engine, PROMPTS[:1], replace(SHORT, seed=seed))[0][0] for seed in range(6)}
    assert len(said) > 1


def test_a_seed_that_was_drawn_is_told_and_replays(engine: Engine) -> None:
    first = engine.generate(PROMPTS[:1], replace(SHORT, seed=None))[0][0]
    assert (first.seed is not None) == engine.replays
    if not engine.replays:
        return
    again = engine.generate(PROMPTS[:1], replace(SHORT, seed=first.seed))[0][0]
    assert (again.text, again.seed) == (first.text, first.seed)


def test_a_stream_adds_up_to_the_reply(engine: Engine) -> None:
    asked = alike(engine)
    assert "".join(engine.stream(PROMPTS[0], asked)) == texts(engine, PROMPTS[:1], asked)[0][0]


def test_the_pieces_of_every_candidate_add_up(engine: Engine) -> None:
    each = [replace(SHORT, candidates=2)] * len(PROMPTS)
    heard: dict[tuple[int, int], str] = {}
    whole: dict[tuple[int, int], str] = {}
    event: Event
    for event in engine.events(PROMPTS, each):
        place = (event.prompt, event.candidate)
        if isinstance(event, Piece):
            assert event.text and place not in whole
            heard[place] = heard.get(place, "") + event.text
        elif isinstance(event, Finished):
            whole[place] = event.completion.text
    assert {place: heard.get(place, "") for place in whole} == whole
    assert len(whole) == 2 * len(PROMPTS)


def test_a_reply_is_never_longer_than_allowed(engine: Engine) -> None:
    for row in engine.generate(PROMPTS, replace(SHORT, max_new_tokens=2)):
        assert row[0].completion_tokens is None or 1 <= row[0].completion_tokens <= 2
        assert len(row[0].tokens) <= 2


def test_it_is_told_why_a_reply_ended(engine: Engine) -> None:
    rows = engine.generate(PROMPTS, replace(SHORT, candidates=3))
    assert {each.finish for row in rows for each in row} <= {"stop", "length"}


def test_a_stream_that_is_closed_early_leaves_the_engine_usable(engine: Engine) -> None:
    asked = alike(engine)
    before = texts(engine, PROMPTS, asked)
    for _ in range(3):
        events = engine.events(PROMPTS, [SHORT] * len(PROMPTS))
        next(events)
        events.close()  # type: ignore[attr-defined]  # every engine's is a generator
    assert texts(engine, PROMPTS, asked) == before


ASKED: dict[str, dict[str, Any]] = {
    "temperature": {"temperature": 0.5},
    "top_k": {"top_k": 3},
    "top_p": {"top_p": 0.5},
    "min_p": {"min_p": 0.2},
    "beams": {"beams": 2, "temperature": 0.0},
    "candidates": {"candidates": 2},
    "max_new_tokens": {"max_new_tokens": 3},
    "min_new_tokens": {"min_new_tokens": 2},
    "max_length": {"max_length": 400},
    "min_length": {"min_length": 2},
    "repetition_penalty": {"repetition_penalty": 1.3},
    "no_repeat_ngram": {"no_repeat_ngram": 2},
    "penalties_count_prompt": {"penalties_count_prompt": False},
    "length_penalty": {"length_penalty": 2.0},
    "stop": {"stop": ("e",)},
    "banned": {"banned": ("<|end|>",)},
    "seed": {"seed": 3},
    "alternatives": {"alternatives": 3},
}


def test_every_setting_is_tried_below() -> None:
    assert set(ASKED) == {each.name for each in fields(Decoding)}


@pytest.mark.parametrize("field", ASKED)
def test_a_setting_is_honoured_or_refused_by_name(engine: Engine, field: str) -> None:
    decoding = Decoding(**{"max_new_tokens": 5, **ASKED[field]})
    if field in engine.honours or field == "max_new_tokens":
        assert engine.generate(PROMPTS[:1], decoding)[0]
    else:
        with pytest.raises(UnsupportedDecoding, match=rf"cannot do .*{field}|{field}=.*: leave"):
            engine.generate(PROMPTS[:1], decoding)


def test_a_stop_string_is_not_part_of_the_reply(engine: Engine) -> None:
    if "stop" not in engine.honours:
        with pytest.raises(UnsupportedDecoding, match="stop"):
            engine.generate(PROMPTS, replace(SHORT, stop=("a",)))
        return
    rows = engine.generate(PROMPTS, replace(SHORT, stop=("a", "e"), candidates=4))
    assert not [each.text for row in rows for each in row if "a" in each.text or "e" in each.text]


def test_probabilities_are_one_for_each_token_or_none(engine: Engine) -> None:
    for row in engine.generate(PROMPTS, SHORT):
        assert len(row[0].logprobs) in (0, len(row[0].tokens))
        assert all(-math.inf < each <= 0 for each in row[0].logprobs)


def test_a_reply_is_scored_alone_as_in_a_batch_or_not_at_all(engine: Engine) -> None:
    reply = (Span("a hat"), Span("<|end|>", control=True))
    try:
        together = engine.score(PROMPTS, [reply] * len(PROMPTS))
    except UnsupportedDecoding as refused:
        assert "onnxruntime or transformers" in str(refused)
        return
    alone = [engine.score([each], [reply])[0] for each in PROMPTS]
    assert together == alone
    assert all(each <= 0 for each in together[0])
    assert len(together[0]) == len("a hat") + 1


def test_a_longer_prompt_has_more_tokens(engine: Engine) -> None:
    assert 0 < engine.count_tokens(PROMPTS[1]) < engine.count_tokens(PROMPTS[2])
