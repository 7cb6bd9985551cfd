"""The parts of the pages that are written from the code, so that they cannot go stale.

    <!-- written from the code: presets -->
    …
    <!-- end -->

A part has a name, and perhaps words behind it. `python -m tests.pages` writes all of them.
"""

import argparse
import ast
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

from tertulia import (
    checkpoints,
    cli,
    errors,
    formats,
    registry,
    scene,
    skills,
)
from tertulia.cli.chat import commands
from tertulia.conversation import Conversation, Direction, Persona, Plan, Turn
from tertulia.decoding import PRESETS, RANGES, Decoding

ROOT = Path(__file__).parents[1]
PART = re.compile(
    r"(?P<head><!-- written from the code: (?P<call>[^>]+?) -->\n).*?(?P<tail><!-- end -->)", re.S
)


def written(page: str) -> str:
    """The page with its parts as the code has them now."""

    def part(found: re.Match[str]) -> str:
        name, *words = found["call"].split()
        return f"{found['head']}\n{PARTS[name](*words).strip()}\n\n{found['tail']}"

    return PART.sub(part, page)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *([cell(each) for each in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|")


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def told_fields(docstring: str) -> dict[str, str]:
    """Name -> what a docstring's two-column list says of it."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in docstring.splitlines():
        entry = re.match(r" {4}([a-z_]+(?:, [a-z_]+)*) {2,}(\S.*)", line)
        if entry:
            names = entry[1].split(", ")
            found |= dict.fromkeys(names, entry[2])
        elif names and line.startswith(" " * 8):
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
        else:
            names = []
    return found


def valued(value: object) -> str:
    """A default as an agent file would have it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(map(valued, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def decoding_fields() -> str:
    told = told_fields(Decoding.__doc__ or "")
    ranges = {name: f"{number(low)} to {number(high)}" for name, low, high, _ in RANGES}
    rows = (
        (code(each.name), code(valued(each.default)), ranges.get(each.name, ""), told[each.name])
        for each in fields(Decoding)
    )
    return table(("field", "default", "range", "what it does"), rows)


def number(value: float) -> str:
    return "2⁶³−1" if value == 2**63 - 1 else f"{value:,.10g}".replace(",", " ")


def presets() -> str:
    rows = ((code(name), settings_of(each.decoding), each.source) for name, each in PRESETS.items())
    return table(("preset", "settings that differ from the default", "source"), rows)


def one_preset(*names: str) -> str:
    rows = ((code(n), settings_of(PRESETS[n].decoding), PRESETS[n].source) for n in names)
    return table(("preset", "settings that differ from the default", "source"), rows)


def settings_of(decoding: Decoding) -> str:
    return ", ".join(f"{name} {valued(getattr(decoding, name))}" for name in decoding.changed())


def error_tree() -> str:
    tree = (errors.__doc__ or "").split("\n\n")[1]
    return f"```text\n{tree}\n```"


TALK = Conversation(agent="A", user="U", turns=(Turn("U", "hello"),))
FACTS = tuple(Direction(personas=(Persona(who, ("a fact",)),)) for who in ("A", "U", "C"))
DIRECTED: Mapping[str, Conversation] = {
    "situation": TALK.directed(Direction(situation="s")),
    "instruction": TALK.directed(Direction(instruction="i")),
    "agent's facts": TALK.directed(FACTS[0]),
    "user's facts": TALK.directed(FACTS[1]),
    "others' facts": TALK.directed(FACTS[2]),
    "knowledge": TALK.directed(Direction(knowledge=("k",))),
    "memory": TALK.directed(Direction(memory=("m",))),
    "picture": replace(TALK, turns=(Turn("U", "look", image="a dog"),)),
    "goal": TALK.planned(Plan(goal="g")),
    "skill": TALK.planned(Plan(skill="Empathy")),
    "explanation": TALK.planned(Plan(explanation="e")),
    "third speaker": replace(TALK, turns=(Turn("C", "hello"),)),
}
"""One talk for each kind of direction, with nothing else in it."""


def format_table(*names: str) -> str:
    rows = []
    for name in names or registry.names("tertulia.formats"):
        for variant in formats.variants(name):
            format = formats.load(name, variant=variant)
            takes = ("yes" if taken(format, talk) else "–" for talk in DIRECTED.values())
            rows.append((code(name), code(variant), *takes))
    return table(("format", "variant", *DIRECTED), rows)


def left(scene_name: str, name: str, variant: str = "") -> str:
    """What a format does not take of a shipped scene, and what ends its reply."""
    given = {"variant": variant} if variant else {}
    prompt = formats.load(name, **given).render(scene.load(scene.find(scene_name)))
    missed = ", ".join(map(code, prompt.unsupported)) or "nothing"
    ends = ", ".join(map(ending, prompt.stop))
    told = f"Reported as unsupported here: {missed}. The reply ends at {ends}."
    if prompt.closing:
        told += f" The tokenizer closes the input with {', '.join(map(code, prompt.closing))}."
    return told


def ending(stop: str) -> str:
    return "a line break" if stop == "\n" else code(stop.replace("\n", "↵"))


def taken(format: formats.Format, talk: Conversation) -> bool:
    return not format.render(talk).unsupported


def scene_keys() -> str:
    rows = [
        (code(path), kind, code(json_default(rule)), str(rule["description"]))
        for path, kind, rule in schema_rows(scene.SCHEMA["properties"], "")
    ]
    return table(("key", "what it holds", "default", "meaning"), rows)


def schema_rows(
    properties: Mapping[str, Any], before: str
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for name, rule in properties.items():
        inner, listed = rule.get("properties"), rule.get("items", {})
        if name == "personas":
            yield f"{before}personas.NAME", "a list of strings", rule
            continue
        kind = {"string": "a string", "object": "a table"}.get(rule["type"], "a list of strings")
        yield f"{before}{name}", "a list of tables" if "properties" in listed else kind, rule
        if inner:
            yield from schema_rows(inner, f"{before}{name}.")
        if "properties" in listed:
            yield from schema_rows(listed["properties"], f"{before}{name}[].")


def json_default(rule: Mapping[str, Any]) -> str:
    return f'"{rule["default"]}"' if "default" in rule else ""


def skill_list() -> str:
    groups = dict.fromkeys(skills.SKILLS.values())
    rows = ((g, ", ".join(s for s, of in skills.SKILLS.items() if of == g)) for g in groups)
    return table(("category", "skills"), rows)


def action_list() -> str:
    return table(("number", "code"), ((str(n), code(c)) for n, c in enumerate(skills.ACTIONS)))


def shelf(room: str) -> str:
    """Every file of a shelf: its first sentence, and its settings."""
    told = []
    for name in registry.names(f"tertulia.{room}"):
        module, settings = read_settings(ROOT / "src" / "tertulia" / room, name)
        told.append(f"### `{name}`\n\n{module}")
        if settings is not None:
            told.append(settings_told(settings))
    return "\n\n".join(told)


def read_settings(folder: Path, name: str) -> tuple[str, ast.ClassDef | None]:
    """The first sentence of a file (or folder) and its Settings, read and not imported."""
    single = folder / f"{name}.py"
    files = [single] if single.is_file() else sorted((folder / name).glob("*.py"))
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in files]
    classes = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    sentence = " ".join((ast.get_docstring(trees[0]) or "").split("\n\n")[0].split())
    return sentence.rstrip(":"), next((node for node in classes if node.name == "Settings"), None)


def settings_told(settings: ast.ClassDef) -> str:
    kept = [node for node in settings.body if isinstance(node, ast.AnnAssign)]
    note = " ".join((ast.get_docstring(settings) or "").split("\n\n")[0].split())
    told = told_fields(indented(ast.get_docstring(settings) or ""))
    if not kept:
        return "Nothing to set."
    rows = []
    for node in kept:
        assert isinstance(node.target, ast.Name)
        default = ast.unparse(node.value) if node.value else "must be given"
        name = node.target.id
        rows.append((code(name), ast.unparse(node.annotation), code(default), told.get(name, "")))
    plain = not any(row[3] for row in rows)
    shown = table(("setting", "type", "default"), (row[:3] for row in rows)) if plain else None
    return f"{note}\n\n{shown or table(('setting', 'type', 'default', 'meaning'), rows)}"


def indented(docstring: str) -> str:
    return "\n".join(f"    {line}" for line in docstring.splitlines())


def agent_files() -> str:
    told = []
    for path in sorted((ROOT / "agents").glob("*.toml")):
        text = path.read_text(encoding="utf-8")
        about = tomllib.loads(text)["description"]
        told.append(f"### `{path.stem}`\n\n{about}\n\n```toml agent\n{text.strip()}\n```")
    return "\n\n".join(told)


def scene_files() -> str:
    rows = []
    for name, path in scene.shipped().items():
        talk = scene.load(path)
        rows.append((code(name), f"{talk.agent} and {talk.user}", talk.direction.situation or "–"))
    return table(("scene", "who talks", "situation"), rows)


def verbs() -> str:
    """Every verb with its arguments, from the parser; not argparse's own page, whose look differs
    from one Python to the next."""
    parser = cli.parser()
    (choice,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    return "\n\n".join(verb(name, each) for name, each in choice.choices.items())


def verb(name: str, parser: argparse.ArgumentParser) -> str:
    own = [a for a in parser._actions if not isinstance(a, argparse._HelpAction)]
    rows = [(code(typed(each)), argument_told(each)) for each in own]
    parts = [f"### `tertulia {name}`", f"{(parser.description or '').rstrip('.')}."]
    parts += [table(("argument", "what it does"), rows)] if rows else []
    parts += [f"```text\n{parser.epilog.strip()}\n```"] if parser.epilog else []
    return "\n\n".join(parts)


def typed(action: argparse.Action) -> str:
    metavar = action.metavar or (None if action.nargs == 0 else action.dest.upper())
    shown = f" {metavar}" if metavar else ""
    if action.choices and not action.metavar:
        shown = f" {'|'.join(map(str, action.choices))}"
    if action.option_strings:
        return ", ".join(action.option_strings) + shown
    shown = shown.strip()
    return f"[{shown}]" if action.nargs in ("?", "*") else shown


def argument_told(action: argparse.Action) -> str:
    return (action.help or "") % {"default": action.default, "dest": action.dest}


def chat_commands() -> str:
    rows = ((code(c.usage), f"{c.told}. {c.more}".replace(". .", ".")) for c in commands.ALL)
    return table(("command", "what it does"), rows)


def models() -> str:
    rows = (
        (code(name), each.hub or "none", code(each.format), each.licence, each.note)
        for name, each in checkpoints.KNOWN.items()
    )
    return table(("model", "weights", "format", "licence", "note"), rows)


def dataclass_fields(module: str, name: str) -> str:
    """The fields of a dataclass of the package, with what its docstring says of them."""
    import importlib

    found = getattr(importlib.import_module(f"tertulia.{module}"), name)
    told = told_fields(found.__doc__)
    rows = (
        (code(each.name), "" if each.default is MISSING else code(valued(each.default)),
         told.get(each.name, ""))
        for each in fields(found)
    )  # fmt: skip
    return table(("field", "default", "meaning"), rows)


PARTS: Mapping[str, Callable[..., str]] = {
    "actions": action_list,
    "agents": agent_files,
    "commands": chat_commands,
    "decoding": decoding_fields,
    "errors": error_tree,
    "fields": dataclass_fields,
    "formats": format_table,
    "left": left,
    "models": models,
    "preset": one_preset,
    "presets": presets,
    "scene": scene_keys,
    "scenes": scene_files,
    "shelf": shelf,
    "skills": skill_list,
    "verbs": verbs,
}
