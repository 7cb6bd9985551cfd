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


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One agent, the name it is asked for by, and its queue."""

    name: str
    agent: Agent
    runner: Runner


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
            each.runner.close()
        for each in self.agents.values():
            each.runner.join()
            each.agent.engine.close()


def house(agents: Mapping[str, Agent], settings: Settings, began: int) -> House:
    """A house with its engine threads running."""
    metrics = Metrics()
    served = {
        name: Served(name=name, agent=agent, runner=Runner(name, agent, settings, metrics))
        for name, agent in agents.items()
    }
    return House(settings=settings, began=began, metrics=metrics, agents=served)


def house_of(request: Request) -> House:
    found: House = request.app.state.house
    return found
