"""The documentation as tests see it: pages, their fenced blocks, and how a page is played.

A block says on its fence what it is:

    ```python             run, in one namespace for the page
    ```python model       the same, where the built-in model is in the checkout
    ```toml scene         loaded as a scene (json too)
    ```toml agent         loaded as an agent file
    ```console            commands after `$ `, and exactly what they print
    ```LANGUAGE as FILE   kept as that file for the blocks that follow; goes with the ones above
    ```text               anything else, left alone

In a console block a line `…` stands for any number of lines. Each page is played by a process of
its own, in an empty folder, without a network.

    python -m tests.pages [PAGE …]   writes the parts of these pages (all when none is named) that
                                     are written from the code, and what their commands print
"""

import io
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tertulia import assembly, checkpoints, cli, config, registry, scene

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
OMITTED = "…"
FENCE = re.compile(r"(?P<ticks>`{3,})(?P<info>[^`]*)")
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\((?P<target>[^)\s]+)\)")
CODE = re.compile(r"`[^`\n]*`")


def paths() -> list[Path]:
    """The README and every page."""
    return [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: the words on its fence, its lines, and the number of its first line."""

    info: tuple[str, ...]
    lines: tuple[str, ...]
    first: int

    @property
    def language(self) -> str:
        return self.info[0] if self.info else ""

    @property
    def kind(self) -> str:
        """The word after the language: scene, agent, model, or nothing."""
        return self.info[1] if len(self.info) > 1 and self.info[1] != "as" else ""

    @property
    def file(self) -> str:
        """Where its text is kept for the blocks that follow; empty for nowhere."""
        return self.info[-1] if "as" in self.info else ""

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)


def blocks(page: str) -> Iterator[Block]:
    lines = page.splitlines()
    at = 0
    while at < len(lines):
        fence = FENCE.fullmatch(lines[at])
        at += 1
        if fence:
            end = lines.index(fence["ticks"], at)
            yield Block(tuple(fence["info"].split()), tuple(lines[at:end]), at + 1)
            at = end + 1


def links(page: str) -> list[str]:
    """What a page links to, code left out."""
    lines = page.splitlines()
    for block in blocks(page):
        end = block.first - 1 + len(block.lines)
        lines[block.first - 2 : end + 1] = [""] * (len(block.lines) + 2)
    return LINK.findall(CODE.sub("", "\n".join(lines)))


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a console block, and the lines shown below it."""

    line: str
    shown: tuple[str, ...]


def commands(block: Block) -> list[Command]:
    found: list[tuple[str, list[str]]] = []
    for line in block.lines:
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), []))
        else:
            found[-1][1].append(line)
    return [Command(line, tuple(shown)) for line, shown in found]


def agrees(shown: Sequence[str], printed: Sequence[str]) -> bool:
    """Whether what is shown is what was printed; a line `…` stands for any number of lines."""
    parts = ["(?:.*\n)*?" if line == OMITTED else re.escape(line) + "\n" for line in shown]
    return re.fullmatch("".join(parts), "".join(f"{line}\n" for line in printed)) is not None


def printed(command: str) -> list[str]:
    """What a `tertulia …` line prints, errors too; `echo WORDS |` and `< FILE` give its input."""
    before, _, own = command.rpartition(" | ")
    words = shlex.split(own)
    given = b""
    if "<" in words:
        given = Path(words[words.index("<") + 1]).read_bytes()
        words = words[: words.index("<")]
    elif before:
        told = shlex.split(before)
        assert told.pop(0) == "echo", command
        given = (" ".join(told) + "\n").encode()
    assert words.pop(0) == "tertulia", command
    out = io.TextIOWrapper(raw := io.BytesIO(), encoding="utf-8", write_through=True)
    kept, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(given), encoding="utf-8")
    try:
        with redirect_stdout(out), redirect_stderr(out):
            cli.main(words)
    except SystemExit:
        pass  # argparse's way to end after --help and after a complaint
    finally:
        sys.stdin = kept
    return raw.getvalue().decode().splitlines()


