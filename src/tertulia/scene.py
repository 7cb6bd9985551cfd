"""The scene: a Conversation as JSON or TOML, the one shape of files, command line, store and HTTP.

    {"agent": "Cosmo", "user": "Friend", "situation": "…", "instruction": "…",
     "personas": {"Cosmo": ["i like cats."], "Friend": []}, "knowledge": ["…"], "memory": ["…"],
     "lore": [{"content": "…", "keys": ["…"]}],
     "plan": {"goal": "", "skill": "", "explanation": ""},
     "turns": [{"speaker": "Friend", "text": "hey", "image": ""}]}

Every key may be left out; a turn needs its speaker and its text. TOML is read by tomllib and
written here: the shape is fixed and two levels deep, which is less to carry than a dependency.

Reading what was written gives the same conversation, but for two things neither shape can hold:
two personas of one speaker come back as one with the facts of both, and a high surrogate followed
by a low one comes back as the character that the two encode.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import fields
from importlib.resources import files
from pathlib import Path
from typing import IO, Any, NoReturn

from tertulia.config import build, fitted, shown, toml, utf_8
from tertulia.conversation import Conversation, Direction, LoreEntry, Persona, Plan, Turn
from tertulia.errors import ConfigError, SceneError
from tertulia.lore import check
from tertulia.registry import nearest

MAX_BYTES = 8 * 1024 * 1024
"""The largest scene that is read: ten thousand turns of eight hundred letters."""

ABOVE = "in TOML the keys of the whole scene stand above the first [table]"
CARDS = (b"\x89PNG", b"PK\x03\x04")
"""How pictures and archives begin, which character cards may be."""

SUFFIXES = (".toml", ".json")
SURROGATE = re.compile("[\ud800-\udfff]")
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
ESCAPED = re.compile(r'[\x00-\x1f\x7f"\\]')
SHORT_ESCAPES = {"\b": r"\b", "\t": r"\t", "\n": r"\n", "\f": r"\f", "\r": r"\r"}

SCHEMA: Mapping[str, Any] = json.loads(
    files("tertulia").joinpath("scene.schema.json").read_text("utf-8")
)
"""JSON Schema 2020-12 of the scene."""

KEYS = tuple(SCHEMA["properties"])
PLAN_KEYS = tuple(SCHEMA["properties"]["plan"]["properties"])
TURN_KEYS = tuple(SCHEMA["properties"]["turns"]["items"]["properties"])
LORE = {each.name: each.default for each in fields(LoreEntry)}
"""Key -> default of a lore entry."""


def find(name: str) -> Path:
    """The file a scene's name means: a path, `name.toml` or `name.json` here, or a shipped scene.

    A file here wins over a shipped scene. Raises SceneError with the nearest shipped name when
    there is neither.
    """
    given, known = Path(name), shipped()
    try:
        beside = (given, *(Path(f"{name}{suffix}") for suffix in SUFFIXES))
        found = next((each for each in beside if each.is_file()), None) or known.get(name)
        if found or given.exists():
            return found or given
    except OSError as error:
        raise SceneError(f"no scene {shown(name)}: {error.strerror}; shorten the name") from error
    near = nearest(given.stem, known)
    raise SceneError(f"no scene {shown(name)}, neither a file nor a shipped one: {near}")


def shipped() -> dict[str, Path]:
    """Name -> file of the scenes that come with the package, by name."""
    package = Path(str(files("tertulia")))
    # A wheel holds them inside the package; a checkout keeps them at its top, for readers.
    places = (package / "scenes", package.parent.parent / "scenes")
    folder = next((place for place in places if place.is_dir()), places[0])
    found = (file for file in folder.glob("*") if file.suffix in SUFFIXES)
    return {file.stem: file for file in sorted(found)}


def load(path: Path | str, stdin: IO[bytes] | None = None) -> Conversation:
    """The conversation of a scene file, or of `stdin` when the path is "-".

    Raises SceneError when there is no such file, it cannot be read, or is no scene.
    """
    if str(path) == "-":
        if stdin is None:
            raise SceneError("the scene is '-', but there is no input to read it from: give a file")
        return read(stdin.read(MAX_BYTES + 1), "stdin")
    path = Path(path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise SceneError(f"no scene file {path}: check the name, or start it with /save") from error
    except IsADirectoryError as error:
        raise SceneError(f"{path} is a folder: give one scene file in it") from error
    except (OSError, ValueError) as error:
        raise SceneError(f"{path} cannot be read: {error}; give a readable scene file") from error
    return read(content, str(path))


def read(content: str | bytes, where: str) -> Conversation:
    """The conversation that JSON or TOML text describes.

    where  how to name the text in messages; when it ends in ".json" the text is JSON, otherwise
           text that starts with "{" is JSON and everything else is TOML

    Raises SceneError for text that is too large, empty, not UTF-8, or not a scene.
    """
    text = decoded(content, where).removeprefix("\ufeff")
    if not text.strip():
        raise SceneError(f'{where} is empty: write at least who talks, such as agent = "Cosmo"')
    is_json = where.endswith(".json") or text.lstrip().startswith("{")
    try:
        return from_table(json_table(text, where) if is_json else toml_table(text, where), where)
    except RecursionError as error:
        raise SceneError(
            f"{where} is nested too deep: a scene is four levels deep at most"
        ) from error


def decoded(content: str | bytes, where: str) -> str:
    """Text within the size limit; bytes as UTF-8."""
    if len(content) > MAX_BYTES:
        raise SceneError(
            f"{where} is larger than {MAX_BYTES // 1024**2} MB, the most a scene may have: "
            "keep the latest turns, or split it"
        )
    if isinstance(content, str):
        return content
    if content.startswith(CARDS):
        raise SceneError(
            f"{where} is a picture or an archive, no scene: if it is a character card, "
            f"`tertulia card import {where}` makes a scene of it"
        )
    try:
        return utf_8(content, where)
    except ConfigError as error:
        raise SceneError(str(error)) from error


def json_table(text: str, where: str) -> object:
    """A JSON text as Python values; a key given twice and NaN are refused."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise SceneError(f"{where}: key {shown(twice)} stands twice in one object: keep one")
        return found

    def refused(constant: str) -> NoReturn:
        raise SceneError(f"{where}: {constant} is not JSON: a scene holds strings and lists")

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=refused)
    except SceneError:
        raise
    except ValueError as error:
        raise SceneError(f"{where} is not JSON: {error}; mend it there") from error


