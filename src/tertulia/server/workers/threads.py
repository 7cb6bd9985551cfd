"""An agent that is open in this process, asked by threads: for tests, and for who embeds it."""

import queue
import threading
from contextlib import closing

from tertulia.agent import Agent
from tertulia.engines import Engine
from tertulia.server.runner import Job
from tertulia.server.speaking import told

SHARED = ("onnxruntime", "openai", "scripted")
"""Engines that several threads may ask at once: the first decodes all they ask for together."""

CLOSING_SECONDS = 5.0


class Threads:
    """A Place for jobs. A step that does not end is left behind when it is closed."""

    def __init__(self, agent: Agent, rows: int) -> None:
        self.agent = agent
        self.rows = rows if shared(agent) else 1
        self.jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self.closed = False
        self.threads = [
            threading.Thread(target=self.drive, name=f"engine-{n}", daemon=True)
            for n in range(self.rows)
        ]
        for thread in self.threads:
            thread.start()

    @property
    def loaded(self) -> bool:
        return True

    def room(self) -> int:
        return 0 if self.closed else self.rows

    def wake(self) -> None:
        """They are always awake."""

    def begin(self, job: Job) -> None:
        self.jobs.put(job)

    def stop(self, job: Job) -> None:
        """The thread sees job.stopped at its next event."""

    def close(self) -> None:
        self.closed = True
        for _ in self.threads:
            self.jobs.put(None)

    def join(self) -> None:
        for thread in self.threads:
            thread.join(CLOSING_SECONDS)
        self.agent.engine.close()

    def drive(self) -> None:
        """One thread: jobs as they come, until None does."""
        while (job := self.jobs.get()) is not None:
            error = self.done(job)
            try:
                job.loop.call_soon_threadsafe(job.end, error)
            except RuntimeError:
                # The loop was closed at exit: nobody is left who could read this.
                return

    def done(self, job: Job) -> Exception | None:
        """Do a job to its end, or to the moment nobody wants it; what it raised."""
        try:
            if job.stopped or self.closed:
                return None
            with closing(told(self.agent, job.work)) as events:
                for event in events:
                    if job.stopped or self.closed:
                        return None
                    if event is not None:
                        job.loop.call_soon_threadsafe(job.tell, event)
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
