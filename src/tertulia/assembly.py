"""An agent is a file you can read: this turns that file into an Agent."""

import ast
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from tertulia import checkpoints, config, engines, formats, planners, rankers, registry
from tertulia.agent import Agent
from tertulia.decoding import Decoding, preset
from tertulia.engines import Engine
from tertulia.errors import CheckpointError, ConfigError, UnknownName
from tertulia.planners import Planner, pinned
from tertulia.registry import nearest

DEFAULT = "mini"
LARGEST_FILE = 1 << 20
KEYS = ("description", "format", "engine", "decoding", "planner", "rankers")
SCENE_KEYS = ("agent", "user", "situation", "personas", "turns")
LOCAL = ("onnxruntime", "transformers", "ctranslate2")
"""Engines that run a folder of weights."""

MODEL_LINE = re.compile(r"# --model ('.*'|\".*\")")
"""What stands over an agent's text when a model was given that takes the place of its own."""

HERE = Path(__file__).parent
PACKAGED = (HERE / "agents", HERE.parents[1] / "agents")
"""Agent files in an installed package, and in a checkout."""


@dataclass(frozen=True, slots=True)
class Written:
    """An agent as it is written down, nothing of it open.

    where  the file it stands in, for errors; its stem is the agent's name
    text   of that file, under a line with the model that takes the place of its own
    """

    table: Mapping[str, Any]
    where: str
    text: str = ""

    @property
    def name(self) -> str:
        return Path(self.where).stem


def open_agent(
    name: str | None = None,
    *,
    model: str | None = None,
    changes: Mapping[str, Any] | None = None,
) -> Agent:
    """The agent in a file, by path or by the file's name; `mini` when none is named.

    model    a model folder, or "builtin": replaces the engine's model; without `name` the format
             and the engine are those that fit the model (see `suited`)
    changes  decoding settings over those of the file

    Raises UnknownName, ConfigError, MissingExtra, CheckpointError.
    """
    found = written(name, model=model)
    table = found.table
    if changes:
        table = {**table, "decoding": {**section(table, "decoding", found.where), **changes}}
    return assemble(table, found.where)


def written(name: str | None = None, *, model: str | None = None) -> Written:
    """The agent that open_agent opens, as it is written down."""
    given = f"# --model {model!r}\n" if model is not None else ""
    if name is None and model is not None and model != checkpoints.BUILTIN:
        return Written(suited(checkpoints.find(model)), f"model {model}", given)
    path = find(name or DEFAULT)
    table, text = read(path), path.read_text(encoding="utf-8-sig")
    if model is not None:
        table = {**table, "engine": {**section(table, "engine", str(path)), "model": model}}
    return Written(table, str(path), given + text)


def rewritten(text: str, where: str) -> Written:
    """The agent of a text that `written` gave, such as the store keeps with a reply.

    Raises ConfigError for a text that describes none, CheckpointError for a model that is gone.
    """
    head, _, rest = text.partition("\n")
    named_model = MODEL_LINE.fullmatch(head)
    try:
        model = ast.literal_eval(named_model[1]) if named_model else None
        table: Mapping[str, Any] = tomllib.loads(rest if named_model else text)
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise ConfigError(f"{where} describes no agent: {error}") from error
    if model is not None and not rest.strip():
        return Written(suited(checkpoints.find(model)), where, text)
    if model is not None:
        table = {**table, "engine": {**section(table, "engine", where), "model": model}}
    return Written(table, where, text)


def assemble(
    table: Mapping[str, Any],
    where: str = "agent file",
    opening: "Callable[[Runtime], Engine] | None" = None,
) -> Agent:
    """The agent a table describes; docs/reference/agent-file.md tells its keys.

    opening  gives the engine of a Runtime; None opens a new one
    """
    opening = opening or Runtime.opened
    check_keys(table, where)
    speaks = runtime(section(table, "engine", where), f"{where} [engine]")
    planner, planning = named(section(table, "planner", where, "pinned"), f"{where} [planner]")
    plans, planning = planned_on(speaks, planning, f"{where} [planner]")
    name, settings = named(section(table, "format", where), f"{where} [format]")
    format = formats.load(name, **templated(name, settings, speaks))
    decoding = decoded(section(table, "decoding", where), f"{where} [decoding]")
    engine = opening(speaks)
    engine.check(decoding)
    thinks = engine if plans == speaks else opening(plans)
    return Agent(
        format=format,
        engine=engine,
        decoding=decoding,
        planner=planners.load(planner, format=format, engine=thinks, **planning),
        rankers=tuple(
            rankers.load(each, format=format, engine=engine, **settings)
            for each, settings in ranked(table, where)
        ),
        name=Path(where).stem,
    )


