"""A talk without a terminal: lines in, events or shown lines out."""

import io
import itertools
from collections.abc import Sequence

from tertulia import Agent, Conversation, Decoding, Direction, Persona, Turn, engines, formats
from tertulia.cli.chat import chat, shown
from tertulia.cli.chat.events import Event, Note, Refused, Said
from tertulia.cli.chat.keeping import Keeper
from tertulia.cli.chat.screen import Screen
from tertulia.cli.chat.session import Session
from tertulia.store import MEMORY, Store

LINES = ("One.", "Two.", "Three.", "Four.", "Five.", "Six.")
SCENE = Conversation(
    agent="Cosmo",
    user="Friend",
    direction=Direction(
        situation="Two friends meet in a park.", personas=(Persona("Cosmo", ("i like cats.",)),)
    ),
)


def scripted(*lines: str, context_window: int = 2048, candidates: int = 1) -> Agent:
    """Reply number n of a talk is line n, when seeds count from 0."""
    return Agent(
        format=formats.load("native"),
        engine=engines.load("scripted", lines=lines or LINES, context_window=context_window),
        decoding=Decoding(candidates=candidates, max_new_tokens=16),
        name="script",
    )


def begun(
    conversation: Conversation = SCENE, *, agent: Agent | None = None, store: Store | None = None
) -> Session:
    keeper = Keeper(store or Store.open(MEMORY))
    return Session(agent or scripted(), conversation, seeds=itertools.count(), keeper=keeper)


def events(session: Session, *lines: str) -> list[Event]:
    return list(chat(session, lines))


def replies(session: Session, *lines: str) -> list[str]:
    return [each.reply.text for each in events(session, *lines) if isinstance(each, Said)]


def notes(session: Session, *lines: str) -> list[str]:
    return [each.text for each in events(session, *lines) if isinstance(each, Note)]


def refusals(session: Session, *lines: str) -> list[str]:
    return [each.text for each in events(session, *lines) if isinstance(each, Refused)]


def screen(session: Session, *lines: str) -> str:
    """What stands on a screen without colour at the end."""
    out = io.StringIO()
    shown(chat(session, lines), Screen(out))
    return out.getvalue()


def told(turns: Sequence[Turn]) -> list[str]:
    return [f"{turn.speaker}: {turn.text}" for turn in turns]
