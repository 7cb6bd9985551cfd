"""`tertulia doctor`: what this machine can run, and the line that cures what it cannot."""

import argparse
import json
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from tertulia.cli import _terminal
from tertulia.cli._flow import flowed, width
from tertulia.errors import TertuliaError

HELP = "what works on this machine, and how to get what is missing"
CPU_TORCH = "pip install torch --index-url https://download.pytorch.org/whl/cpu"
EXTRAS = (
    ("torch", "torch", "runs any checkpoint that transformers loads"),
    ("transformers", "torch", "the same"),
    ("ctranslate2", "ctranslate2", "runs models that were converted for it"),
    ("accelerate", "train", "trains models (recipes)"),
    ("matplotlib", "train", "plots of training"),
    ("huggingface_hub", "hub", "fetches models (tertulia pull)"),
    ("psycopg", "postgres", "keeps talks in PostgreSQL"),
    ("fastapi", "serve", "serves agents over HTTP (tertulia serve)"),
)
"""(package, the extra that brings it, what it is good for)."""


@dataclass(frozen=True, slots=True)
class Check:
    """state is "ok", "broken" (needed, does not work) or "absent" (optional)."""

    name: str
    state: str
    detail: str
    cure: str = ""


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--store", metavar="FILE|URL", help="the store to look at")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(args: argparse.Namespace) -> int:
    checks = list(examined(args.store))
    well = all(each.state != "broken" for each in checks)
    if args.json:
        print(json.dumps({"ok": well, "checks": [asdict(each) for each in checks]}, indent=2))
        return 0 if well else 1
    paint = _terminal.paint()
    styles = {"ok": "green", "broken": "red", "absent": "yellow"}
    wide = max(len(each.name) for each in checks)
    for each in checks:
        state = paint(each.state.ljust(6), styles[each.state])
        indent = " " * (wide + 10)
        detail, cure = (
            flowed(_terminal.one_line(text), width(), len(indent), indent)
            for text in (each.detail, each.cure)
        )
        print(f"{state}  {each.name.ljust(wide)}  {detail}")
        if cure:
            print(f"{indent}{cure}")
    print("Everything needed works." if well else "Something needed is broken; see above.")
    return 0 if well else 1


def examined(store: str | None) -> Iterator[Check]:
    yield python()
    yield package("onnxruntime")
    yield attempted("built-in model", speaks, "pip install --force-reinstall tertulia")
    yield attempted("store", lambda: writable(store), "tertulia chat --no-store keeps nothing")
    for name, extra, use in EXTRAS:
        yield optional(name, extra, use)


def python() -> Check:
    version = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return Check("python", "ok", version)


def installed(name: str) -> str | None:
    """The version of an installed package; None when it is not there."""
    # Imported here: `tertulia --help` reads this file, and would take twice as long.
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None


def package(name: str) -> Check:
    if found := installed(name):
        return Check(name, "ok", found)
    return Check(name, "broken", "not installed", f"pip install {name}")


def attempted(name: str, attempt: Callable[[], str], cure: str) -> Check:
    """What an attempt says, or how it failed; a TertuliaError brings its own cure."""
    try:
        return Check(name, "ok", attempt())
    except TertuliaError as error:
        return Check(name, "broken", str(error))
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        return Check(name, "broken", f"{type(error).__name__}: {error}", cure)


def speaks() -> str:
    """Load the default agent and let it say a word."""
    from tertulia import Conversation, assembly

    agent = assembly.open_agent()
    try:
        reply = agent.reply(Conversation().said("User", "Hello! How are you?"), seed=1)
    finally:
        agent.engine.close()
    return f"says {reply.text!r} in {reply.completion.seconds:.1f} s"


def writable(place: str | None) -> str:
    """Open the store, and see that there is room to write beside it."""
    from tertulia.store import Store, default_place, is_url

    where = place or default_place()
    with Store.open(where) as store:
        talks = len(store.talks(limit=1_000_000))
        if is_url(where):
            return f"{store.database.where}, {talks} talks"
        folder = Path(where).parent
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(1 << 16))
            file.flush()
    free = shutil.disk_usage(folder).free / 1e9
    return f"{where}, {talks} talks, {free:.1f} GB free"


def optional(name: str, extra: str, use: str) -> Check:
    if found := installed(name):
        return Check(name, "ok", found)
    cure = f"pip install 'tertulia[{extra}]'"
    if name == "torch":
        here = "an NVIDIA GPU is here:" if shutil.which("nvidia-smi") else "for an NVIDIA GPU"
        cure = f"{CPU_TORCH} ({here} leave the index out), then {cure}"
    return Check(name, "absent", f"optional: {use}", cure)