def check_keys(table: Mapping[str, Any], where: str) -> None:
    """Raises ConfigError for a key that no agent file has, and for one that each must have."""
    if "format" not in table and any(key in table for key in SCENE_KEYS):
        raise ConfigError(f"{where} is a scene, no agent file: give it without --agent")
    for key in table:
        if key not in KEYS:
            raise ConfigError(f"{where}: no key {key!r}: {nearest(key, KEYS)}")
    if "format" not in table or "engine" not in table:
        raise ConfigError(f"{where}: an agent needs a [format] and an [engine], each with a name")


@dataclass(frozen=True, slots=True)
class Runtime:
    """An engine that is not open yet: its name and settings, its model found."""

    name: str
    settings: Mapping[str, Any]

    @property
    def folder(self) -> str | None:
        """The folder of weights that a local engine runs."""
        return self.settings.get("model") if self.name in LOCAL else None

    def opened(self) -> Engine:
        return engines.load(self.name, **self.settings)


def runtime(settings: dict[str, Any], where: str) -> Runtime:
    """The engine that a table describes; raises CheckpointError for a model that is not here."""
    name, settings = named(settings, where)
    if name in LOCAL and isinstance(settings.get("model"), str):
        settings["model"] = str(checkpoints.find(settings["model"]))
    return Runtime(name, settings)


def planned_on(
    speaks: Runtime, planning: dict[str, Any], where: str
) -> tuple[Runtime, dict[str, Any]]:
    """The engine that a planner asks, the agent's if it has none, and the planner's settings.

    A local engine of its own brings the chat template of its model.
    """
    if not planning.get("own_engine"):
        return speaks, planning
    plans = runtime(section(planning, "own_engine", where), f"{where} own_engine")
    if plans.folder:
        own_format = {"template": plans.folder, **section(planning, "own_format", where)}
        planning = {**planning, "own_format": own_format}
    return plans, planning


def templated(format: str, settings: dict[str, Any], speaks: Runtime) -> dict[str, Any]:
    """A format's settings; one that has a use for a chat template gets that of a local model."""
    known = {each.name for each in fields(registry.load("tertulia.formats", format).Settings)}
    if speaks.folder and "template" in known:
        return {"template": speaks.folder, **settings}
    return settings


@dataclass(frozen=True, slots=True)
class Resting(pinned.Pinned):
    """A planner that is switched off."""

    planner: Planner


def thinking(agent: Agent, on: bool) -> Agent:
    """The same agent with its planner switched on or off; one that has none gets the model's own.

    Raises ConfigError when the model cannot plan.
    """
    planner = agent.planner
    if on and isinstance(planner, Resting):
        return replace(agent, planner=planner.planner)
    if on == (not isinstance(planner, pinned.Pinned)):
        return agent
    if on:
        native = planners.load("native", format=agent.format, engine=agent.engine)
        return replace(agent, planner=native)
    return replace(agent, planner=Resting(planner))


def names() -> tuple[str, ...]:
    """Agents that can be opened by name: those in ./agents and those that come with Tertulia."""
    return tuple(sorted({path.stem for folder in folders() for path in folder.glob("*.toml")}))


def find(name: str) -> Path:
    """The agent file of that name or path; raises UnknownName with the nearest one."""
    if name.endswith(".toml") or "/" in name:
        path = Path(name).expanduser()
        if path.is_file():
            return path
        raise UnknownName(f"no agent file {name!r}: agents by name are {', '.join(names())}")
    for folder in folders():
        if (folder / f"{name}.toml").is_file():
            return folder / f"{name}.toml"
    raise UnknownName(
        f"no agent {name!r}: {nearest(name, names())}; or give a path to a .toml file"
    )


