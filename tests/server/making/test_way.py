"""OpenAI's fields and the `decoding` object over the decoding of the agent."""

from typing import Any

import pytest

from tertulia import Agent, Decoding, assembly
from tertulia.decoding import preset
from tertulia.engines.scripted import Scripted
from tertulia.server.doors.refusals import Refusal
from tertulia.server.making.asked import shaped
from tertulia.server.making.way import Way, way
from tertulia.server.openai.shapes import ChatAsked
from tests.server.asking import HI, scripted


def made(agent: Agent, **body: Any) -> Way:
    return way(agent, shaped(ChatAsked, {"model": "mini", "messages": HI, **body}))


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> Agent:
    """One whose engine takes every setting."""
    monkeypatch.setattr(Scripted, "honours", frozenset(Decoding.__dataclass_fields__))
    return scripted(temperature=0.8, top_k=50, candidates=16, stop=("END",))


def test_what_is_not_asked_for_is_the_agents(agent: Agent) -> None:
    found = made(agent).agent.decoding
    assert found.seed is not None
    assert (found.temperature, found.candidates, found.stop) == (0.8, 16, ("END",))


def test_openai_fields_have_their_names_in_decoding(agent: Agent) -> None:
    found = made(agent, temperature=1, top_p=0.5, max_tokens=9, seed=4, stop="x").agent.decoding
    assert (found.temperature, found.top_p, found.max_new_tokens) == (1.0, 0.5, 9)
    assert (found.seed, found.stop) == (4, ("END", "x"))


def test_temperature_zero_is_one_greedy_reply(agent: Agent) -> None:
    assert made(agent, temperature=0).agent.decoding.greedy
    assert made(agent, temperature=0).agent.decoding.candidates == 1


def test_a_temperature_ends_a_search_by_beams(agent: Agent) -> None:
    beams = scripted(temperature=0.0, beams=5)
    assert made(beams).agent.decoding.beams == 5
    assert made(beams, temperature=0.7).agent.decoding.beams == 1


def test_more_choices_than_candidates_make_as_many(agent: Agent) -> None:
    assert made(agent, n=20).agent.decoding.candidates == 20
    assert made(agent, n=2).agent.decoding.candidates == 16


def test_a_preset_takes_the_place_of_the_agents_decoding(agent: Agent) -> None:
    found = made(agent, decoding={"preset": "cosmo", "top_k": 5}, seed=0).agent.decoding
    cosmo = preset("cosmo").decoding
    assert (found.top_p, found.top_k) == (cosmo.top_p, 5)


def test_rankers_are_chosen_by_name(agent: Agent) -> None:
    assert made(agent, decoding={"rankers": ["no_repeat"]}).rankers == ("no_repeat",)
    mini = assembly.open_agent("mini")
    assert made(mini).rankers is None and made(mini, decoding={"rankers": []}).rankers == ()


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"decoding": {"temprature": 1}}, "decoding"),
        ({"decoding": {"temperature": "warm"}}, "decoding.temperature"),
        ({"decoding": {"top_k": -1}}, "decoding.top_k"),
        ({"decoding": {"candidates": 2**63}}, "decoding.candidates"),
        ({"decoding": {"preset": "cosmos"}}, "decoding.preset"),
        ({"decoding": {"rankers": ["mm"]}}, "decoding.rankers"),
        ({"decoding": {"rankers": [{"name": "mmi"}]}}, "decoding.rankers"),
        ({"decoding": {"top_p": 0.5}, "top_p": 0.5}, "decoding.top_p"),
        ({"decoding": {"stop": ["a"] * 100_000}}, "decoding.stop"),
        ({"decoding": {"rankers": ["likelihood"] * 9}}, "decoding.rankers"),
        ({"decoding": {"top_k": [1]}}, "decoding.top_k"),
        ({"max_tokens": 3, "max_completion_tokens": 4}, "max_tokens"),
        ({"temperature": 0, "n": 2}, "n"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"stop": ""}, "stop"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": "hi"}, "messages"),
        ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({"model": None}, "model"),
    ],
)
def test_what_is_wrong_is_refused_by_its_field(
    agent: Agent, body: dict[str, Any], param: str
) -> None:
    with pytest.raises(Refusal) as caught:
        made(agent, **body)
    assert (caught.value.status, caught.value.param) == (400, param)


@pytest.mark.parametrize(
    ("body", "field"), [({"seed": 4}, "seed"), ({"decoding": {"seed": 4}}, "decoding.seed")]
)
def test_a_seed_that_no_engine_hears_is_refused_by_name(
    agent: Agent, monkeypatch: pytest.MonkeyPatch, body: dict[str, Any], field: str
) -> None:
    monkeypatch.setattr(Scripted, "replays", False)
    with pytest.raises(Refusal, match="no seed reaches") as refused:
        made(agent, **body)
    assert refused.value.param == field
    assert made(agent).agent.decoding.temperature == 0.8
    assert made(agent, temperature=0, **body).agent.decoding.greedy
