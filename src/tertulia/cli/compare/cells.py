"""One turn through several columns: each is opened, asked once for every preset, and closed."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from tertulia import assembly, record
from tertulia.agent import Agent, Reply
from tertulia.conversation import Conversation
from tertulia.decoding import Decoding
from tertulia.errors import TertuliaError

Presets = Mapping[str, Decoding]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What answers, as it was named: an agent file, or a model with what fits it."""

    agent: str = ""
    model: str = ""

    @property
    def name(self) -> str:
        return self.agent or self.model

    def open(self) -> Agent:
        return assembly.open_agent(self.agent or None, model=None if self.agent else self.model)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One side's answer in one way of decoding: a reply, or why there is none.

    preset         empty for the agent's own decoding
    open_seconds   to open the side, once for all of its cells
    reply_seconds  from the turn to the reply, plan and ranking included
    """

    side: Side
    preset: str
    reply: Reply | None = None
    error: str = ""
    open_seconds: float = 0.0
    reply_seconds: float = 0.0


def sides(given: Sequence[tuple[str, str]]) -> list[Side]:
    """The columns as given, ("agent" or "model", name); without any, the default agent.

    A model named in an agent's file stands beside the agent's name; a file that cannot be read
    tells so when it is its turn.
    """
    columns = [Side(**{kind: name}) for kind, name in given] or [Side(agent=assembly.DEFAULT)]
    return [replace(each, model=model_of(each.agent)) if each.agent else each for each in columns]


def model_of(agent: str) -> str:
    try:
        table = assembly.read(assembly.find(agent))
        return str(assembly.section(table, "engine", agent).get("model", ""))
    except TertuliaError:
        return ""


def compared(
    talk: Conversation, columns: Sequence[Side], presets: Presets, seed: int
) -> Iterator[Cell]:
    """A cell for each side and preset, in that order, as they are made; one seed for all."""
    for side in columns:
        began = time.perf_counter()
        try:
            agent = side.open()
        except TertuliaError as error:
            for preset in presets or ("",):
                yield Cell(side=side, preset=preset, error=str(error))
            continue
        opened = time.perf_counter() - began
        with closing(agent.engine):
            for preset, decoding in (presets or {"": agent.decoding}).items():
                cell = answered(replace(agent, decoding=decoding), talk, seed)
                yield replace(cell, side=side, preset=preset, open_seconds=opened)
        # The weights of one side are gone before the next is opened.
        del agent


def answered(agent: Agent, talk: Conversation, seed: int) -> Cell:
    began = time.perf_counter()
    blank = Cell(side=Side(), preset="")
    try:
        reply = agent.reply(talk, seed=seed)
    except TertuliaError as error:
        return replace(blank, error=str(error), reply_seconds=time.perf_counter() - began)
    return replace(blank, reply=reply, reply_seconds=time.perf_counter() - began)


def told(cell: Cell) -> Mapping[str, Any]:
    """A cell as plain values: those of `tertulia chat --json` and what they were made with."""
    reply = cell.reply
    made = {} if reply is None else {**record.told(reply), "prompt": reply.prompt.text}
    return {
        "agent": cell.side.agent or None,
        "model": cell.side.model or None,
        "preset": cell.preset or None,
        "error": cell.error or None,
        **made,
        "timings": {
            "open_seconds": round(cell.open_seconds, 4),
            "reply_seconds": round(cell.reply_seconds, 4),
            "first_seconds": reply and round(reply.completion.first_seconds, 4),
        },
    }
