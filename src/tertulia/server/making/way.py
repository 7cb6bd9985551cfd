"""How a reply is to be made: OpenAI's fields and the `decoding` object over the agent's own."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from tertulia import config, registry
from tertulia.agent import Agent
from tertulia.decoding import Decoding, preset
from tertulia.errors import ConfigError, TertuliaError, UnsupportedDecoding
from tertulia.registry import nearest
from tertulia.server.doors.refusals import Refusal, invalid
from tertulia.server.doors.shapes import whole
from tertulia.server.making.asked import Making

SETTINGS = tuple(field.name for field in fields(Decoding))
MOST = {"stop": 16, "banned": 1024, "rankers": 8}
"""Entries of the lists in `decoding`: each token is held to all of them."""

OURS = ("preset", "rankers", "return_candidates")
AT_THE_START = re.compile(r"decoding(?:: |\[)?(\w+)?")
REFUSED_BY_ENGINE = re.compile(r"cannot do (\w+)=")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """An agent with the decoding and rankers of one request.

    choices  of the candidates that are made, how many are answered
    rankers  names of those that the request asks for; None leaves the agent's
    tells    the answer lists every candidate
    """

    agent: Agent
    choices: int
    rankers: tuple[str, ...] | None
    tells: bool

    @property
    def live(self) -> bool:
        """Pieces may be shown as they come: it is known which candidate is which choice."""
        made = self.agent.decoding.candidates
        ranks = self.agent.rankers if self.rankers is None else self.rankers
        return made == self.choices and (made == 1 or not ranks)


def way(agent: Agent, asked: Making) -> Way:
    """The agent as one request wants it; raises Refusal naming what cannot be honoured.

    Without a seed one is drawn here, so that the planner's part can be repeated too.
    """
    table = dict(asked.decoding or {})
    bounded(table)
    own = {name: table.pop(name) for name in OURS if table.get(name) is not None}
    for name in OURS:
        table.pop(name, None)
    given = openai_fields(asked)
    known(table, given)
    base = started(own, agent.decoding)
    told = {name: whole(value) for name, value in table.items() if value is not None}
    decoding = chosen(base, {**given, **told}, asked.choices, origin(asked))
    tells = "alternatives" in agent.engine.honours
    if "alternatives" in given and not tells:
        raise untold(origin(asked)["alternatives"])
    try:
        agent.engine.check(decoding)
    except UnsupportedDecoding as error:
        raise named(error, REFUSED_BY_ENGINE, origin(asked)) from None
    if asked.tells_logprobs and not tells:
        raise untold("logprobs")
    if "seed" in {**given, **told} and decoding.temperature > 0 and not agent.engine.replays:
        raise unseeded(origin(asked).get("seed", "decoding.seed"))
    seed = secrets.randbelow(2**31) if decoding.seed is None else decoding.seed
    decoding = replace(decoding, seed=seed)
    agent = replace(agent, decoding=decoding)
    lists = config.fitted(own.get("return_candidates", False), bool, "decoding.return_candidates")
    return Way(agent=agent, choices=asked.choices, rankers=ranked(own), tells=lists)


def openai_fields(asked: Making) -> dict[str, Any]:
    """OpenAI's fields by the names they have in Decoding."""
    return {name: value for name, (_, value) in asked.settings.items() if value is not None}


def origin(asked: Making) -> dict[str, str]:
    """The request's field that a setting came from."""
    came = {name: field for name, (field, value) in asked.settings.items() if value is not None}
    return {**came, "candidates": "n"} if asked.choices > 1 else came


def untold(field: str) -> Refusal:
    return invalid(
        f"{field} cannot be honoured: this model's engine does not tell its tokens' "
        "probabilities; leave it out",
        field,
        "unsupported_value",
    )


def unseeded(field: str) -> Refusal:
    return invalid(
        f"{field} cannot be honoured: no seed reaches this model's engine, so that its sampled "
        "replies cannot be made again; leave it out, or ask for temperature 0",
        field,
        "unsupported_value",
    )


def bounded(table: Mapping[str, Any]) -> None:
    """Raises Refusal for a list with more entries than a decoding may have."""
    for name, most in MOST.items():
        given = table.get(name)
        if isinstance(given, list) and len(given) > most:
            raise invalid(
                f"decoding.{name} has {len(given)} entries, and {most} is the most: leave some out",
                f"decoding.{name}",
                "invalid_value",
            )


def known(table: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Raises Refusal for a setting that nobody knows, and for one that is given twice."""
    for name in table:
        if name not in SETTINGS:
            raise invalid(
                f"decoding has no {config.shown(name)}: {nearest(name, (*SETTINGS, *OURS))}",
                "decoding",
                "invalid_value",
            )
        if name in given:
            raise invalid(
                f"decoding.{name} and the request's own field for it are both given: keep one",
                f"decoding.{name}",
            )


def started(own: Mapping[str, Any], decoding: Decoding) -> Decoding:
    """The settings that the request's stand over: a preset's, or the agent's."""
    if "preset" not in own:
        return decoding
    try:
        return preset(config.fitted(own["preset"], str, "decoding.preset")).decoding
    except TertuliaError as error:
        raise invalid(str(error), "decoding.preset", "invalid_value") from None


def chosen(
    base: Decoding, changes: Mapping[str, Any], choices: int, came: Mapping[str, str]
) -> Decoding:
    """The settings with the request's over them; raises Refusal naming the field at fault.

    A temperature changes what cannot go with it: sampling ends a search by beams, and a greedy
    reply is a single one. Stop strings are added, since the agent's own part its turns.
    """
    merged = {name: getattr(base, name) for name in base.changed()} | dict(changes)
    if changes.get("temperature") == 0 and base.temperature != 0 and "beams" not in changes:
        merged.setdefault("beams", 1)
        merged["candidates"] = changes.get("candidates", 1)
    elif changes.get("temperature") and "beams" not in changes:
        merged["beams"] = 1
    made = merged.get("candidates", 1)
    # What is no number, or none that candidates may have, is left for config.build, which says so.
    if isinstance(made, int) and choices > made > 0:
        merged["candidates"] = choices
    if "stop" in changes and isinstance(changes["stop"], list | tuple):
        merged["stop"] = [*base.stop, *changes["stop"]]
    try:
        return config.build(Decoding, merged, "decoding")
    except ConfigError as error:
        raise named(error, AT_THE_START, came) from None


def named(error: TertuliaError, where: re.Pattern[str], came: Mapping[str, str]) -> Refusal:
    """A refusal of the setting that the message of an error is about."""
    found = where.search(str(error))
    setting = found[1] if found and found[1] in SETTINGS else ""
    # Too many candidates are told by their number, not by their name.
    setting = setting or ("candidates" if "candidates" in str(error) else "")
    param = came.get(setting) or (f"decoding.{setting}" if setting else "decoding")
    return invalid(str(error), param, "invalid_value")


def ranked(own: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Names of the rankers that the request asks for; they are loaded where the engine is."""
    if "rankers" not in own:
        return None
    try:
        names: tuple[str, ...]
        names = config.fitted(own["rankers"], tuple[str, ...], "decoding.rankers")
        for each in names:
            registry.load("tertulia.rankers", each)
        return names
    except TertuliaError as error:
        raise invalid(str(error), "decoding.rankers", "invalid_value") from None