def loaded_agent(text: str, where: str) -> None:
    """Everything an agent file says, checked, but no weights are opened."""
    table: dict[str, Any] = tomllib.loads(text)
    assert set(table) <= set(assembly.KEYS), table
    assembly.decoded(assembly.section(table, "decoding", where), where)
    singles = {"formats": "format", "engines": "engine", "planners": "planner"}
    given = {"planner": "pinned", **table}
    parts = [(room, assembly.section(given, key, where)) for room, key in singles.items()]
    parts += [("rankers", {"name": n, **s}) for n, s in assembly.ranked(table, where)]
    for room, part in parts:
        name, settings = assembly.named(part, f"{where}, {room}")
        if (room, name) != ("engines", "transformers"):  # needs torch, which the base has not
            config.build(registry.load(f"tertulia.{room}", name).Settings, settings, where)


def has_model() -> bool:
    return (checkpoints.builtin() / "config.json").is_file()


class Player:
    """Plays one page in the current folder.

    wrong    what disagrees, with its place
    outputs  first line of a console block -> the lines it ought to have
    left     blocks left out because the built-in model is not here
    """

    def __init__(self, path: Path) -> None:
        self.name = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name
        self.namespace: dict[str, Any] = {"__name__": "page"}
        self.wrong: list[str] = []
        self.outputs: dict[int, list[str]] = {}
        self.left = 0

    def play(self, page: str) -> None:
        for block in blocks(page):
            if block.file:
                Path(block.file).parent.mkdir(parents=True, exist_ok=True)
                Path(block.file).write_text(block.text, encoding="utf-8")
            if block.kind == "model" and not has_model():
                self.left += 1
            elif block.kind == "scene":
                scene.read(block.text, f"{self.name}:{block.first}.{block.language}")
            elif block.kind == "agent":
                loaded_agent(block.text, f"{self.name}:{block.first}")
            elif block.language == "console":
                self.typed(block)
            elif block.language == "python" and not block.file:
                # Empty lines before it, so that a traceback names the line of the page.
                code = compile("\n" * (block.first - 1) + block.text, self.name, "exec")
                exec(code, self.namespace)

    def typed(self, block: Block) -> None:
        ought: list[str] = []
        for command in commands(block):
            found = printed(command.line)
            right = agrees(command.shown, found)
            ought += [f"$ {command.line}", *(command.shown if right else found)]
            if not right:
                told = "\n".join(found)
                self.wrong.append(f"{self.name}:{block.first}: {command.line} prints\n{told}")
        self.outputs[block.first] = ought


def refuse_network() -> None:
    """Only this machine itself can be reached from here on."""
    plain = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise OSError(f"a page must not need a network: {address}")
        plain(self, address)

    socket.socket.connect = connect  # type: ignore[method-assign,assignment]


def play(path: Path) -> dict[str, Any]:
    """Play a page in a process of its own: {"wrong", "outputs", "left"}, or {"failed"}."""
    with tempfile.TemporaryDirectory() as folder:
        quiet = {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "100", "PYTHONUTF8": "1"}
        home = {"HOME": folder, "TERTULIA_HOME": folder, "XDG_DATA_HOME": folder}
        environment = {**os.environ, **quiet, **home, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "tests.pages", "--play", str(path)],
            capture_output=True, text=True, cwd=folder, env=environment, timeout=300,
        )  # fmt: skip
    if done.returncode:
        return {"failed": done.stderr}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def play_here(path: Path) -> None:
    """Play a page in this process, and print what came of it as one line of JSON."""
    refuse_network()
    player = Player(path)
    with redirect_stdout(io.StringIO()):
        player.play(path.read_text(encoding="utf-8"))
    found = {"wrong": player.wrong, "outputs": player.outputs, "left": player.left}
    sys.stdout.write(json.dumps(found) + "\n")


def write(path: Path) -> None:
    """Bring a page up to date, and say so."""
    from tests import page_parts

    page = path.read_text(encoding="utf-8")
    written = page_parts.written(page)
    path.write_text(written, encoding="utf-8")
    found = play(path)
    if "failed" in found:
        sys.stderr.write(f"{path} failed:\n{found['failed']}\n")
        return
    path.write_text(with_outputs(written, found["outputs"]), encoding="utf-8")
    if written != page or found["wrong"]:
        sys.stderr.write(f"{path} is written anew\n")


def with_outputs(page: str, outputs: dict[str, list[str]]) -> str:
    """The page with these lines in its console blocks."""
    lines = page.splitlines()
    for block in reversed(list(blocks(page))):
        if str(block.first) in outputs:
            start = block.first - 1
            lines[start : start + len(block.lines)] = outputs[str(block.first)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--play"]:
        play_here(Path(sys.argv[2]))
    else:
        for each in map(Path, sys.argv[1:] or paths()):
            write(each.resolve())
