"""Streams of events: what is ready goes out together, silence is filled, an end is told."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import pytest

from tertulia.server.doors.refusals import Gone, invalid
from tertulia.server.doors.sse import DONE, PING, Events, Stream


class Wire:
    """The client's end of one stream."""

    def __init__(self, stuck: bool = False) -> None:
        self.bodies: list[str] = []
        self.hung_up = asyncio.Event()
        self.free = asyncio.Event()
        if not stuck:
            self.free.set()

    async def receive(self) -> dict[str, Any]:
        await self.hung_up.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message.get("body"):
            self.bodies.append(message["body"].decode())
            await self.free.wait()


def stream(
    frames: AsyncGenerator[str, None],
    left: Callable[[], None] = lambda: None,
    ping_seconds: float = 15.0,
) -> Stream:
    return Stream(frames, left, ping_seconds, {})


def test_frames_that_come_while_one_is_on_its_way_go_out_as_one_piece() -> None:
    async def act() -> list[str]:
        more, wire = asyncio.Event(), Wire(stuck=True)

        async def frames() -> AsyncGenerator[str, None]:
            yield "a"
            await more.wait()
            for each in "bcd":
                yield each

        task = asyncio.create_task(stream(frames())({}, wire.receive, wire.send))
        while not wire.bodies:
            await asyncio.sleep(0)
        more.set()
        wire.free.set()
        await task
        return wire.bodies

    assert asyncio.run(act()) == ["a", "bcd"]


def test_silence_is_filled_with_pings_and_nothing_is_lost_by_them() -> None:
    async def act() -> list[str]:
        wire = Wire()

        async def frames() -> AsyncGenerator[str, None]:
            yield "a"
            while wire.bodies.count(PING) < 2:
                await asyncio.sleep(0)
            yield "b"

        await stream(frames(), ping_seconds=0.001)({}, wire.receive, wire.send)
        return [each for each in wire.bodies if each != PING]

    assert asyncio.run(act()) == ["a", "b"]


def test_an_error_of_the_messages_is_told_before_the_end() -> None:
    async def act() -> str:
        wire = Wire()

        async def messages() -> AsyncIterator[dict[str, Any]]:
            yield {"n": 1}
            raise invalid("too late", "n")

        await Events(messages(), lambda: None, 15.0, {})({}, wire.receive, wire.send)
        return "".join(wire.bodies)

    text = asyncio.run(act())
    assert text.startswith('data: {"n":1}\n\n') and text.endswith(DONE) and "too late" in text


def test_a_client_that_hangs_up_is_told_of_and_the_frames_are_closed() -> None:
    async def act() -> None:
        wire, told, closed = Wire(), [], []

        async def frames() -> AsyncGenerator[str, None]:
            try:
                yield "a"
                await asyncio.Event().wait()
            finally:
                closed.append(True)

        running = stream(frames(), lambda: told.append(True))
        task = asyncio.create_task(running({}, wire.receive, wire.send))
        while not wire.bodies:
            await asyncio.sleep(0)
        wire.hung_up.set()
        with pytest.raises(Gone):
            await task
        assert (told, closed) == ([True], [True])

    asyncio.run(act())
