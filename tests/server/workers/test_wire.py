"""What crosses between the server and a worker."""

import socket
import threading

import pytest

from tertulia import Conversation, Decoding
from tertulia.errors import CheckpointError, PromptTooLong
from tertulia.server.doors.refusals import invalid
from tertulia.server.making.speaking import Speak, told
from tertulia.server.workers import wire
from tests.server.asking import scripted


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_messages_arrive_whole_however_their_bytes_do(size: int) -> None:
    talk = Conversation().said("User", "Hi")
    work = Speak(conversation=talk, decoding=Decoding(seed=1), pieces=True)
    events = [each for each in told(scripted(), work) if each is not None]
    sent = [wire.Begin(1, "mini", work), *(wire.Came(1, each) for each in events), wire.Stop(1)]
    raw = b"".join(map(wire.framed, sent))
    frames, found = wire.Frames(), []
    for at in range(0, len(raw), size):
        found += frames.add(raw[at : at + size])
    assert found == sent and not frames.held


def test_the_end_of_the_other_side_ends_the_messages() -> None:
    ours, theirs = socket.socketpair()

    def send() -> None:
        with theirs:
            theirs.sendall(wire.framed("one") + wire.framed("two") + wire.framed("cut")[:-1])

    threading.Thread(target=send).start()
    with ours:
        assert list(wire.received(ours)) == ["one", "two"]


def test_our_errors_cross_with_all_they_tell() -> None:
    [found] = wire.Frames().add(wire.framed(invalid("no", "n", "invalid_value")))
    assert isinstance(found, Exception)
    assert found.body == invalid("no", "n", "invalid_value").body  # type: ignore[attr-defined]
    for kind in (PromptTooLong, CheckpointError):
        [found] = wire.Frames().add(wire.framed(wire.crossing(kind("why"))))
        assert isinstance(found, kind) and str(found) == "why"


def test_of_other_errors_only_the_type_crosses() -> None:
    crossed = wire.crossing(ValueError("what somebody wrote"))
    assert isinstance(crossed, wire.Broken) and str(crossed) == "ValueError"
    assert getattr(wire.crossing(MemoryError()), "code", "") == "out_of_memory"
