"""Server-sent events: a stream of frames that knows when its client hangs up."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tertulia.server.doors.refusals import Gone, refusal_of

DONE = "data: [DONE]\n\n"
PING = ": ping\n\n"
Result = TypeVar("Result")
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def frame(message: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(message, ensure_ascii=False, separators=(',', ':'))}\n\n"


class Stream(Response):
    """Frames as they come, and a ping where none comes for long.

    hung_up  called when nobody is left to be told
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        frames: AsyncGenerator[str, None],
        hung_up: Callable[[], None],
        ping_seconds: float,
        headers: Mapping[str, str],
    ) -> None:
        self.frames, self.hung_up, self.ping_seconds = frames, hung_up, ping_seconds
        self.status_code, self.background = 200, None
        self.ready: list[str] = []
        self.news = asyncio.Event()
        self.init_headers({**HEADERS, **headers})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {
            "type": "http.response.start",
            "status": self.status_code,
            "headers": self.raw_headers,
        }
        await send(start)
        coming = asyncio.create_task(self.gather())
        sending = asyncio.create_task(self.send(send, coming))
        leaving = asyncio.create_task(left(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not sending.done():
                raise Gone
            await sending
        except OSError:
            raise Gone from None
        finally:
            self.hung_up()
            for task in (sending, coming, leaving):
                task.cancel()
            await asyncio.gather(sending, coming, leaving, return_exceptions=True)

    async def gather(self) -> None:
        """The frames, as they come."""
        try:
            async for frame in self.frames:
                self.ready.append(frame)
                self.news.set()
        finally:
            self.news.set()

    async def send(self, send: Send, coming: asyncio.Task[None]) -> None:
        """What is ready goes out at once, in one piece: one write for all that came meanwhile."""
        over = False
        while not over:
            try:
                async with asyncio.timeout(self.ping_seconds):
                    await self.news.wait()
            except TimeoutError:
                self.ready.append(PING)
            self.news.clear()
            over = coming.done()
            text, self.ready = "".join(self.ready), []
            await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
        await coming
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class Events(Stream):
    """Messages as OpenAI's clients read them, with [DONE] at the end."""

    def __init__(
        self,
        messages: AsyncIterator[Mapping[str, Any]],
        hung_up: Callable[[], None],
        ping_seconds: float,
        headers: Mapping[str, str],
    ) -> None:
        super().__init__(framed(messages), hung_up, ping_seconds, headers)


async def framed(messages: AsyncIterator[Mapping[str, Any]]) -> AsyncGenerator[str, None]:
    """The frames of messages and the end after them; an error becomes a last message."""
    try:
        async for message in messages:
            yield frame(message)
    except Exception as error:  # noqa: BLE001 - the status is sent: told in the stream
        yield frame(refusal_of(error).body)
    yield DONE


async def left(receive: Receive) -> None:
    """Returns when the client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def unless_gone(request: Request, work: Awaitable[Result]) -> Result:
    """What work gives; raises Gone, and cancels it, when the client hangs up before it is done."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.create_task(left(request.receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Gone
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def after(first: Result, rest: AsyncIterator[Result]) -> AsyncIterator[Result]:
    """One item, then the others."""
    yield first
    async for each in rest:
        yield each