def folders() -> list[Path]:
    return [folder for folder in (Path("agents"), *PACKAGED) if folder.is_dir()]


def read(path: Path) -> dict[str, Any]:
    """The table of an agent file; raises ConfigError when it is not one."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ConfigError(f"{path} is over {LARGEST_FILE >> 20} MB, no agent file is")
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}); check the path") from error
    return config.toml(content, str(path))


def section(
    table: Mapping[str, Any], key: str, where: str, default: str | None = None
) -> dict[str, Any]:
    """A table of the file; a plain string stands for a table with that name."""
    value = table.get(key, {} if default is None else {"name": default})
    if isinstance(value, str):
        return {"preset" if key == "decoding" else "name": value}
    if not isinstance(value, Mapping):
        shown = config.shown(value)
        raise ConfigError(f"{where}: {key} is {shown}, must be a name or a table [{key}]")
    return dict(value)


def named(settings: dict[str, Any], where: str) -> tuple[str, dict[str, Any]]:
    """The `name` of a table and the rest of it."""
    name = settings.pop("name", None)
    if not isinstance(name, str):
        raise ConfigError(f'{where}: name is missing: write name = "…"')
    return name, settings


def ranked(table: Mapping[str, Any], where: str) -> list[tuple[str, dict[str, Any]]]:
    """The rankers of the file, in order; each is a name or a table [[rankers]]."""
    value = table.get("rankers", [])
    if not isinstance(value, list):
        raise ConfigError(
            f'{where}: rankers is {config.shown(value)}, must be a list of rankers: write ["…"]'
        )
    tables = [section({"ranker": each}, "ranker", f"{where} [[rankers]]") for each in value]
    return [named(each, f"{where} [[rankers]]") for each in tables]


def decoded(settings: dict[str, Any], where: str) -> Decoding:
    """A preset with changes over it, or plain settings."""
    name = settings.pop("preset", None)
    changes = config.build(Decoding, settings, where) if name is None else None
    if changes is not None:
        return changes
    if not isinstance(name, str):
        raise ConfigError(f"{where}: preset is {config.shown(name)}, must be a string")
    start = preset(name).decoding
    kept = {field: getattr(start, field) for field in start.changed()}
    return config.build(Decoding, {**kept, **settings}, where)


THANOS_ALONE: Mapping[str, Any] = {
    "format": {"name": "thanos", "variant": "both"},
    "planner": {"name": "thanos"},
    "decoding": {"preset": "thanos_eval"},
}
"""A Thanos model that is asked to chat: it plans, as it was trained to, and then replies itself."""


def suited(folder: Path) -> dict[str, Any]:
    """The agent table that fits a model folder, by its tertulia.toml or by what it looks like.

    What the default engine knows runs on it, anything else on transformers, and what was converted
    for CTranslate2 there. Raises CheckpointError where the format cannot be told, or the model
    needs code of its own.
    """
    told = checkpoints.described(folder)
    table = checkpoints.config(folder)
    family = table.get("model_type")
    known = family in registry.load("tertulia.engines", "onnxruntime").FAMILIES
    if not known and "auto_map" in table:
        raise CheckpointError(
            f"{folder} needs code of its own (auto_map in config.json), which is never run; if "
            f"transformers knows the family {family!r} itself, write an agent file with [engine] "
            'name = "transformers"'
        )
    format = {"name": told.format}
    if told.variant:
        format["variant"] = told.variant
    if told.format == "chat_template":
        format["template"] = str(folder)
    engine: dict[str, Any] = {"name": "onnxruntime" if known else "transformers"}
    if checkpoints.for_ctranslate2(folder):
        # It samples only where replies need not be made again, as presets ask it to.
        engine = {"name": "ctranslate2", "replayable": False}
    engine["model"] = str(folder)
    if told.format == "thanos" and not told.variant:
        return {**THANOS_ALONE, "engine": engine}
    return {"format": format, "engine": engine, "decoding": told.decoding or {}}
