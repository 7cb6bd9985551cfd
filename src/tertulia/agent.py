"""The spine: the one file that calls a planner, a format, an engine and rankers, in that order."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, repeat

from tertulia import lore
from tertulia.conversation import Conversation, Fired, Plan, Turn
from tertulia.decoding import Decoding
from tertulia.engines import Completion, Engine, Finished, Piece
from tertulia.errors import EngineError, PromptTooLong, TertuliaError
from tertulia.formats import Format
from tertulia.planners import Planner, pinned
from tertulia.prompt import Prompt, Span
from tertulia.rankers import DROPPED, Candidate, Ranker

ANYTHING = ("A", "b")
"""Two turns that begin differently: what prompts that end with them share is there before them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the agent says, and how it came to say it; its repr leaves out candidates and prompt.

    candidates   every one that was made, best first; the first is what is said
    all_dropped  every candidate broke a ranker's rule; the least bad is said all the same
    dropped      the turns that did not fit the context window, oldest first
    prompt       exactly what the model saw
    fired        the lore entries that were due, in the order told: why, and what held them back
    """

    speaker: str
    text: str
    image: str
    plan: Plan
    candidates: tuple[Candidate, ...] = field(repr=False)
    dropped: tuple[Turn, ...]
    prompt: Prompt = field(repr=False)
    seed: int | None
    all_dropped: bool = False
    fired: tuple[Fired, ...] = ()

    @property
    def completion(self) -> Completion:
        return self.candidates[0].completion

    @property
    def turn(self) -> Turn:
        return Turn(self.speaker, self.text, self.image)


@dataclass(frozen=True, kw_only=True)
class Agent:
    """planner + format + engine + decoding + rankers. It holds no talk."""

    format: Format
    engine: Engine
    decoding: Decoding = field(default_factory=Decoding)
    planner: Planner = pinned.PLANNER
    rankers: tuple[Ranker, ...] = ()
    name: str = ""

    def reply(self, conversation: Conversation, *, seed: int | None = None) -> Reply:
        """The next turn of conversation.agent. The seed, when given, replaces the decoding's own.

        Raises PromptTooLong when not even the last turn fits the context window.
        """
        for event in self.stream(conversation, seed=seed):
            if isinstance(event, Reply):
                return event
        raise EngineError("the engine ended without a reply; this is a fault of the engine")

    def stream(
        self, conversation: Conversation, *, seed: int | None = None
    ) -> Iterator[str | Plan | Reply]:
        """The plan as soon as it is made, raw pieces of a single candidate, then the Reply.

        With several candidates there are no pieces: which one is said is known at the end.
        """
        seed = drawn(conversation, self.decoding.seed if seed is None else seed)
        told = self.informed(conversation, seed)
        plan = self.planner.plan(told, seed)
        yield plan
        planned = told.planned(plan)
        fitting, prompt = self.fit(planned)
        candidates: list[Completion] = []
        decoding = replace(self.decoding, seed=seed)
        for event in self.engine.events([prompt], self.engine.checked([prompt], decoding)):
            if isinstance(event, Finished):
                candidates.append(event.completion)
            elif isinstance(event, Piece) and decoding.candidates == 1:
                yield event.text
        yield self.chosen(planned, fitting, prompt, candidates)

    def self_play(
        self, conversation: Conversation, goals: Iterable[str], *, seed: int | None = None
    ) -> Iterator[Reply]:
        """Both sides by this agent: for each goal the conversation's agent speaks toward it, then
        its user answers without one, each under its own persona.

        An instruction is the agent's alone; an empty goal is left to the planner. The first reply
        has this seed, each later one the next; None draws every seed.
        """
        talk = conversation
        seeds = repeat(None) if seed is None else count(seed)
        for goal in goals:
            planned = talk.planned(replace(talk.plan, goal=goal))
            asking = self.reply(planned, seed=next(seeds))
            yield asking
            talk = replace(talk, plan=Plan(), turns=(*talk.turns, asking.turn))
            other = talk.swapped().directed(replace(talk.direction, instruction=""))
            answer = self.reply(other, seed=next(seeds))
            yield answer
            talk = replace(talk, turns=(*talk.turns, answer.turn))

    def chosen(
        self,
        conversation: Conversation,
        fitting: Conversation,
        prompt: Prompt,
        completions: Sequence[Completion],
    ) -> Reply:
        """The best-ranked candidate as the reply; equals keep the engine's order."""
        unranked = [self.candidate(each) for each in completions]
        ranked = sorted(self.scored(conversation, unranked), key=lambda each: -each.score)
        best = ranked[0]
        cut = len(conversation.turns) - len(fitting.turns)
        return Reply(
            speaker=conversation.agent,
            text=best.text,
            image=best.image,
            plan=conversation.plan,
            candidates=tuple(ranked),
            dropped=conversation.turns[:cut],
            prompt=prompt,
            seed=best.completion.seed,
            all_dropped=best.score == DROPPED,
            fired=fitting.fired or (),
        )

    def candidate(self, completion: Completion) -> Candidate:
        parsed = self.format.parse(completion.text)
        return Candidate(text=parsed.text, image=parsed.image, completion=completion)

    def scored(
        self, conversation: Conversation, candidates: Sequence[Candidate]
    ) -> list[Candidate]:
        columns = [(each.name, each.score(conversation, candidates)) for each in self.rankers]
        return [
            replace(each, scores=tuple((name, column[n]) for name, column in columns))
            for n, each in enumerate(candidates)
        ]

    def informed(self, conversation: Conversation, seed: int | None = None) -> Conversation:
        """The conversation with the passages of the lore that fires; the same one without lore.

        Budgets are counted in the engine's tokens. The seed, when given, replaces the decoding's.
        """
        seed = self.decoding.seed if seed is None else seed
        return lore.informed(
            conversation, seed, lambda text: self.engine.count_tokens(Prompt((Span(text),)))
        )

    def read_ahead(self, conversation: Conversation, wanted: Callable[[], bool]) -> None:
        """Let the engine process what the next prompt will begin with, whatever the user says.

        Meant for another thread while the user types. Goes on for as long as `wanted` says; no
        reply changes by it, and what goes wrong is left for the reply to tell.
        """
        try:
            talks = [conversation.said(conversation.user, each) for each in ANYTHING]
            prompts = [self.fit(each)[1] for each in talks]
            self.engine.read_ahead(prompts, wanted)
        except TertuliaError:
            return

    def fit(self, conversation: Conversation) -> tuple[Conversation, Prompt]:
        """The talk with the most recent turns that leave room for the reply, and its prompt.

        Oldest turns go first; direction never goes. Lore is looked through first where it has not
        been. Raises PromptTooLong when not even the last turn fits.
        """
        conversation = self.informed(conversation)
        room = self.engine.room(self.decoding)
        first, last = 0, max(len(conversation.turns) - 1, 0)
        used = 0
        while True:
            # By halves: rendering ten thousand turns once for each of them would take minutes.
            fitting = replace(conversation, turns=conversation.turns[first:])
            prompt = self.format.render(fitting)
            used = self.engine.count_tokens(prompt)
            if used <= room:
                return self.widest(conversation, first, room)
            if first >= last:
                break
            first += max((last - first) // 2, 1)
        raise PromptTooLong(
            f"the prompt has {used} tokens with the last turn alone, and there is room for {room} "
            f"({self.limits()}"
        )

    def limits(self) -> str:
        """What leaves a prompt no more room, and the cure: the end of a message."""
        window, longest = self.engine.context_window, self.decoding.max_length
        shorten = "shorten the direction or the last turn"
        if self.engine.twofold:
            return f"context window {window}): {shorten}"
        if longest is not None and longest < window:
            return (
                f"decoding.max_length {longest}, which counts prompt and reply): {shorten}, or "
                "raise decoding.max_length"
            )
        return (
            f"context window {window} less max_new_tokens {self.decoding.max_new_tokens}): "
            f"{shorten}, or lower decoding.max_new_tokens"
        )

    def widest(
        self, conversation: Conversation, fits: int, room: int
    ) -> tuple[Conversation, Prompt]:
        """The earliest first turn that still fits, knowing that starting at `fits` does."""
        low, high = 0, fits
        while low < high:
            middle = (low + high) // 2
            prompt = self.format.render(replace(conversation, turns=conversation.turns[middle:]))
            if self.engine.count_tokens(prompt) <= room:
                high = middle
            else:
                low = middle + 1
        fitting = replace(conversation, turns=conversation.turns[high:])
        return fitting, lore.traced(self.format.render(fitting), fitting)


def drawn(conversation: Conversation, seed: int | None) -> int | None:
    """The seed; a fresh one when lore is left to chance, so that the reply can be made again."""
    if seed is None and lore.chancy(conversation.direction.lore):
        return random.getrandbits(63)
    return seed
