"""The agents that one server serves, and what its routes share."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.requests import Request

from tertulia.agent import Agent
from tertulia.assembly import Written
from tertulia.config import shown
from tertulia.registry import nearest
from tertulia.server.doors.refusals import Refusal
from tertulia.server.queue.metrics import Metrics
from tertulia.server.queue.rates import Rates
from tertulia.server.queue.runner import Place, Runner
from tertulia.server.settings import Settings
from tertulia.server.workers.away import runtime
from tertulia.server.workers.doing import shelf_name
from tertulia.server.workers.pool import Pool
from tertulia.server.workers.threads import Threads


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One agent, the name it is asked for by, and its queue.

    agent       its format, decoding, rankers' names and what its engine is like; the engine itself
                may work elsewhere, and is asked through the runner only
    engine      the engine's name on its shelf
    agent_file  the text that describes it, kept with each talk; empty for an agent made in code
    """

    name: str
    agent: Agent
    runner: Runner
    engine: str
    agent_file: str = ""

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
    pool: Pool
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

    def start(self) -> None:
        """Open what is to be open before it is asked for; called on the event loop."""
        if self.settings.preload:
            self.pool.preload()

    def close(self) -> None:
        """Stop the engines, in whatever they do, and give back what they hold."""
        self.pool.close()
        for each in self.agents.values():
            each.runner.place.close()
        self.pool.join()
        for each in self.agents.values():
            each.runner.place.join()


def house(agents: Mapping[str, Agent | Written], settings: Settings, began: int) -> House:
    """A house with its agents: those that are open on threads, the others in processes."""
    metrics, rates = Metrics(), Rates(settings.requests, settings.tokens)
    pool = Pool(
        {name: each for name, each in agents.items() if isinstance(each, Written)},
        settings,
        metrics,
    )
    elsewhere = {name: worker for worker in pool.workers for name in worker.written}
    served: dict[str, Served] = {}
    for name, each in agents.items():
        place: Place
        if isinstance(each, Agent):
            place = Threads(each, settings.rows)
            agent, engine, text = each, shelf_name(each.engine), ""
        else:
            place = elsewhere[name].desks[name]
            agent, engine, text = elsewhere[name].agents[name], runtime(each).name, each.text
        runner = Runner(name, place, settings, metrics, rates)
        served[name] = Served(name=name, agent=agent, runner=runner, engine=engine, agent_file=text)
    return House(settings=settings, began=began, metrics=metrics, pool=pool, agents=served)


def client_of(request: Request) -> str:
    """Whose turn a request takes: that of the key it showed, else of the address it came from."""
    named: str = getattr(request.state, "client", "")
    return named or (request.client.host if request.client else "")


def house_of(request: Request) -> House:
    found: House = request.app.state.house
    return found
