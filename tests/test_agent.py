"""The agent: plan, render, generate, rank; and what it says about it."""

from collections.abc import Sequence

import pytest

from tertulia import Agent, Conversation, Decoding, Plan, Reply, Turn, engines, formats
from tertulia.conversation import Direction
from tertulia.engines.scripted import Scripted
from tertulia.errors import PromptTooLong, UnsupportedDecoding
from tertulia.rankers import DROPPED, Candidate

HI = Conversation(agent="Ana", user="Ben").said("Ben", "Hi")


class Brevity:
    """Shorter is better; a ranker small enough to see through."""

    name = "brevity"

    def score(self, conversation: Conversation, candidates: Sequence[Candidate]) -> list[float]:
        return [-float(len(each.text)) for each in candidates]


class Nothing:
    """No candidate will do."""

    name = "nothing"

    def score(self, conversation: Conversation, candidates: Sequence[Candidate]) -> list[float]:
        return [DROPPED for _ in candidates]


def agent(*lines: str, context_window: int = 2048, new: int = 8, candidates: int = 1) -> Agent:
    return Agent(
        format=formats.load("native"),
        engine=engines.load("scripted", lines=lines, context_window=context_window),
        decoding=Decoding(max_new_tokens=new, candidates=candidates),
    )


def with_rankers(*rankers: object) -> Agent:
    talker = agent("Long and winding.", "Short.", candidates=2)
    return Agent(
        format=talker.format,
        engine=talker.engine,
        decoding=talker.decoding,
        rankers=rankers,  # type: ignore[arg-type]
    )


def test_of_several_candidates_the_best_ranked_is_said() -> None:
    assert with_rankers(Brevity()).reply(HI).text == "Short."


def test_every_candidate_is_kept_with_its_scores_best_first() -> None:
    reply = with_rankers(Brevity()).reply(HI)
    assert [each.scores for each in reply.candidates] == [
        (("brevity", -6.0),),
        (("brevity", -17.0),),
    ]


def test_when_every_candidate_is_dropped_the_reply_says_so() -> None:
    reply = with_rankers(Brevity(), Nothing()).reply(HI)
    assert reply.all_dropped
    assert reply.text


def test_without_rankers_the_engines_order_is_kept() -> None:
    assert with_rankers().reply(HI).text == "Long and winding."


def test_replying_leaves_the_talk_as_it_was() -> None:
    before = Conversation(agent="Ana", user="Ben").said("Ben", "Hi")
    agent("Hello.").reply(before)
    assert before == HI


def test_the_reply_is_a_turn_of_the_agent() -> None:
    assert agent("Hello.").reply(HI).turn == Turn("Ana", "Hello.")


def test_pieces_add_up_to_the_reply_and_the_plan_comes_first() -> None:
    events = list(agent("Well, hello there.").stream(HI.planned(Plan(goal="greet."))))
    pieces = [event for event in events if isinstance(event, str)]
    assert events[0] == Plan(goal="greet.")
    assert isinstance(events[-1], Reply)
    assert "".join(pieces) == events[-1].text


def test_the_oldest_turns_go_first_and_are_declared() -> None:
    talk = HI.said("Ana", "one two three four five").said("Ben", "six seven")
    reply = agent("Yes.", context_window=14).reply(talk)
    assert reply.dropped == talk.turns[:2]
    assert "six" in reply.prompt.text


def test_as_many_turns_are_kept_as_fit() -> None:
    talk = Conversation(agent="Ana", user="Ben")
    for n in range(200):
        talk = talk.said("Ben" if n % 2 == 0 else "Ana", f"number {n}")
    talker = agent("Yes.", context_window=100)
    kept = 200 - len(talker.reply(talk.without_oldest_turn()).dropped) - 1
    wider = agent("Yes.", context_window=101 + 2)
    assert isinstance(talker.engine, Scripted)
    assert talker.engine.count_tokens(talker.engine.seen[-1]) <= 92
    assert 200 - len(wider.reply(talk.without_oldest_turn()).dropped) - 1 > kept


def test_direction_is_never_cut() -> None:
    direction = Direction(situation="a b c", knowledge=("d e f",), memory=("g h",))
    talk = HI.directed(direction).said("Ana", "one two three four").said("Ben", "five")
    reply = agent("Yes.", context_window=24).reply(talk)
    assert reply.dropped
    assert all(words in reply.prompt.text for words in ("a b c", "d e f", "g h"))


def test_a_last_turn_that_cannot_fit_is_an_error_with_its_cure() -> None:
    with pytest.raises(PromptTooLong, match=r"room for 4 .*shorten the direction or the last turn"):
        agent(context_window=12).reply(HI.said("Ben", "one " * 20))


def test_the_seed_of_a_reply_makes_it_again() -> None:
    talker = agent("a", "b", "c")
    first = talker.reply(HI, seed=2)
    assert first.seed == 2
    assert talker.reply(HI, seed=first.seed).text == first.text


def test_what_the_engine_cannot_do_is_refused() -> None:
    talker = Agent(
        format=formats.load("native"),
        engine=engines.load("scripted"),
        decoding=Decoding(no_repeat_ngram=3),
    )
    with pytest.raises(UnsupportedDecoding, match="cannot do no_repeat_ngram=3: leave it out"):
        talker.reply(HI)
