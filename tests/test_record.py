"""A reply as plain values."""

import json
from dataclasses import asdict

from tertulia import Agent, Conversation, Decoding, __version__, engines, formats, rankers
from tertulia.conversation import Plan
from tertulia.record import opening, record, told

FORMAT = formats.load("native")
ENGINE = engines.load("scripted", lines=("One.", "Two."))
AGENT = Agent(
    format=FORMAT,
    engine=ENGINE,
    decoding=Decoding(candidates=2, stop=("!",)),
    rankers=(rankers.load("no_repeat", format=FORMAT, engine=ENGINE),),
    name="script",
)
TALK = Conversation().said("User", "Hi")


def test_a_record_is_json_as_it_stands() -> None:
    made = record(AGENT, AGENT.reply(TALK, seed=1), agent_file="x", given=Plan())
    assert json.loads(json.dumps(made, allow_nan=False)) == made


def test_it_holds_all_that_makes_the_reply_again() -> None:
    plan = Plan(goal="joke.")
    made = record(AGENT, AGENT.reply(TALK.planned(plan), seed=1), agent_file="x", given=Plan())
    assert (made["agent"], made["agent_file"], made["seed"]) == ("script", "x", 1)
    assert set(made["decoding"]) == set(asdict(AGENT.decoding))
    assert made["plan"]["goal"] == "joke." and made["given"]["goal"] == ""
    assert (made["version"], made["status"]) == (__version__, "whole")
    assert [each["text"] for each in made["candidates"]] == ["Two.", "One."]
    assert set(made["timings"]) == {"first_token", "total"} and made["fired"] == []


def test_it_begins_with_what_is_known_before_the_first_word() -> None:
    made = record(AGENT, AGENT.reply(TALK, seed=1), agent_file="x", given=Plan())
    begun = opening(AGENT, agent_file="x", given=Plan(), seed=1)
    assert begun.items() <= made.items()


def test_timings_of_the_caller_take_the_place_of_the_engine_s() -> None:
    made = record(AGENT, AGENT.reply(TALK, seed=1), timings={"waited": 1.5}, status="stopped")
    assert (made["timings"], made["status"], made["given"]) == ({"waited": 1.5}, "stopped", None)


def test_what_is_told_of_a_reply_has_eight_keys() -> None:
    assert list(told(AGENT.reply(TALK, seed=1))) == [
        "text",
        "speaker",
        "plan",
        "candidates",
        "dropped",
        "unsupported",
        "usage",
        "seed",
    ]
