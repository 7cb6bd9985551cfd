"""The store of talks on a thread of its own: one call at a time, and the event loop never waits."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from starlette.requests import Request

from tertulia.server.doors.journal import LOG, line, place
from tertulia.server.doors.refusals import Refusal
from tertulia.store import Store

Result = TypeVar("Result")


class Storeroom:
    """An open store and its thread.

    Raises StoreError when the store cannot be opened.
    """

    def __init__(self, place: str) -> None:
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        try:
            self.store = self.thread.submit(Store.open, place).result()
        except BaseException:
            self.thread.shutdown()
            raise

    async def ask(self, work: Callable[[Store], Result]) -> Result:
        """What some work with the store gives; raises what it raises.

        It is done even where nobody waits for it any more.
        """
        return await asyncio.shield(asyncio.wrap_future(self.thread.submit(work, self.store)))

    def leave(self, work: Callable[[Store], object]) -> None:
        """Have some work done that nobody waits for; where it fails the log says so."""
        self.thread.submit(work, self.store).add_done_callback(told)

    def close(self) -> None:
        self.thread.submit(self.store.close).result()
        self.thread.shutdown()


def told(done: Future[object]) -> None:
    if error := done.exception():
        LOG.error(line("failed", error=type(error).__name__, at=place(error)))


def storeroom_of(request: Request) -> Storeroom:
    """The server's store; raises Refusal where it was started without one."""
    found: Storeroom | None = request.app.state.storeroom
    if found is None:
        raise Refusal(
            404,
            "this server keeps no talks: start it with --store, or use tertulia studio",
            code="no_store",
        )
    return found
