"""One talk in progress: the conversation as it stands, and the replies that made it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from tertulia.agent import Agent, Reply
from tertulia.cli.chat.events import Event, Note, Opening, Said, Thought, Word
from tertulia.cli.chat.keeping import Keeper
from tertulia.conversation import Conversation, Direction, Plan, Turn
from tertulia.errors import ConfigError, PromptTooLong


@dataclass(frozen=True, slots=True)
class Exchange:
    """A reply and all that it came from: asking again with its seed gives it again."""

    agent: Agent
    before: Conversation
    reply: Reply


class Session:
    """The conversation is a value; this is where the next value is put.

    seeds      one is drawn for each reply
    keeper     keeps every turn before it is shown
    making     a reply is being made, or its making has failed
    fresh      nothing has happened yet in this talk
    picture    is shared with the person's next line, in words
    over       the person has ended the talk
    warned     the directions of which it was said that they have no effect
    exchanges  how the turns that are replies came about, by their place in the talk
    """

    def __init__(
        self, agent: Agent, conversation: Conversation, *, seeds: Iterator[int], keeper: Keeper
    ) -> None:
        self.agent = agent
        self.seeds = seeds
        self.keeper = keeper
        self.making = False
        self.over = False
        self.begin(conversation)

    def begin(self, conversation: Conversation) -> None:
        """Start another talk here, with the turns it already has."""
        self.keeper.begin(conversation)
        self.conversation = conversation
        self.fresh = True
        self.exchanges: dict[int, Exchange] = {}
        self.instructions = {conversation.agent: conversation.direction.instruction}
        self.warned: set[str] = set()
        self.picture = ""

    @property
    def last(self) -> Exchange | None:
        """The latest reply of this talk, if one was made in it."""
        return self.exchanges[max(self.exchanges)] if self.exchanges else None

    @property
    def expects_reply(self) -> bool:
        """Whether the next word is the agent's: the user has spoken, or a plan waits in silence."""
        turns = self.conversation.turns
        return (
            turns[-1].speaker == self.conversation.user if turns else bool(self.conversation.plan)
        )

    def opened(self) -> Iterator[Event]:
        """What happens before a talk's first line: warnings, and the agent's word if it is due."""
        if not self.fresh:
            return
        self.fresh = False
        yield from self.warnings()
        if self.expects_reply:
            yield from self.speak(self.conversation)

    def say(self, text: str) -> Iterator[Event]:
        """The person says something; the agent replies."""
        before = self.conversation
        turn = Turn(before.user, text, self.picture)
        self.keeper.keep(turn, before)
        self.picture = ""
        self.conversation = replace(before, turns=(*before.turns, turn))
        try:
            yield from self.speak(self.conversation)
        except PromptTooLong as error:
            self.rewind(len(before.turns))
            raise PromptTooLong(f"{error}. Your line was taken back") from error

    def speak(self, before: Conversation, agent: Agent | None = None) -> Iterator[Event]:
        """The agent of `before` takes the next turn, kept before it is told as Said."""
        agent = agent or self.agent
        self.making = True
        yield Opening(before.agent)
        seed = next(self.seeds)
        with self.keeper.drafting(before, agent, seed) as draft:
            for event in agent.stream(before, seed=seed):
                if isinstance(event, str):
                    draft.grow(event)
                    yield Word(event)
                elif isinstance(event, Plan):
                    if event != before.plan:
                        yield Thought(before.agent, event)
                else:
                    draft.settle(event)
                    self.add(Exchange(agent, before, event))
                    self.making = False
                    yield Said(event)
                    yield from self.warn(event.prompt.unsupported)

    def add(self, exchange: Exchange) -> None:
        """Take a reply into the talk; its plan is used up."""
        turns = (*exchange.before.turns, exchange.reply.turn)
        place = len(turns) - 1
        self.exchanges = {n: each for n, each in self.exchanges.items() if n < place}
        self.exchanges[place] = exchange
        self.conversation = replace(self.conversation, turns=turns, plan=Plan())

    def rewind(self, turns: int) -> None:
        """Go back to the first so many turns; what came after stays in the store."""
        self.keeper.rewind(turns)
        self.conversation = replace(self.conversation, turns=self.conversation.turns[:turns])
        self.exchanges = {n: each for n, each in self.exchanges.items() if n < turns}

    def direct(self, direction: Direction) -> Iterator[Event]:
        """Change the direction from here on."""
        self.conversation = self.conversation.directed(direction)
        self.instructions[self.conversation.agent] = direction.instruction
        yield from self.warnings()

    def plan(self, plan: Plan) -> Iterator[Event]:
        """Pin the plan of the next reply."""
        self.conversation = self.conversation.planned(plan)
        yield from self.warnings()

    def other_side(self) -> Conversation:
        """The same talk with the model on the user's side. An instruction belongs to the side it
        was given to: the other one has its own, or none.
        """
        view = self.conversation.swapped()
        instruction = self.instructions.get(view.agent, "")
        return view.directed(replace(view.direction, instruction=instruction))

    def warnings(self) -> Iterator[Event]:
        """What directions, as they are now, this agent's model family cannot take."""
        try:
            prompt = self.agent.format.render(self.conversation)
        except ConfigError:
            # A chat template may refuse a talk that has no turns yet; the reply will tell.
            return iter(())
        return self.warn(prompt.unsupported)

    def warn(self, unsupported: Iterable[str]) -> Iterator[Event]:
        """Say of each such direction, once in a talk, that it has no effect."""
        new = [path for path in unsupported if path not in self.warned]
        self.warned |= set(new)
        if new:
            yield Note(f"{', '.join(new)}: this model family cannot take that, so it has no effect")
