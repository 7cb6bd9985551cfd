"""`tertulia models`: which models are here, which could be, and what each needs."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tertulia.cli import _terminal

HELP = "models that are here or could be; sizes and licences"
OTHERS = """\
None of the second list is fetched for you: download one and give its folder, as in
tertulia chat --model ./thanos-1b. This version runs Llama-type checkpoints as they are, whatever
transformers loads with the torch extra (pip install 'tertulia[torch]'), and any OpenAI-compatible
endpoint (tertulia chat --agent endpoint)."""
RUNS = {
    "thanos": "onnxruntime",
    "cosmo": "transformers",
    "godel": "transformers",
    "persona_gpt": "transformers",
    "dialogpt": "transformers",
}
"""Format of a known model -> the engine that runs its published weights in this version."""


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(args: argparse.Namespace) -> int:
    from tertulia import checkpoints

    here = builtin(checkpoints.builtin())
    others = [known(name, each) for name, each in checkpoints.KNOWN.items()]
    if args.json:
        print(json.dumps({"here": [here], "known": others}, indent=2))
        return 0
    paint = _terminal.paint()
    print(paint("Here", "bold"))
    state = here["licence"] if here["present"] else "missing: install tertulia again"
    print(f"  builtin  {here['model']}  {megabytes(here['bytes'])}  {state}")
    print(paint("Could be", "bold"))
    rows = [("name", "size", "licence", "runs on", "weights")]
    rows += [
        (each["name"], size(each["gigabytes"]), each["licence"], engine(each), where(each))
        for each in others
    ]
    print("\n".join(f"  {row}" for row in _terminal.rows(rows).splitlines()))
    print(OTHERS)
    return 0


def builtin(folder: Path) -> Mapping[str, Any]:
    """What the package's own model is, by its folder."""
    weights = folder.glob("*.safetensors") if folder.is_dir() else ()
    size = sum(file.stat().st_size for file in weights)
    return {
        "name": "builtin",
        "model": "tertulia-mini",
        "present": size > 0,
        "bytes": size,
        "licence": "Apache-2.0",
        "path": str(folder),
    }


def known(name: str, model: Any) -> Mapping[str, Any]:  # noqa: ANN401 - checkpoints is loaded late
    return {
        "name": name,
        "hub": model.hub,
        "format": model.format,
        "preset": model.preset,
        "licence": model.licence,
        "gigabytes": model.gigabytes,
        "engine": RUNS.get(model.format, "") if model.hub else "",
        "note": model.note,
    }


def engine(row: Mapping[str, Any]) -> str:
    return {"": "-", "transformers": "torch extra"}.get(row["engine"], str(row["engine"]))


def where(row: Mapping[str, Any]) -> str:
    return "; ".join(filter(None, (row["hub"], row["note"])))


def size(gigabytes: float) -> str:
    return f"{gigabytes:g} GB"


def megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