def toml_table(text: str, where: str) -> object:
    try:
        return toml(text, where)
    except ConfigError as error:
        raise SceneError(str(error)) from error


def from_table(mapping: object, where: str) -> Conversation:
    """The conversation that a table of the scene's shape describes.

    Raises SceneError, with the path, for an unknown key, a value of another type, a turn without
    speaker or text, and an agent and a user that are not two names.
    """
    if isinstance(mapping, Mapping) and {"format", "engine"} <= mapping.keys():
        raise SceneError(f"{where} is an agent file, no scene: give it with --agent")
    if isinstance(mapping, Mapping) and ("spec" in mapping or "first_mes" in mapping):
        raise SceneError(
            f"{where} is a character card, no scene: `tertulia card import {where}` makes one of it"
        )
    try:
        table = keyed(mapping, KEYS, where)
        direction = directed(table, where)
        names: dict[str, Any] = {
            key: named(table[key], f"{where}: {key}") for key in KEYS[:2] if key in table
        }
        turns = fitted(table.get("turns", []), list, f"{where}: turns")
        talk = Conversation(
            direction=direction,
            plan=plan(table.get("plan", {}), f"{where}: plan"),
            turns=tuple(turn(each, f"{where}: turns[{n}]") for n, each in enumerate(turns)),
            **names,
        )
    except SceneError:
        raise
    except ConfigError as error:
        raise SceneError(str(error)) from error
    return differing(talk, where)


def directed(table: Mapping[str, Any], where: str) -> Direction:
    texts = {key: fitted(table.get(key, ""), str, f"{where}: {key}") for key in KEYS[2:4]}
    return Direction(
        personas=personas(table.get("personas", {}), where),
        knowledge=listed(table.get("knowledge", []), f"{where}: knowledge"),
        memory=listed(table.get("memory", []), f"{where}: memory"),
        lore=lore_entries(table.get("lore", []), f"{where}: lore"),
        **texts,
    )


def lore_entries(value: object, where: str) -> tuple[LoreEntry, ...]:
    tables: list[object] = fitted(value, list, where)
    lore = tuple(lore_entry(each, f"{where}[{n}]") for n, each in enumerate(tables))
    check(lore, where)
    return lore


def lore_entry(value: object, where: str) -> LoreEntry:
    table = keyed(value, tuple(LORE), where)
    if "content" not in table:
        raise SceneError(f"{where} has no content: a lore entry is a passage and its keys")
    return build(LoreEntry, table, where)


def keyed(value: object, known: tuple[str, ...], where: str) -> Mapping[str, Any]:
    """A table with no other keys than the known ones."""
    if not isinstance(value, Mapping):
        raise SceneError(f"{where} is {shown(value)}, must be a table with {', '.join(known)}")
    for key in value:
        if key in KEYS and key not in known:
            raise SceneError(f"{where}: no key {key!r} in it: {ABOVE}")
        if key not in known:
            raise SceneError(f"{where}: no key {shown(key)}: {nearest(str(key)[:60], known)}")
    return value


def listed(value: object, where: str) -> tuple[str, ...]:
    texts: tuple[str, ...] = fitted(value, tuple[str, ...], where)
    return texts


def named(value: object, where: str) -> str:
    name: str = fitted(value, str, where)
    if not name:
        raise SceneError(f"{where} is empty: give a name")
    return name


def personas(value: object, where: str) -> tuple[Persona, ...]:
    table: Mapping[str, object] = fitted(value, Mapping, f"{where}: personas")
    for name, facts in table.items():
        if name in KEYS and not isinstance(facts, list):
            raise SceneError(f"{where}: personas.{name} is {shown(facts)}: {ABOVE}")
    return tuple(
        Persona(speaker, listed(facts, f"{where}: personas.{told(speaker)}"))
        for speaker, facts in table.items()
    )


