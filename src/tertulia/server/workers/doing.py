"""One job, step by step, on a thread beside the engine.

A job that nobody wants any more ends at its next event, or between two steps of an engine that is
`watched`: while it plans, reads a long prompt, searches by beams or ranks.
"""

import threading
from collections.abc import Callable
from contextlib import closing
from typing import Protocol

from tertulia.agent import Agent
from tertulia.engines import Engine
from tertulia.server.making.speaking import Told, Work, told

SHARED = ("onnxruntime", "ctranslate2", "openai", "scripted")
"""Engines that several threads may ask at once: the first two decode all they ask for together."""


class Doing(Protocol):
    """A job that somebody may give up at any moment."""

    work: Work
    stopped: bool


class Stopped(Exception):
    """Nobody wants the rest of the job that this thread does."""


DOING = threading.local()
"""Its `job` is the one that a thread does."""


def watched(engine: Engine) -> Engine:
    """The engine, which stops in the middle of work that nobody wants any more."""
    engine.between = check
    return engine


def check() -> None:
    job: Doing | None = getattr(DOING, "job", None)
    if job is not None and job.stopped:
        raise Stopped


def done(agent: Agent, job: Doing, tell: Callable[[Told], None]) -> Exception | None:
    """Do a job to its end, or to the moment nobody wants it any more; what it raised."""
    if job.stopped:
        return None
    DOING.job = job
    try:
        with closing(told(agent, job.work)) as events:
            for event in events:
                if job.stopped:
                    return None
                if event is not None:
                    tell(event)
    except Stopped:
        return None
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
