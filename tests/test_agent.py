"""The agent: plan, render, generate, rank; and what it says about it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from os.path import commonprefix

import pytest

from tertulia import Agent, Conversation, Decoding, Plan, Reply, Turn, engines, formats
from tertulia.conversation import Direction, Persona
from tertulia.decoding import preset
from tertulia.engines.scripted import Scripted, Settings
from tertulia.errors import PromptTooLong, UnsupportedDecoding
from tertulia.prompt import Prompt
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


def test_a_reply_is_shown_on_a_line_and_not_with_all_that_it_came_from() -> None:
    assert repr(agent("Hello.").reply(HI, seed=7)) == (
        "Reply(speaker='Ana', text='Hello.', image='', plan=Plan(goal='', skill='', "
        "explanation=''), dropped=(), seed=7, all_dropped=False, fired=())"
    )


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


class Ahead(Scripted):
    """An engine that notes what it is to read ahead."""

    texts: tuple[str, ...] = ()

    def read_ahead(self, prompts: Sequence[Prompt], wanted: Callable[[], bool]) -> None:
        self.texts = tuple(each.text for each in prompts)


def test_what_is_read_ahead_is_what_comes_before_anything_the_user_says() -> None:
    engine = Ahead(Settings())
    talker = Agent(format=formats.load("dialogpt"), engine=engine, decoding=Decoding())
    talker.read_ahead(HI.said("Ana", "Hello there."), lambda: True)
    said = talker.format.render(HI.said("Ana", "Hello there.").said("Ben", "How are you?")).text
    assert commonprefix([*engine.texts]) == commonprefix([*engine.texts, said])
    assert "Hello there." in commonprefix([*engine.texts])


def test_a_talk_for_which_there_is_no_room_is_not_read_ahead() -> None:
    engine = Ahead(Settings(context_window=12))
    talker = Agent(
        format=formats.load("native"), engine=engine, decoding=Decoding(max_new_tokens=8)
    )
    talker.read_ahead(HI.directed(Direction(situation="a long one " * 20)), lambda: True)
    assert engine.texts == ()


class Twofold(Scripted):
    """As an encoder and a decoder would be."""

    twofold = True


def fitted(decoding: Decoding, window: int, *, twofold: bool = False, turns: int = 60) -> int:
    """How many turns of a long talk, of four words each, an agent keeps."""
    settings = Settings(context_window=window)
    agent = Agent(
        format=formats.load("dialogpt"),
        engine=Twofold(settings) if twofold else Scripted(settings),
        decoding=decoding,
    )
    talk = Conversation(agent="Ana", user="Ben")
    for n in range(turns):
        talk = talk.said(("Ben", "Ana")[n % 2], " one two three ")
    kept, prompt = agent.fit(talk)
    assert prompt == agent.format.render(kept)
    return len(kept.turns)


@pytest.mark.parametrize("name", ["pingpong_gpt_top_p", "pingpong_gpt_beam_search"])
def test_a_limit_that_counts_the_prompt_makes_the_oldest_turns_go(name: str) -> None:
    assert fitted(preset(name).decoding, 256) == 36 // 4


def test_a_limit_that_counts_the_prompt_leaves_room_for_the_whole_reply() -> None:
    decoding = Decoding(max_length=160, max_new_tokens=8)
    assert fitted(decoding, 1024) == (160 - 8) // 4
    assert fitted(replace(decoding, max_length=2048), 64) == (64 - 8) // 4


def test_a_prompt_that_only_the_encoder_reads_may_fill_the_window() -> None:
    assert fitted(preset("pingpong_meena_top_p").decoding, 128, twofold=True) == 128 // 4
    assert fitted(Decoding(max_new_tokens=512), 64, twofold=True) == 64 // 4


def test_a_last_turn_longer_than_a_limit_that_counts_it_is_told_with_the_limit() -> None:
    engine, format = engines.load("scripted"), formats.load("dialogpt")
    talker = Agent(format=format, engine=engine, decoding=preset("pingpong_gpt_top_p").decoding)
    with pytest.raises(PromptTooLong, match=r"room for 36 \(decoding.max_length 48.* or raise"):
        talker.reply(HI.said("Ben", "one " * 40))


FACTS = (Persona("Ben", ("i fish.", "i am ben.")), Persona("Ana", ("i row.",)))
PERSONA_TALK = Conversation(agent="Ana", user="Ben", direction=Direction(personas=FACTS))


def self_played(*goals: str, seed: int | None = 0) -> list[Reply]:
    lines = ("do you work?", "i fish.", "a pet?", "no.")
    talker = Agent(format=formats.load("persona_gpt"), engine=engines.load("scripted", lines=lines))
    return list(talker.self_play(PERSONA_TALK, goals, seed=seed))


def test_in_self_play_one_side_leads_by_a_goal_and_the_other_answers_as_itself() -> None:
    work, answer, pets, last = self_played("talk about work.", "ask about pets.")
    start, end = "<|sep|><|start|>", "<|endoftext|>"
    assert work.prompt.text == f"<|act|> talk about work.<|p1|>{start}"
    said = f"do you work?{end}"
    facts = f"i fish.{end}i am ben.{end}"
    assert answer.prompt.text == f"<|p2|>{facts}{start}{said}"
    assert pets.prompt.text == f"<|act|> ask about pets.<|p1|>{start}{said}i fish.{end}"
    assert last.prompt.text == f"<|p2|>{facts}{start}{said}i fish.{end}a pet?{end}"


def test_self_play_tells_who_said_what_toward_which_goal() -> None:
    told = [(each.speaker, each.text, each.plan.goal) for each in self_played("talk about work.")]
    assert told == [("Ana", "do you work?", "talk about work."), ("Ben", "i fish.", "")]


def test_each_reply_of_self_play_has_the_next_seed() -> None:
    assert [each.seed for each in self_played("a", "b", seed=1)] == [1, 2, 3, 4]


def test_in_self_play_an_instruction_is_for_the_side_it_was_given_to() -> None:
    talk = HI.directed(Direction(instruction="Sell the boat."))
    asking, answer = agent("Buy it!", "No.").self_play(talk, ["sell."], seed=0)
    assert "Sell the boat." in asking.prompt.text
    assert "Sell the boat." not in answer.prompt.text
