"""What every file in rankers/ promises, by existing."""

import math
from collections.abc import Sequence
from dataclasses import is_dataclass

import pytest

from tertulia import engines, formats, rankers, registry
from tertulia.conversation import Conversation
from tertulia.engines import Completion
from tertulia.errors import ConfigError, UnsupportedDecoding
from tertulia.rankers import DROPPED, Candidate, Ranker

NAMES = registry.names("tertulia.rankers")
TALK = Conversation().said("User", "How are you?").said("Agent", "Fine.").said("User", "Sure?")
TEXTS = ("I am fine, thank you.", "Fine.", "", "I am\0 well.", "no " * 500)


def ranker(name: str) -> Ranker:
    return rankers.load(name, format=formats.load("native"), engine=engines.load("scripted"))


def candidates(texts: Sequence[str] = TEXTS) -> list[Candidate]:
    made = [
        Completion(text=text, tokens=(1, 2), logprobs=(-1.0, -2.0), finish="stop") for text in texts
    ]
    return [Candidate(text=each.text, image="", completion=each) for each in made]


def scores(name: str, talk: Conversation, texts: Sequence[str]) -> list[float]:
    """Skips where a ranker needs more than the scripted engine can tell, and says so."""
    try:
        return ranker(name).score(talk, candidates(texts))
    except UnsupportedDecoding as needs_more:
        assert "use" in str(needs_more)
        pytest.skip(f"the scripted engine cannot: {needs_more}")


@pytest.mark.parametrize("name", NAMES)
def test_it_has_the_name_of_its_file(name: str) -> None:
    assert ranker(name).name.split(":")[0] == name


@pytest.mark.parametrize("name", NAMES)
def test_its_settings_are_frozen_and_all_have_a_default(name: str) -> None:
    settings = registry.load("tertulia.rankers", name).Settings
    assert is_dataclass(settings()) and settings.__dataclass_params__.frozen  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_setting_is_refused_by_name(name: str) -> None:
    with pytest.raises(ConfigError, match="no key 'wieght'"):
        rankers.load(name, format=formats.load("native"), engine=engines.load("scripted"), wieght=1)


@pytest.mark.parametrize("talk", [Conversation(), TALK], ids=["empty", "talk"])
@pytest.mark.parametrize("name", NAMES)
def test_there_is_one_score_for_each_candidate(name: str, talk: Conversation) -> None:
    found = scores(name, talk, TEXTS)
    assert len(found) == len(TEXTS)
    assert all(score == DROPPED or math.isfinite(score) for score in found)


@pytest.mark.parametrize("name", NAMES)
def test_no_candidates_have_no_scores(name: str) -> None:
    assert scores(name, TALK, ()) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_score_does_not_depend_on_the_order_of_the_candidates(name: str) -> None:
    assert scores(name, TALK, TEXTS)[::-1] == scores(name, TALK, TEXTS[::-1])
