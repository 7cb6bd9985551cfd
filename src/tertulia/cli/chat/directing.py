"""Commands that see and change the direction in mid-talk, and the plan of the next reply."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from tertulia import assembly
from tertulia import scene as scenes_room
from tertulia.cli.chat import looking
from tertulia.cli.chat.events import Event, Note
from tertulia.cli.chat.session import Session
from tertulia.conversation import Conversation, Direction
from tertulia.errors import ConfigError, SceneError, UnknownName
from tertulia.planners import pinned
from tertulia.registry import nearest
from tertulia.skills import ACTIONS, SKILLS
from tertulia.skills import action as known_action
from tertulia.skills import skill as known_skill

TALK = re.compile(r"\d{8}-")
"""How the ids of kept talks begin."""

REMOVES = re.compile(r"-\s*(\d+)")


def scene(session: Session, rest: str) -> Iterator[Event]:
    if not rest:
        yield Note(looking.scene(session.conversation))
        return
    yield from load(session, rest)


def scenes() -> tuple[str, ...]:
    return tuple(scenes_room.shipped())


def files() -> tuple[str, ...]:
    """What /load may be given: scene files that are here, and the shipped scenes."""
    here = sorted(file.name for file in Path().iterdir() if file.suffix in scenes_room.SUFFIXES)
    return (*here, *scenes())


def load(session: Session, rest: str) -> Iterator[Event]:
    """Another scene or a kept talk, with its turns; the agent speaks first if it is due."""
    if not rest:
        raise ConfigError("/load needs a file: /load FILE")
    session.begin(opened(session, rest))
    yield Note(looking.scene(session.conversation))
    yield from session.opened()


def opened(session: Session, name: str) -> Conversation:
    """A scene by file or name, or a talk of the store by its id."""
    try:
        return scenes_room.load(scenes_room.find(name))
    except SceneError:
        if TALK.match(name) and (kept := session.keeper.find(name)):
            return kept
        raise


def situation(session: Session, rest: str) -> Iterator[Event]:
    yield from text(session, rest, "situation")


def instruction(session: Session, rest: str) -> Iterator[Event]:
    yield from text(session, rest, "instruction")


def text(session: Session, rest: str, field: str) -> Iterator[Event]:
    direction = session.conversation.direction
    if rest:
        value = "" if rest == "-" else rest
        yield from session.direct(with_field(direction, field, value))
    yield Note(f"{field}: {getattr(session.conversation.direction, field) or '(none)'}")


def with_field(direction: Direction, field: str, value: str | tuple[str, ...]) -> Direction:
    """A new direction in which this field, by its name, has this value."""
    changes: dict[str, Any] = {field: value}
    return replace(direction, **changes)


def knowledge(session: Session, rest: str) -> Iterator[Event]:
    yield from texts(session, rest, "knowledge")


def memory(session: Session, rest: str) -> Iterator[Event]:
    yield from texts(session, rest, "memory")


def texts(session: Session, rest: str, field: str) -> Iterator[Event]:
    direction = session.conversation.direction
    if rest:
        changed = listed(getattr(direction, field), rest, field)
        yield from session.direct(with_field(direction, field, changed))
    found: tuple[str, ...] = getattr(session.conversation.direction, field)
    yield Note(f"{field}:{looking.numbered(found)}")


def listed(before: tuple[str, ...], rest: str, what: str) -> tuple[str, ...]:
    """The list with a text added, one taken out (-2), or all of them (-)."""
    if rest == "-":
        return ()
    if found := REMOVES.fullmatch(rest):
        place = int(found[1])
        if not 1 <= place <= len(before):
            raise ConfigError(f"no {what} number {place}: there are {len(before)}")
        return (*before[: place - 1], *before[place:])
    return (*before, rest)


def persona(session: Session, rest: str) -> Iterator[Event]:
    talk = session.conversation
    if rest:
        speaker, fact = addressed(talk.cast, rest, talk.agent)
        facts = listed(talk.direction.facts(speaker), fact, f"fact about {speaker}")
        yield from session.direct(talk.direction.with_facts(speaker, facts))
    talk = session.conversation
    told = (f"{name}:{looking.numbered(talk.direction.facts(name))}" for name in talk.cast)
    yield Note("\n".join(told))


def addressed(cast: tuple[str, ...], rest: str, agent: str) -> tuple[str, str]:
    """Whom a fact is about, and the fact. Only a name of the cast counts as one."""
    for name in sorted(cast, key=len, reverse=True):
        if rest.lower().startswith(f"{name.lower()}:") and rest[len(name) + 1 :].strip():
            return name, rest[len(name) + 1 :].strip()
    return agent, rest


def goal(session: Session, rest: str) -> Iterator[Event]:
    if not rest:
        codes = [(str(n), code) for n, code in enumerate(ACTIONS)]
        yield Note(f"{looking.table(codes)}\n{now(session, 'goal')}")
        return
    yield from planned(session, "goal", goal_text(rest))


def goal_text(rest: str) -> str:
    """An action code by its number or spelling; any other text as it is."""
    try:
        return known_action(rest)
    except UnknownName:
        if rest.isdecimal():
            raise
        return rest


def goals() -> tuple[str, ...]:
    return ACTIONS


def skill(session: Session, rest: str) -> Iterator[Event]:
    if not rest:
        groups = dict.fromkeys(SKILLS.values())
        told = ((group, ", ".join(s for s, g in SKILLS.items() if g == group)) for group in groups)
        lines = "\n".join(f"{group}: {names}" for group, names in told)
        yield Note(f"{lines}\n{now(session, 'skill')}")
        return
    yield from planned(session, "skill", rest if rest == "-" else skill_name(rest))


def skill_name(rest: str) -> str:
    """One of the 39; raises UnknownName with the nearest, and not with all of them in one line."""
    try:
        return known_skill(rest)
    except UnknownName as error:
        told = str(error).partition("skills are")[0]
        raise UnknownName(f"{told}/skill lists all {len(SKILLS)}") from error


def skills() -> tuple[str, ...]:
    return tuple(SKILLS)


def explanation(session: Session, rest: str) -> Iterator[Event]:
    if rest:
        yield from planned(session, "explanation", rest)
    else:
        yield Note(now(session, "explanation"))


def planned(session: Session, field: str, value: str) -> Iterator[Event]:
    value = "" if value == "-" else value
    yield from session.plan(replace(session.conversation.plan, **{field: value}))
    yield Note(now(session, field))


def now(session: Session, field: str) -> str:
    return f"{field} of the next reply: {getattr(session.conversation.plan, field) or '(none)'}"


def picture(session: Session, rest: str) -> Iterator[Event]:
    """Words for a picture that goes with the person's next line."""
    if rest:
        session.picture = "" if rest == "-" else rest
    yield Note(f"picture with your next line: {session.picture or '(none)'}")


def think(session: Session, rest: str) -> Iterator[Event]:
    if rest and rest not in ("on", "off"):
        raise UnknownName(f"/think {rest!r}: {nearest(rest, ('on', 'off'))}")
    if rest:
        session.agent = assembly.thinking(session.agent, rest == "on")
    thinks = not isinstance(session.agent.planner, pinned.Pinned)
    yield Note("the agent plans its replies" if thinks else "the agent replies without planning")
