"""Candidates that say again what was said are dropped."""

import pytest

from tertulia import Agent, engines, formats, rankers
from tertulia.conversation import Conversation
from tertulia.decoding import Decoding
from tertulia.engines import Completion
from tertulia.errors import ConfigError
from tertulia.rankers import DROPPED, Candidate, Ranker

TALK = (
    Conversation()
    .said("User", "Tell me of the old harbour, please.")
    .said("Agent", "The old harbour is full of small boats and big stories.")
    .said("User", "Oh?")
)


def ranker(**settings: object) -> Ranker:
    engine = engines.load("scripted")
    return rankers.load("no_repeat", format=formats.load("native"), engine=engine, **settings)


def dropped(text: str, talk: Conversation = TALK, **settings: object) -> bool:
    candidate = Candidate(text=text, image="", completion=Completion(text=text))
    [score] = ranker(**settings).score(talk, [candidate])
    assert score in (0.0, DROPPED)
    return score == DROPPED


@pytest.mark.parametrize(
    "text",
    [
        "tell me of the old harbour please",
        "OH!",
        "Well, the old harbour is full of small boats, as I said.",
        "Small boats and big stories.",
        "I like the sea. You know, I like the sea.",
        "No no no no.",
        "I love hibbbbbbbbbbbb",
        "My name is Kaenenenenenenen",
    ],
)
def test_a_repetition_is_dropped(text: str) -> None:
    assert dropped(text)


@pytest.mark.parametrize(
    "text",
    [
        "The boats leave at dawn.",
        "The old harbour sleeps now.",
        "No, no.",
        "",
        "…",
        "I like it. I do.",
        "Soooo good! Hahaha! ㅋㅋㅋㅋㅋㅋㅋㅋ",
    ],
)
def test_what_is_new_is_kept(text: str) -> None:
    assert not dropped(text)


def test_words_of_the_other_side_may_be_taken_up() -> None:
    assert not dropped("I can tell you of the old harbour, please sit.")
    assert not dropped("So you ask me to tell me of the old harbour please?")


def test_characters_count_as_words_where_words_are_not_parted() -> None:
    talk = Conversation().said("Agent", "私は猫がとても好きです。")
    assert dropped("そう、猫がとても好きです", talk) and not dropped("私は犬が好き。", talk)


def test_each_rule_can_be_switched_off() -> None:
    assert not dropped("No no no no no.", stutter=0, inner_run=0)
    assert not dropped("Mmmmmmmmmmmmmm", letters=0)
    assert not dropped("Small boats and big stories.", overlap=0.0)
    run = "Well, the old harbour is full of small boats, as I said."
    assert not dropped(run, shared_run=0, overlap=0.0)


def test_a_new_candidate_is_said_before_one_that_repeats() -> None:
    engine = engines.load("scripted", lines=("Oh?", "They all came home."))
    agent = Agent(
        format=formats.load("native"),
        engine=engine,
        decoding=Decoding(candidates=2),
        rankers=(ranker(),),
    )
    reply = agent.reply(TALK, seed=0)
    assert reply.text == "They all came home." and not reply.all_dropped
    assert [each.score for each in reply.candidates] == [0.0, DROPPED]


@pytest.mark.parametrize("setting", [{"shared_run": 1}, {"stutter": -1}, {"overlap": 1.5}], ids=str)
def test_a_setting_out_of_range_is_refused(setting: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="switch"):
        ranker(**setting)
