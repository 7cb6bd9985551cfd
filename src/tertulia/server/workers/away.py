"""What is known here of an agent whose engine is in another process."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NoReturn

from tertulia import assembly, config, formats, planners, rankers, registry
from tertulia.agent import Agent
from tertulia.assembly import Runtime, Written
from tertulia.conversation import Conversation
from tertulia.decoding import Decoding
from tertulia.engines import Engine, Event
from tertulia.prompt import Prompt
from tertulia.rankers import Candidate
from tertulia.server.workers.wire import Known


class Away(Engine):
    """An engine that works elsewhere: what it is like, as soon as it was opened once.

    Until then its window is 0, and no decoding is refused here.
    """

    honours = frozenset(each.name for each in fields(Decoding))
    name = "unopened"

    def learn(self, known: Known) -> None:
        self.name, self.honours, self.replays = known.title, known.honours, known.replays
        self.context_window, self.twofold = known.context_window, known.twofold

    context_window = 0

    @property
    def title(self) -> str:
        return self.name

    def count_tokens(self, prompt: Prompt) -> NoReturn:
        raise RuntimeError("the engine is in another process: submit a Render")

    def events(self, prompts: Sequence[Prompt], decoding: Sequence[Decoding]) -> Iterator[Event]:
        raise RuntimeError("the engine is in another process: submit a Speak or a Write")


@dataclass(frozen=True, slots=True)
class Named:
    """A ranker of which only the name is known here."""

    name: str

    def score(self, conversation: Conversation, candidates: Sequence[Candidate]) -> list[float]:
        raise RuntimeError(f"the {self.name} ranker is in another process: submit a Speak")


def runtime(agent: Written) -> Runtime:
    """The engine of an agent; raises CheckpointError for a model that is not here."""
    return assembly.runtime(
        assembly.section(agent.table, "engine", agent.where), f"{agent.where} [engine]"
    )


def away(agent: Written) -> Agent:
    """The agent without its engine, its planner and its rankers, as far as its file can be checked.

    Raises UnknownName, ConfigError, MissingExtra, CheckpointError.
    """
    table, where = agent.table, agent.where
    assembly.check_keys(table, where)
    name, settings = assembly.named(assembly.section(table, "format", where), f"{where} [format]")
    planner, planning = assembly.named(
        assembly.section(table, "planner", where, "pinned"), f"{where} [planner]"
    )
    check("planner", planners.__name__, planner, planning)
    ranked = assembly.ranked(table, where)
    for ranker, own in ranked:
        check("ranker", rankers.__name__, ranker, own)
    return Agent(
        format=formats.load(name, **assembly.templated(name, settings, runtime(agent))),
        engine=Away(),
        decoding=assembly.decoded(
            assembly.section(table, "decoding", where), f"{where} [decoding]"
        ),
        rankers=tuple(Named(ranker) for ranker, _ in ranked),
        name=agent.name,
    )


def check(kind: str, shelf: str, name: str, settings: Mapping[str, Any]) -> None:
    """Raises the error of a planner or ranker that cannot be loaded with such settings."""
    config.build(registry.load(shelf, name).Settings, settings, f"{kind} {name!r}")
