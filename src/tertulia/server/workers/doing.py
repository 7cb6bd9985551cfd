"""One job, step by step, on a thread beside the engine."""

from collections.abc import Callable
from contextlib import closing
from typing import Protocol

from tertulia.agent import Agent
from tertulia.engines import Engine
from tertulia.server.speaking import Told, Work, told

SHARED = ("onnxruntime", "openai", "scripted")
"""Engines that several threads may ask at once: the first decodes all they ask for together."""


class Doing(Protocol):
    """A job that somebody may give up at any moment."""

    work: Work
    stopped: bool


def done(agent: Agent, job: Doing, tell: Callable[[Told], None]) -> Exception | None:
    """Do a job to its end, or to the moment nobody wants it any more; what it raised."""
    if job.stopped:
        return None
    try:
        with closing(told(agent, job.work)) as events:
            for event in events:
                if job.stopped:
                    return None
                if event is not None:
                    tell(event)
    except Exception as error:  # noqa: BLE001 - raised again where the request is answered
        return error
    return None


def shared(agent: Agent) -> bool:
    """Whether several threads may ask every engine of an agent at once."""
    parts = (agent, agent.planner, *agent.rankers)
    found = (getattr(part, name, None) for part in parts for name in ("engine", "reverse"))
    return all(shelf_name(each) in SHARED for each in found if isinstance(each, Engine))


def shelf_name(engine: Engine) -> str:
    """The name of an engine on its shelf; that of its package for a plug-in."""
    place = type(engine).__module__
    return place.removeprefix("tertulia.engines.").partition(".")[0]
