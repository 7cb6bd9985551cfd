"""Decoding: what may be asked for, and the published ways of asking."""

import math
from dataclasses import fields
from typing import Any

import pytest

from tertulia.decoding import MAX_CANDIDATES, PRESETS, RANGES, Decoding, preset
from tertulia.errors import UnknownName


@pytest.mark.parametrize(("name", "low", "high", "cure"), RANGES)
def test_what_is_out_of_range_is_refused_with_the_cure(
    name: str, low: float, high: float, cure: str
) -> None:
    for value in (low - 1, high + 1, math.nan):
        with pytest.raises(ValueError, match=f"{name} is .*{cure}"):
            Decoding(**{name: value})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"top_p": 0.0}, "keeps no token"),
        ({"beams": 2}, "beam search does not sample"),
        ({"temperature": 0.0, "candidates": 2}, "greedy candidates would be identical"),
        ({"temperature": 0.0, "candidates": 3, "beams": 2}, "set beams to at least candidates"),
        ({"stop": ("",)}, "empty string"),
        ({"stop": "END"}, "wrap it"),
        ({"banned": "[SEPT]"}, "wrap it"),
        ({"min_new_tokens": 9, "max_new_tokens": 8}, "more than max_new_tokens"),
        ({"min_length": 9, "max_length": 8}, "more than max_length"),
    ],
)
def test_what_contradicts_itself_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Decoding(**settings)


def test_a_misspelt_setting_is_refused() -> None:
    with pytest.raises(TypeError, match="temprature"):
        Decoding(temprature=0.0)  # type: ignore[call-arg]  # the point of the test


def test_every_number_has_a_range() -> None:
    ranged = {name for name, *_ in RANGES}
    plain = {"top_p", "penalties_count_prompt", "stop", "banned"}
    assert {each.name for each in fields(Decoding)} - ranged <= plain


def test_only_the_settings_that_differ_from_the_default_are_changed() -> None:
    assert Decoding(seed=1, top_k=0, temperature=0.5).changed() == ("temperature", "seed")
    assert Decoding().changed() == ()


def test_temperature_zero_is_greedy_unless_there_are_beams() -> None:
    assert Decoding(temperature=0.0).greedy
    assert not Decoding(temperature=0.0, beams=2).greedy
    assert not Decoding().greedy


def test_as_many_candidates_as_allowed_can_be_asked_for() -> None:
    assert Decoding(candidates=MAX_CANDIDATES).candidates == MAX_CANDIDATES


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_names_its_source(name: str) -> None:
    assert len(preset(name).source) > 10


def test_a_wrong_preset_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'persona_gpt'"):
        preset("personagpt")


PUBLISHED: dict[str, dict[str, Any]] = {
    "cosmo": {"temperature": 1.0, "top_p": 0.95, "top_k": 50, "max_new_tokens": 128},
    "godel_card": {
        "temperature": 1.0,
        "top_p": 0.9,
        "top_k": 50,
        "max_length": 128,
        "min_length": 8,
    },
    "godel_server": {
        "temperature": 0.0,
        "max_length": 128,
        "min_length": 32,
        "no_repeat_ngram": 4,
    },
    "godel_evaluation": {"temperature": 0.0, "beams": 5, "max_length": 128},
    "thanos_card": {"temperature": 0.9, "top_p": 1.0, "top_k": 50, "max_new_tokens": 256},
    "thanos_eval": {
        "temperature": 1.0,
        "top_p": 0.9,
        "top_k": 50,
        "max_new_tokens": 256,
        "seed": 0,
    },
    "persona_gpt": {"temperature": 1.0, "top_k": 10, "top_p": 0.92, "max_length": 1000},
    "dialogpt": {"temperature": 0.0, "max_length": 1000},
    "meena_sample_and_rank": {"temperature": 0.88, "candidates": 20, "top_k": 0, "top_p": 1.0},
}
PINGPONG = {
    "max_length": 48,
    "min_length": 8,
    "repetition_penalty": 1.3,
    "no_repeat_ngram": 3,
    "candidates": 10,
    "seed": 42,
}
TOP_P = {**PINGPONG, "temperature": 1.0, "top_p": 0.8, "top_k": 50, "beams": 1}
BEAM = {**PINGPONG, "temperature": 0.0, "beams": 10}
PUBLISHED |= {
    "pingpong_gpt_top_p": {**TOP_P, "banned": ("[SEPT]",)},
    "pingpong_gpt_beam_search": {**BEAM, "banned": ("[SEPT]",)},
    "pingpong_meena_top_p": {**TOP_P, "banned": ()},
    "pingpong_meena_beam_search": {**BEAM, "banned": ()},
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_preset_says_what_was_published(name: str) -> None:
    found = preset(name).decoding
    assert {key: getattr(found, key) for key in PUBLISHED[name]} == PUBLISHED[name]


def test_every_published_preset_is_checked() -> None:
    assert set(PRESETS) - set(PUBLISHED) == {"native", "greedy"}


def test_a_search_by_beams_tells_no_alternatives() -> None:
    with pytest.raises(ValueError, match="set alternatives=0, or beams=1"):
        Decoding(temperature=0, beams=2, alternatives=1)
