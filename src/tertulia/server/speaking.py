"""The spine, event by event, as an engine thread runs it for one request.

Between two events nothing is held: whoever drives the iterator may close it, and the engine forgets
the request. `None` marks such a moment where there is nothing to tell.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from tertulia.agent import Agent, Reply
from tertulia.conversation import Conversation, Plan
from tertulia.engines import Finished, Piece
from tertulia.errors import EngineError
from tertulia.prompt import Prompt, Span
from tertulia.server.metrics import Metrics
from tertulia.server.refusals import invalid
from tertulia.server.runner import Job

Spoken = Plan | Prompt | Piece | Reply
Written = Prompt | Piece | Finished


def spoken(
    agent: Agent, conversation: Conversation, *, pieces: bool, numbered: bool = False
) -> Iterator[Spoken | None]:
    """What Agent.stream does, with the pieces of every candidate and moments to stop at.

    The prompt comes with the engine's first event: then nothing is wrong with what was asked.

    pieces    they are wanted; otherwise they are only moments
    numbered  equals are in the order of their numbers, in which pieces are shown; otherwise in
              that of the engine, as in Agent.stream
    """
    plan = agent.planner.plan(conversation, agent.decoding.seed)
    yield plan
    planned = conversation.planned(plan)
    fitting, prompt = agent.fit(planned)
    finished: list[Finished] = []
    decoding = agent.engine.checked([prompt], agent.decoding)
    with closing(agent.engine.events([prompt], decoding)) as events:  # type: ignore[type-var]
        for number, event in enumerate(events):
            if not number:
                yield prompt
            if isinstance(event, Finished):
                finished.append(event)
            yield event if pieces and isinstance(event, Piece) else None
    if numbered:
        finished.sort(key=lambda each: each.candidate)
    yield agent.chosen(planned, fitting, prompt, [each.completion for each in finished])


async def whole(job: Job[Spoken], metrics: Metrics, model: str) -> Reply:
    """The reply at the end of a job, its times noted."""
    found: Reply | None = None
    async for event in job.events():
        if isinstance(event, Prompt):
            metrics.first_token.labels(model).observe(job.seconds)
        elif isinstance(event, Reply):
            found = event
    if found is None:
        raise EngineError("the engine ended without a reply; this is a fault of the engine")
    metrics.finished(model, job.seconds, [each.completion for each in found.candidates])
    return found


def written(agent: Agent, texts: Sequence[str], *, pieces: bool) -> Iterator[Written | None]:
    """The engine alone: what follows each of some texts.

    What ends a text is what ends a reply of the agent's format.
    """
    ends = agent.format.render(Conversation().said("User", ""))
    plain = replace(ends, messages=(), unsupported=())
    prompts = [replace(plain, spans=(Span(text),)) for text in texts]
    for prompt in prompts:
        check_room(agent, prompt)
    decoding = agent.engine.checked(prompts, agent.decoding)
    with closing(agent.engine.events(prompts, decoding)) as events:  # type: ignore[type-var]
        for number, event in enumerate(events):
            if not number:
                yield prompts[0]
            yield event if pieces or isinstance(event, Finished) else None


def check_room(agent: Agent, prompt: Prompt) -> None:
    """Raises Refusal when a text and so many new tokens do not fit the context window."""
    used, room = agent.engine.count_tokens(prompt), agent.engine.room(agent.decoding)
    if used > room:
        raise invalid(
            f"the prompt has {used} tokens, and there is room for {room} beside max_tokens "
            f"{agent.decoding.max_new_tokens} in a context window of "
            f"{agent.engine.context_window}: shorten the prompt, or lower max_tokens",
            "prompt",
            "context_length_exceeded",
        )
