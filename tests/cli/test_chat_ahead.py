"""While a person types, the engine reads what the next prompt will begin with."""

from collections.abc import Callable
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from tertulia import Agent, Conversation, Decoding, formats
from tertulia.cli.chat import lines
from tertulia.cli.chat.ahead import reading_ahead
from tertulia.engines.scripted import Scripted, Settings
from tertulia.errors import EngineError
from tertulia.prompt import Prompt

TALK = Conversation(agent="Ana", user="Ben")


class Patient(Scripted):
    """An engine that reads ahead for as long as it is wanted."""

    def __init__(self) -> None:
        super().__init__(Settings())
        self.began, self.ended = Event(), Event()

    def read_ahead(self, prompts: Any, wanted: Callable[[], bool]) -> None:
        self.began.set()
        while wanted():
            self.ended.wait(0.001)
        self.ended.set()


class Failing(Scripted):
    """An engine that runs out of memory meanwhile."""

    def read_ahead(self, prompts: list[Prompt], wanted: Callable[[], bool]) -> None:
        raise EngineError("no memory is left")


def session(engine: Scripted) -> Any:
    agent = Agent(format=formats.load("native"), engine=engine, decoding=Decoding())
    return SimpleNamespace(agent=agent, conversation=TALK)


def test_reading_begins_with_the_waiting_and_ends_with_the_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = Patient()

    def answered(_: str) -> str:
        assert engine.began.wait(30) and not engine.ended.is_set()
        return "Hi"

    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("builtins.input", answered)
    assert next(lines.typed(session(engine), remembered=False)) == "Hi"
    assert engine.ended.is_set()


def test_it_ends_where_the_person_stops_it() -> None:
    engine = Patient()
    with pytest.raises(KeyboardInterrupt), reading_ahead(session(engine)):
        raise KeyboardInterrupt
    assert engine.ended.is_set()


def test_what_goes_wrong_is_left_to_the_reply(capfd: pytest.CaptureFixture[str]) -> None:
    with reading_ahead(session(Failing(Settings()))):
        pass
    assert capfd.readouterr().err == ""
