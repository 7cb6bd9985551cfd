"""What an engine is asked for, as values that cross to another process, and how it is done there.

    Speak    the next turn          -> Plan, Rendered, Begun, Piece…, Spelled, Reply
    Write    what follows a text    -> Begun, Piece…, (Spelled, Finished)…
    Think    the plan alone         -> Plan
    Render   the prompt alone       -> Rendered

Between two events nothing is held: whoever drives the iterator may close it, and the engine forgets
the request. `None` marks such a moment where there is nothing to tell.
"""

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from tertulia import rankers
from tertulia.agent import Agent, Reply, drawn
from tertulia.conversation import Conversation, Plan, Turn
from tertulia.decoding import Decoding
from tertulia.engines import Completion, Engine, Finished, Piece
from tertulia.errors import TertuliaError
from tertulia.prompt import Prompt, Span
from tertulia.server.doors.refusals import invalid
from tertulia.server.making.continuing import Continued, check
from tertulia.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Speak:
    """The next turn of a talk.

    decoding  with its seed
    rankers   names of those that take the place of the agent's; None leaves the agent's
    pieces    they are wanted, of every candidate; otherwise they are only moments
    numbered  equals are in the order of their numbers, in which pieces are shown; otherwise in
              that of the engine, as in Agent.stream
    spelled   the tokens' texts are wanted, before the Reply
    go_on     a turn that the reply goes on from
    """

    conversation: Conversation
    decoding: Decoding
    rankers: tuple[str, ...] | None = None
    pieces: bool = False
    numbered: bool = False
    spelled: bool = False
    go_on: Turn | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """What follows each of some texts, by the engine alone.

    pieces   they are wanted
    spelled  the tokens' texts are wanted, before each Finished
    """

    texts: tuple[str, ...]
    decoding: Decoding
    pieces: bool = False
    spelled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Think:
    """The plan of the next turn, and nothing after it."""

    conversation: Conversation
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Render:
    """The prompt of the next turn under the talk's own plan, and nothing after it."""

    conversation: Conversation
    decoding: Decoding
    go_on: Turn | None = None


Work = Speak | Write | Think | Render


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A prompt, the turns that it has no room for, oldest first, and how long it is.

    tokens          of the prompt
    context_window  of the engine, in tokens
    """

    prompt: Prompt
    dropped: tuple[Turn, ...]
    tokens: int
    context_window: int


@dataclass(frozen=True, slots=True)
class Begun:
    """The engine's first event: nothing is wrong with what was asked."""


@dataclass(frozen=True, slots=True)
class Spelled:
    """The tokens of completions as text, without what ended them.

    tokens  [completion][token]: those of a Reply's candidates, best first, or the one of a
            Finished; None where the engine does not tell them
    """

    tokens: tuple[tuple[str, ...] | None, ...]


Told = Plan | Rendered | Begun | Piece | Spelled | Finished | Reply
Events = Generator[Told | None, None, None]


def told(agent: Agent, work: Work) -> Events:
    """What comes of some work, as it comes; raises what is wrong with it."""
    match work:
        case Speak():
            return spoken(agent, work)
        case Write():
            return written(agent, work)
        case Think():
            return thought(agent, work)
        case Render():
            return prompted(agent, work)


def spoken(agent: Agent, work: Speak) -> Events:
    """What Agent.stream does, with the pieces of every candidate and moments to stop at."""
    seed = drawn(work.conversation, work.decoding.seed)
    agent = replace(
        continued(ranked(agent, work.rankers), work.go_on),
        decoding=replace(work.decoding, seed=seed),
    )
    asked = agent.informed(work.conversation)
    plan = agent.planner.plan(asked, seed)
    yield plan
    planned = asked.planned(plan)
    fitting, prompt = agent.fit(planned)
    yield rendered(agent, fitting, prompt, planned)
    finished: list[Finished] = []
    decoding = agent.engine.checked([prompt], agent.decoding)
    with closing(agent.engine.events([prompt], decoding)) as events:  # type: ignore[type-var]
        for number, event in enumerate(events):
            if not number:
                yield Begun()
            if isinstance(event, Finished):
                finished.append(event)
            yield event if work.pieces and isinstance(event, Piece) else None
    if work.numbered:
        finished.sort(key=lambda each: each.candidate)
    reply = agent.chosen(planned, fitting, prompt, [each.completion for each in finished])
    if work.spelled:
        made = [each.completion for each in reply.candidates]
        yield Spelled(tuple(spelling(each, agent.engine) for each in made))
    yield reply


def thought(agent: Agent, work: Think) -> Events:
    """The plan alone."""
    yield agent.planner.plan(agent.informed(work.conversation, work.seed), work.seed)


def prompted(agent: Agent, work: Render) -> Events:
    """The prompt alone."""
    asked = replace(continued(agent, work.go_on), decoding=work.decoding)
    yield rendered(asked, *asked.fit(work.conversation), work.conversation)


def ranked(agent: Agent, names: tuple[str, ...] | None) -> Agent:
    """The agent with the rankers of these names; raises Refusal for one that cannot be had."""
    if names is None:
        return agent
    try:
        own = {each.name: each for each in agent.rankers}
        loaded = tuple(
            own.get(name) or rankers.load(name, format=agent.format, engine=agent.engine)
            for name in names
        )
    except TertuliaError as error:
        raise invalid(str(error), "decoding.rankers", "invalid_value") from None
    return replace(agent, rankers=loaded)


def rendered(
    agent: Agent, fitting: Conversation, prompt: Prompt, conversation: Conversation
) -> Rendered:
    """A prompt with what is told of it."""
    cut = len(conversation.turns) - len(fitting.turns)
    return Rendered(
        prompt=prompt,
        dropped=conversation.turns[:cut],
        tokens=agent.engine.count_tokens(prompt),
        context_window=agent.engine.context_window,
    )


def written(agent: Agent, work: Write) -> Events:
    """The engine alone: what follows each of some texts.

    What ends a text is what ends a reply of the agent's format.
    """
    agent = replace(agent, decoding=work.decoding)
    ends = agent.format.render(Conversation().said("User", ""))
    plain = replace(ends, messages=(), unsupported=())
    prompts = [replace(plain, spans=(Span(text),)) for text in work.texts]
    for prompt in prompts:
        check_room(agent, prompt)
    decoding = agent.engine.checked(prompts, agent.decoding)
    with closing(agent.engine.events(prompts, decoding)) as events:  # type: ignore[type-var]
        for number, event in enumerate(events):
            if not number:
                yield Begun()
            if work.spelled and isinstance(event, Finished):
                yield Spelled((spelling(event.completion, agent.engine),))
            yield event if work.pieces or isinstance(event, Finished) else None


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


def spelling(completion: Completion, engine: Engine) -> tuple[str, ...] | None:
    """The text of each token of a completion, without what ended it."""
    if completion.texts:
        return completion.texts
    tokenizer = getattr(engine, "tokenizer", None)
    if not completion.logprobs or not isinstance(tokenizer, Tokenizer):
        return None
    ids: Sequence[int] = completion.tokens
    if ids and completion.finish == "stop" and ids[-1] in tokenizer.names:
        ids = ids[:-1]
    decoder = tokenizer.decoder()
    texts = [decoder.step(each) for each in ids]
    if texts:
        texts[-1] += decoder.end()
    return tuple(texts)


def continued(agent: Agent, turn: Turn | None) -> Agent:
    """The agent whose next reply goes on from a turn; raises Refusal where it cannot."""
    if turn is None:
        return agent
    check(agent.format, agent.engine)
    return replace(agent, format=Continued(agent.format, turn))
