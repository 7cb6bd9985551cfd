"""A response as it is told: its events while it is made, and the whole of it, which is kept.

Where its client hangs up, or the engine fails, what was said so far is kept.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tertulia.agent import Reply
from tertulia.conversation import Turn
from tertulia.record import opening, planned, record
from tertulia.server.doors.refusals import Refusal, invalid, refusal_of
from tertulia.server.making.speaking import Begun, Rendered, Spelled
from tertulia.server.openai import answers
from tertulia.server.queue.runner import Job
from tertulia.server.responses import objects
from tertulia.server.responses.asking import Asking, placed
from tertulia.server.responses.events import Events
from tertulia.server.storeroom import Storeroom

LAST = {"completed": "response.completed", "incomplete": "response.incomplete"}


@dataclass(slots=True, kw_only=True)
class Telling:
    """One response on its way to its client.

    settled  what is to be kept of the reply is kept, or nothing is
    """

    asking: Asking
    job: Job
    room: Storeroom | None
    events: Events = field(init=False)
    settled: bool = False

    def __post_init__(self) -> None:
        self.events = Events(way=self.asking.way, given=self.asking.conversation)

    async def told(self) -> AsyncIterator[dict[str, Any]]:
        """The events of the response; the last holds it whole.

        An error before the first is raised, and then nothing is kept.
        """
        spelled = Spelled(())
        try:
            async for event in self.job.events():
                if isinstance(event, Rendered):
                    check_cut(self.asking, event)
                if isinstance(event, Begun):
                    await self.begin()
                if isinstance(event, Spelled):
                    spelled = event
                for each in self.events.told(event):
                    yield each
                if isinstance(event, Reply):
                    for each in await self.finish(event, probable(self.asking, event, spelled)):
                        yield each
        except Exception as error:  # noqa: BLE001 - told in the stream once it has begun
            if not self.asking.begun or not self.asking.asked.stream:
                raise of_the_input(refusal_of(error)) from error
            failed = {"code": "server_error", "message": refusal_of(error).message}
            response = self.so_far("interrupted", failed)
            yield self.events.event("response.failed", response=response)

    async def begin(self) -> None:
        """The response is sure to be made."""
        self.asking = await placed(self.asking, self.room)
        self.events.naming, self.events.begun = self.asking.naming, self.asking.begun

    async def finish(self, reply: Reply, logprobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The last events, once the reply is kept where it is to be."""
        asking = self.asking
        last = list(self.events.closing(reply, logprobs))
        output = objects.output(asking.naming, reply, asking.way, asking.conversation, logprobs)
        talk = asking.kept.talk if asking.kept else None
        whole = objects.finished(asking.begun, reply, asking.way, output, talk)
        self.settled = True
        if asking.kept and self.room:
            file, given = asking.served.agent_file, asking.conversation.plan
            made = record(asking.way.agent, reply, agent_file=file, given=given)
            await self.room.ask(asking.keeping(reply.turn, made, whole))
        return [*last, self.events.event(LAST[whole["status"]], response=whole)]

    def leave(self) -> None:
        """Nobody is told any more: the engine stops; harmless at the end."""
        self.asking.served.runner.cancel(self.job)
        if not self.settled:
            self.so_far("stopped")

    def so_far(self, status: str, error: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The unfinished response; what is said of it is kept as a turn of that status."""
        asking, said, plan = self.asking, self.events.said or "", self.events.plan
        thought = self.events.whole_thought
        response = objects.unfinished(asking.begun, asking.naming, thought, said, error)
        if asking.kept and self.room and said and not self.settled:
            agent = asking.way.agent
            known = opening(
                agent,
                agent_file=asking.served.agent_file,
                given=asking.conversation.plan,
                seed=agent.decoding.seed,
            )
            told = {"text": said, "plan": planned(plan), "status": status}
            turn = Turn(asking.conversation.agent, said)
            self.room.leave(asking.keeping(turn, {**known, **told}, response))
        self.settled = True
        return response


def check_cut(asking: Asking, rendered: Rendered) -> None:
    """Raises Refusal when turns do not fit and none may be left out."""
    if rendered.dropped and asking.asked.truncation == "disabled":
        raise invalid(
            f"{len(rendered.dropped)} turns do not fit the context window of "
            f'{rendered.context_window} tokens, and truncation is "disabled": set it to "auto"',
            "input",
            "context_length_exceeded",
        )


def of_the_input(refused: Refusal) -> Refusal:
    """The same refusal, where it names a field that only chat requests have."""
    if refused.param == "messages":
        refused.param = "input"
    return refused


def probable(asking: Asking, reply: Reply, spelled: Spelled) -> list[dict[str, Any]]:
    """The tokens of what is said with their probabilities, where they are wanted."""
    if not asking.asked.tells_logprobs:
        return []
    content: list[dict[str, Any]]
    content = answers.chat_logprobs(reply.completion, spelled.tokens[0])["content"]
    return [{**each, "bytes": each["bytes"] or []} for each in content]