def told(name: str) -> str:
    """A speaker's name inside a path of a message."""
    return name if BARE_KEY.fullmatch(name) else shown(name)


def plan(value: object, where: str) -> Plan:
    table = keyed(value, PLAN_KEYS, where)
    return Plan(**{key: fitted(text, str, f"{where}.{key}") for key, text in table.items()})


def turn(value: object, where: str) -> Turn:
    table = keyed(value, TURN_KEYS, where)
    for needed in TURN_KEYS[:2]:
        if needed not in table:
            raise SceneError(f"{where} has no {needed}: a turn needs a speaker and a text")
    speaker = named(table["speaker"], f"{where}.speaker")
    text, image = (fitted(table.get(k, ""), str, f"{where}.{k}") for k in TURN_KEYS[1:])
    return Turn(speaker, text, image)


def differing(conversation: Conversation, where: str) -> Conversation:
    """The conversation, when its sides have two names."""
    if conversation.agent == conversation.user:
        raise SceneError(
            f"{where}: agent and user are both {shown(conversation.agent)}: a scene tells its "
            "sides apart by name; change one"
        )
    return conversation


def table(conversation: Conversation) -> dict[str, Any]:
    """The scene's shape, every key present, of plain values.

    Raises SceneError for a conversation that could not be read back (see from_table).
    """
    direction, plan = conversation.direction, conversation.plan
    speakers = dict.fromkeys(each.speaker for each in direction.personas)
    scene = {
        "agent": conversation.agent,
        "user": conversation.user,
        "situation": direction.situation,
        "instruction": direction.instruction,
        "personas": {speaker: list(direction.facts(speaker)) for speaker in speakers},
        "knowledge": list(direction.knowledge),
        "memory": list(direction.memory),
        "lore": [lore_table(each) for each in direction.lore],
        "plan": {key: getattr(plan, key) for key in PLAN_KEYS},
        "turns": [{key: getattr(each, key) for key in TURN_KEYS} for each in conversation.turns],
    }
    from_table(scene, "this conversation")
    return scene


def lore_table(entry: LoreEntry) -> dict[str, Any]:
    """A lore entry as plain values; but for the content, only what is not the default."""
    given = {key: getattr(entry, key) for key in LORE}
    kept = {key: each for key, each in given.items() if key == "content" or each != LORE[key]}
    return {key: list(each) if isinstance(each, tuple) else each for key, each in kept.items()}


def to_json(conversation: Conversation) -> str:
    """The scene as JSON, indented, every key present; lone surrogates are escaped."""
    text = json.dumps(table(conversation), ensure_ascii=False, indent=2)
    return SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"


def to_toml(conversation: Conversation) -> str:
    """The scene as TOML, empty values left out.

    Raises SceneError for a text with a lone surrogate, which no TOML string can hold.
    """
    scene = table(conversation)
    lines = [f"agent = {quoted(scene['agent'])}", f"user = {quoted(scene['user'])}"]
    lines += [f"{name} = {quoted(scene[name])}" for name in KEYS[2:4] if scene[name]]
    lines += [f"{name} = {array(scene[name])}" for name in KEYS[5:7] if scene[name]]
    if scene["personas"]:
        facts = scene["personas"].items()
        lines += ["", "[personas]", *(f"{key(name)} = {array(each)}" for name, each in facts)]
    for entry in scene["lore"]:
        lines += ["", "[[lore]]", *(f"{k} = {value(v)}" for k, v in entry.items())]
    if conversation.plan:
        lines += ["", "[plan]", *(f"{k} = {quoted(v)}" for k, v in scene["plan"].items() if v)]
    for each in scene["turns"]:
        said = (f"{k} = {quoted(v)}" for k, v in each.items() if v or k == "text")
        lines += ["", "[[turns]]", *said]
    return "\n".join(lines) + "\n"


def value(given: str | bool | int | float | list[str]) -> str:
    """A value of a lore entry in TOML."""
    match given:
        case str():
            return quoted(given)
        case list():
            return array(given)
        case bool():
            return str(given).lower()
        case _:
            return repr(given)


def array(texts: list[str]) -> str:
    return "[" + "".join(f"\n  {quoted(text)}," for text in texts) + ("\n]" if texts else "]")


def key(name: str) -> str:
    """A TOML key, quoted where it must be."""
    return name if BARE_KEY.fullmatch(name) else quoted(name)


def quoted(text: str) -> str:
    """A TOML basic string."""
    if lone := SURROGATE.search(text):
        raise SceneError(
            f"{shown(text)} holds a lone surrogate (U+{ord(lone[0]):04X}), which TOML cannot hold: "
            "write JSON instead"
        )
    return escaped(text)


def escaped(text: str) -> str:
    return '"' + ESCAPED.sub(escape, text) + '"'


def escape(found: re.Match[str]) -> str:
    char = found[0]
    return SHORT_ESCAPES.get(char) or (f"\\{char}" if char in '"\\' else f"\\u{ord(char):04x}")
