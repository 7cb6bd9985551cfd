"""A prompt of any length is read whole, or cut and declared, or refused with its cure."""

from dataclasses import replace

import pytest

from tertulia import Agent, Conversation, Decoding, Direction, formats
from tertulia.conversation import Turn
from tertulia.engines import Engine
from tertulia.engines.openai import OpenAI
from tertulia.errors import EngineError, PromptTooLong
from tertulia.prompt import Message, Prompt, Span

SHORT = Decoding(max_new_tokens=4, seed=1)
SCENE = Conversation(direction=Direction(situation="a ferry"))


@pytest.fixture
def agent(engine: Engine) -> Agent:
    if isinstance(engine, OpenAI):
        pytest.skip("the chat api takes messages, which `native` has none of")
    return Agent(format=formats.load("native"), engine=engine, decoding=SHORT)


def words(count: int) -> str:
    return " ".join("a" * count)


def longest(agent: Agent, talk: Conversation, room: int) -> int:
    """The most words of a last turn with which the whole talk still fits."""
    low, high = 0, 2 * room
    while low < high:
        middle = (low + high + 1) // 2
        prompt = agent.format.render(talk.said("User", words(middle)))
        fits = agent.engine.count_tokens(prompt) <= room
        low, high = (middle, high) if fits else (low, middle - 1)
    return low


def test_a_last_turn_that_fills_the_window_is_answered_and_a_word_more_is_refused(
    agent: Agent,
) -> None:
    room = agent.engine.room(SHORT)
    most = longest(agent, SCENE, room)
    for count in (0, 1, most - 1, most):
        reply = agent.reply(SCENE.said("User", words(count)))
        assert reply.dropped == () and agent.engine.count_tokens(reply.prompt) <= room
    for count in (most + 1, 10 * most):
        with pytest.raises(PromptTooLong, match=f"there is room for {room} .*shorten"):
            agent.reply(SCENE.said("User", words(count)))


def test_a_word_too_many_costs_exactly_the_oldest_turn_and_never_the_direction(
    agent: Agent,
) -> None:
    room = agent.engine.room(SHORT)
    talk = SCENE.said("User", "old").said("Agent", "newer")
    most = longest(agent, talk, room)
    assert agent.reply(talk.said("User", words(most))).dropped == ()
    reply = agent.reply(talk.said("User", words(most + 1)))
    assert reply.dropped == talk.turns[:1]
    assert "a ferry" in reply.prompt.text and "old" not in reply.prompt.text


def test_of_ten_thousand_turns_as_many_are_read_as_fit_and_the_others_declared(
    agent: Agent,
) -> None:
    sides = ("User", "Agent")
    turns = tuple(Turn(sides[n % 2], f"t{n}") for n in range(10_001))
    reply = agent.reply(replace(SCENE, turns=turns))
    cut = len(reply.dropped)
    assert 0 < cut < 10_001 and reply.dropped == turns[:cut]
    read = agent.format.render(replace(SCENE, turns=turns[cut:]))
    more = agent.format.render(replace(SCENE, turns=turns[cut - 1 :]))
    room = agent.engine.room(SHORT)
    assert reply.prompt == read and agent.engine.count_tokens(more) > room


def test_a_prompt_of_nothing_is_answered_or_refused_in_words(engine: Engine) -> None:
    for spans in ((), (Span("a"),)):
        prompt = Prompt(spans, messages=(Message("user", "".join(s.text for s in spans)),))
        try:
            [row] = engine.generate([prompt], SHORT)
        except EngineError as error:
            assert "needs at least one" in str(error) and not spans
        else:
            assert len(row) == 1
