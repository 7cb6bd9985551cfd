"""One job, step by step."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from tertulia import Agent, Conversation, Decoding, assembly, planners
from tertulia.agent import Reply
from tertulia.server.making.speaking import Speak, Told, Work
from tertulia.server.workers.doing import done, shared, watched
from tests.server.asking import scripted

TALK = Conversation().said("User", "Hi")


@dataclass
class Job:
    work: Work
    stopped: bool = False


def speaking(**decoding: object) -> Speak:
    return Speak(conversation=TALK, decoding=Decoding(**decoding))  # type: ignore[arg-type]


def test_a_job_that_is_stopped_before_it_begins_asks_nothing() -> None:
    agent, told = scripted(), list[Told]()
    assert done(agent, Job(speaking(), stopped=True), told.append) is None
    assert not told and not agent.engine.seen  # type: ignore[attr-defined]


def test_a_job_that_is_stopped_tells_nothing_more() -> None:
    job, told = Job(speaking(seed=0)), list[Told]()

    def tell(event: Told) -> None:
        told.append(event)
        job.stopped = True

    assert done(scripted(), job, tell) is None
    assert len(told) == 1


def test_what_a_job_raises_is_given_back() -> None:
    error = done(scripted(window=1), Job(speaking()), lambda event: None)
    assert type(error).__name__ == "PromptTooLong"


def stopping(agent: Agent, job: Job, steps: int) -> Callable[[], int]:
    """Stops a job after so many steps of an agent's engine; how many there were in all."""
    run, seen = agent.engine.network.run, 0  # type: ignore[attr-defined]

    def counted(*words: object, **named: object) -> object:
        nonlocal seen
        seen += 1
        job.stopped = seen >= steps
        return run(*words, **named)

    agent.engine.network.run = counted  # type: ignore[attr-defined]
    return lambda: seen


@pytest.mark.parametrize("decoding", [
    {"candidates": 16}, {"beams": 4, "temperature": 0.0},
])  # fmt: skip
def test_a_search_stops_at_the_step_after_nobody_wants_it(decoding: dict[str, object]) -> None:
    agent = assembly.open_agent("mini")
    watched(agent.engine)
    work = speaking(seed=1, min_new_tokens=100, max_new_tokens=100, **decoding)
    job = Job(work)
    steps = stopping(agent, job, 7)
    assert done(agent, job, lambda event: None) is None
    assert steps() == 7
    job.stopped = False


def test_a_plan_that_is_being_made_stops_too() -> None:
    agent = assembly.open_agent("mini")
    watched(agent.engine)
    planner = planners.load("native", format=agent.format, engine=agent.engine, temperature=0.6)
    agent = Agent(format=agent.format, engine=agent.engine, planner=planner)
    job, told = Job(speaking(seed=1)), list[Told]()
    steps = stopping(agent, job, 4)
    assert done(agent, job, told.append) is None
    assert steps() == 4 and not told


def test_a_long_prompt_that_is_being_read_stops_too() -> None:
    agent = assembly.open_agent("mini")
    watched(agent.engine)
    long = TALK.said("Agent", "word " * 300)
    job = Job(Speak(conversation=long, decoding=Decoding(max_new_tokens=50, min_new_tokens=50)))
    steps = stopping(agent, job, 1)
    assert done(agent, job, lambda event: None) is None
    # A step reads up to 512 tokens, in stretches.
    assert steps() < 10


def test_a_reply_is_not_disturbed_by_being_watched() -> None:
    agent, told = assembly.open_agent("mini"), list[Told]()
    alone = agent.reply(TALK, seed=3)
    watched(agent.engine)
    job = Job(Speak(conversation=TALK, decoding=replace(agent.decoding, seed=3)))
    assert done(agent, job, told.append) is None
    [reply] = [each for each in told if isinstance(each, Reply)]
    assert reply.text == alone.text


def test_only_engines_made_for_it_are_asked_by_several_threads() -> None:
    assert shared(scripted()) and shared(assembly.open_agent("mini"))
