"""An agent that is open in this process, asked by threads: for tests, and for who embeds it."""

import queue
import threading

from tertulia.agent import Agent
from tertulia.server.making.speaking import Told
from tertulia.server.queue.runner import Job, Runner
from tertulia.server.workers.doing import done, shared, watched

CLOSING_SECONDS = 5.0


class Threads:
    """A Place for jobs. A step that does not end is left behind when it is closed."""

    loaded = True

    def __init__(self, agent: Agent, rows: int) -> None:
        self.agent = agent
        watched(agent.engine)
        self.rows = rows if shared(agent) else 1
        self.jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self.begun: set[Job] = set()
        self.closed = False
        self.threads = [
            threading.Thread(target=self.drive, name=f"engine-{n}", daemon=True)
            for n in range(self.rows)
        ]
        for thread in self.threads:
            thread.start()

    def attend(self, runner: Runner) -> None:
        """They tell each job itself what comes of it."""

    def room(self) -> int:
        return 0 if self.closed else self.rows

    def wake(self) -> None:
        """They are always awake."""

    def begin(self, job: Job) -> None:
        self.begun.add(job)
        self.jobs.put(job)

    def stop(self, job: Job) -> None:
        """The thread sees job.stopped at its next event."""

    def close(self) -> None:
        self.closed = True
        for job in self.begun:
            job.stopped = True
        for _ in self.threads:
            self.jobs.put(None)

    def join(self) -> None:
        for thread in self.threads:
            thread.join(CLOSING_SECONDS)
        self.agent.engine.close()

    def drive(self) -> None:
        """One thread: jobs as they come, until None does."""
        while (job := self.jobs.get()) is not None:

            def tell(event: Told, job: Job = job) -> None:
                job.loop.call_soon_threadsafe(job.tell, event)

            error = done(self.agent, job, tell)
            try:
                job.loop.call_soon_threadsafe(self.ended, job, error)
            except RuntimeError:
                # The loop was closed at exit: nobody is left who could read this.
                return

    def ended(self, job: Job, error: Exception | None) -> None:
        self.begun.discard(job)
        job.end(error)
