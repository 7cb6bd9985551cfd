"""The agents that one server serves, and what its routes share."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.requests import Request

from tertulia.agent import Agent
from tertulia.config import shown
from tertulia.registry import nearest
from tertulia.server.metrics import Metrics
from tertulia.server.refusals import Refusal
from tertulia.server.runner import Runner
from tertulia.server.settings import Settings
from tertulia.server.workers.threads import Threads


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One agent, the name it is asked for by, and its queue.

    agent  its format, decoding, rankers' names and what its engine is like; the engine itself may
           work elsewhere, and is asked through the runner only
    """

    name: str
    agent: Agent
    runner: Runner

    @property
    def loaded(self) -> bool:
        """Whether its engine is open: otherwise the first request opens it."""
        return self.runner.place.loaded


@dataclass(slots=True, kw_only=True)
class House:
    """What the routes of a server share; nothing of any conversation is in it.

    began     seconds since 1970, the `created` of every model
    draining  the process is told to end: what is under way goes on, nothing new begins
    """

    settings: Settings
    began: int
    metrics: Metrics
    agents: Mapping[str, Served] = field(default_factory=dict)
    draining: bool = False

    def find(self, name: str) -> Served:
        """The agent of that name; raises Refusal, a 404, with the nearest one."""
        if name in self.agents:
            return self.agents[name]
        raise Refusal(
            404,
            f"no model {shown(name)}: {nearest(name[:60], self.agents)}",
            param="model",
            code="model_not_found",
        )

    def open_to_work(self) -> None:
        """Raises Refusal when the server is about to end."""
        if self.draining:
            raise Refusal(
                503,
                "the server is ending: ask again in a moment",
                kind="server_error",
                code="draining",
                headers={"Retry-After": "5", "Connection": "close"},
            )

    def close(self) -> None:
        """Stop the engine threads and give back what the engines hold."""
        for each in self.agents.values():
            each.runner.place.close()
        for each in self.agents.values():
            each.runner.place.join()


def house(agents: Mapping[str, Agent], settings: Settings, began: int) -> House:
    """A house with its engine threads running."""
    metrics = Metrics()
    placed = {name: (agent, Threads(agent, settings.rows)) for name, agent in agents.items()}
    served = {
        name: Served(name=name, agent=agent, runner=Runner(name, place, settings, metrics))
        for name, (agent, place) in placed.items()
    }
    return House(settings=settings, began=began, metrics=metrics, agents=served)


def client_of(request: Request) -> str:
    """Whose turn a request takes: that of the key it showed, else of the address it came from."""
    named: str = getattr(request.state, "client", "")
    return named or (request.client.host if request.client else "")


def house_of(request: Request) -> House:
    found: House = request.app.state.house
    return found
