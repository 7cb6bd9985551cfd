"""The parts of the pages that are written from the code, so that they cannot go stale.

    <!-- written from the code: presets -->
    …
    <!-- end -->

A part has a name, and perhaps words behind it. `python -m tests.pages` writes all of them.
"""

import argparse
import ast
import importlib
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, replace
from pathlib import Path
from typing import Any

from tertulia import (
    checkpoints,
    cli,
    errors,
    formats,
    interchange,
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
    told = f"Reported as unsupported here: {missed}."
    if prompt.stop:
        told += f" The reply ends at {', '.join(map(ending, prompt.stop))}."
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


KINDS = {
    "string": "a string",
    "object": "a table",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
}


def schema_rows(
    properties: Mapping[str, Any], before: str
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for name, rule in properties.items():
        inner, listed = rule.get("properties"), rule.get("items", {})
        if name == "personas":
            yield f"{before}personas.NAME", "a list of strings", rule
            continue
        kind = KINDS.get(rule["type"], "a list of strings")
        if "enum" in rule:
            kind = f"one of {', '.join(rule['enum'])}"
        yield f"{before}{name}", "a list of tables" if "properties" in listed else kind, rule
        if inner:
            yield from schema_rows(inner, f"{before}{name}.")
        if "properties" in listed:
            yield from schema_rows(listed["properties"], f"{before}{name}[].")


def json_default(rule: Mapping[str, Any]) -> str:
    return json.dumps(rule["default"]) if "default" in rule else ""


def skill_list() -> str:
    groups = dict.fromkeys(skills.SKILLS.values())
    rows = ((g, ", ".join(s for s, of in skills.SKILLS.items() if of == g)) for g in groups)
    return table(("category", "skills"), rows)


def action_list() -> str:
    return table(("number", "code"), ((str(n), code(c)) for n, c in enumerate(skills.ACTIONS)))


def shelf(room: str) -> str:
    """Every file of a shelf: its first sentence, and its settings."""
    found = (
        Part.read(ROOT / "src" / "tertulia" / room, n) for n in registry.names(f"tertulia.{room}")
    )
    return "\n\n".join(each.told() for each in found)


@dataclass(frozen=True)
class Part:
    """A file (or folder) of a shelf as it is written; it is not imported, it may need torch.

    trees  of its files
    """

    name: str
    trees: tuple[ast.Module, ...]

    @classmethod
    def read(cls, folder: Path, name: str) -> "Part":
        single = folder / f"{name}.py"
        files = [single] if single.is_file() else sorted((folder / name).glob("*.py"))
        return cls(name, tuple(ast.parse(file.read_text(encoding="utf-8")) for file in files))

    def told(self) -> str:
        sentence = opening(ast.get_docstring(self.trees[0])).rstrip(":")
        return f"### `{self.name}`\n\n{sentence}\n\n{self.settings()}"

    def settings(self) -> str:
        nodes = (node for tree in self.trees for node in ast.walk(tree))
        classes = (node for node in nodes if isinstance(node, ast.ClassDef))
        settings = next(node for node in classes if node.name == "Settings")
        docstring = ast.get_docstring(settings) or ""
        told = told_fields("\n".join(f"    {line}" for line in docstring.splitlines()))
        kept = [node for node in settings.body if isinstance(node, ast.AnnAssign)]
        rows = [self.setting(node, told) for node in kept]
        if not rows:
            return "Nothing to set."
        head = ("setting", "what it holds", "default", "meaning")
        wide = len(head) if any(row[3] for row in rows) else 3
        return f"{opening(docstring)}\n\n{table(head[:wide], (row[:wide] for row in rows))}"

    def setting(self, node: ast.AnnAssign, told: Mapping[str, str]) -> tuple[str, ...]:
        name = ast.unparse(node.target)
        kind = HOLDS[ast.unparse(node.annotation)]
        default = code(self.default(node.value)) if node.value else "must be given"
        return (code(name), kind, default, told.get(name, ""))

    def default(self, node: ast.expr) -> str:
        """A default as an agent file would have it; a constant of this file or another by value."""
        text = ast.unparse(node)
        if text == "field(default_factory=dict)":
            return "{}"
        if isinstance(node, ast.Attribute):
            module = importlib.import_module(f"tertulia.{ast.unparse(node.value)}")
            return valued(getattr(module, node.attr))
        if isinstance(node, ast.Name):
            nodes = (each for tree in self.trees for each in tree.body)
            assigns = (each for each in nodes if isinstance(each, ast.Assign))
            return self.default(next(a.value for a in assigns if ast.unparse(a.targets[0]) == text))
        return valued(ast.literal_eval(node))


HOLDS = {
    "str": "a string",
    "str | None": "a string, or nothing",
    "bool": "true or false",
    "int": "a whole number",
    "int | None": "a whole number, or nothing",
    "float": "a number",
    "Path": "a path",
    "Path | None": "a path, or nothing",
    "tuple[str, ...]": "a list of strings",
    "Mapping[str, object]": "a table",
}


def opening(docstring: str | None) -> str:
    return " ".join((docstring or "").split("\n\n")[0].split())


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
    if inner := [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]:
        return "\n\n".join(verb(f"{name} {n}", each) for n, each in inner[0].choices.items())
    own = [a for a in parser._actions if not isinstance(a, argparse._HelpAction)]
    rows = [(code(typed(each)), argument_told(each)) for each in own]
    parts = [f"### `tertulia {name}`", sentence(parser.description or "")]
    parts += [table(("argument", "what it does"), rows)] if rows else []
    parts += [f"```text\n{parser.epilog.strip()}\n```"] if parser.epilog else []
    return "\n\n".join(parts)


def sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


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
    rows = ((code(each.usage), f"{each.told}. {each.more}".strip()) for each in commands.ALL)
    return table(("command", "what it does"), rows)


def models() -> str:
    rows = (
        (code(name), each.hub or "none", code(each.format), each.licence, each.note)
        for name, each in checkpoints.KNOWN.items()
    )
    return table(("model", "weights", "format", "licence", "note"), rows)


def dataclass_fields(module: str, name: str) -> str:
    """The fields of a dataclass of the package, with what its docstring says of them."""
    found = getattr(importlib.import_module(f"tertulia.{module}"), name)
    told = told_fields(found.__doc__)
    rows = (
        (code(each.name), field_default(each),
         told.get(each.name, ""))
        for each in fields(found)
    )  # fmt: skip
    return table(("field", "default", "meaning"), rows)


def field_default(field: Field[Any]) -> str:
    if field.default_factory is not MISSING:
        return f"an empty {type(field.default_factory()).__name__}"
    return "" if field.default is MISSING else code(repr(field.default))


def interchange_forms() -> str:
    found = map(interchange.about, interchange.forms())
    rows = ((code(f.name), f.told, "yes" if f.reads else "–", code(f.suffix)) for f in found)
    return table(("form", "what it is", "import", "ending"), rows)


PARTS: Mapping[str, Callable[..., str]] = {
    "actions": action_list,
    "agents": agent_files,
    "commands": chat_commands,
    "decoding": decoding_fields,
    "errors": error_tree,
    "fields": dataclass_fields,
    "formats": format_table,
    "interchange_forms": interchange_forms,
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
