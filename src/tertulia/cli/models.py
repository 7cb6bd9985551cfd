"""`tertulia models`: which models are here, which could be, and what each needs."""

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tertulia.cli import _terminal
from tertulia.cli._flow import fitted, width
from tertulia.cli._progress import size

if TYPE_CHECKING:
    from tertulia.checkpoints import Known
    from tertulia.checkpoints.listing import Here

HELP = "models that are here or could be; sizes and licences"
OTHERS = """\
`tertulia pull NAME` fetches one of the second list, or OWNER/NAME of the
Hugging Face hub, and `tertulia convert` makes it smaller. A folder of your own
works as it is: tertulia chat --model ./my-model. So does any OpenAI-compatible
endpoint: tertulia chat --agent endpoint."""


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(args: argparse.Namespace) -> int:
    """Lists both; 1 when a model that is here cannot be used as it is."""
    from tertulia import checkpoints
    from tertulia.checkpoints import listing

    here = list(listing.here())
    seen = {each.name for each in here}
    could = {name: each for name, each in checkpoints.KNOWN.items() if name not in seen}
    if args.json:
        table = {
            "here": [is_here(each) for each in here],
            "known": [could_be(name, each) for name, each in could.items()],
        }
        print(json.dumps(table, indent=2))
    else:
        print(fitted(told(here, could), width()))
    return 1 if any(each.problem for each in here) else 0


def is_here(model: "Here") -> Mapping[str, Any]:
    found = model.manifest
    return {
        "name": model.name,
        "path": str(model.folder),
        "place": model.place,
        "bytes": model.bytes,
        "format": found.format if found else "",
        "family": found.family if found else "",
        "quantization": model.quantization,
        "licence": model.licence,
        "source": found.source if found else "",
        "problem": model.problem,
    }


def could_be(name: str, model: "Known") -> Mapping[str, Any]:
    return {
        "name": name,
        "hub": model.hub,
        "format": model.format,
        "family": model.family,
        "preset": model.preset,
        "licence": model.licence,
        "gigabytes": model.gigabytes,
        "engine": engine(model),
        "note": model.note,
    }


def engine(model: "Known") -> str:
    """What runs it; empty where there are no weights to run."""
    from tertulia import registry

    own: Mapping[str, Any] = registry.load("tertulia.engines", "onnxruntime").FAMILIES
    return "" if not model.hub else "onnxruntime" if model.family in own else "transformers"


def told(here: "list[Here]", could: "Mapping[str, Known]") -> str:
    """Both lists as tables."""
    paint = _terminal.paint()
    first = [("name", "size", "format", "weights", "licence", "where")]
    first += [
        (
            each.name,
            size(each.bytes),
            each.manifest.format if each.manifest else "?",
            each.quantization or "?",
            each.licence or "?",
            each.place if each.place != "pulled" else str(each.folder),
        )
        for each in here
    ]
    second = [("name", "size", "licence", "runs on", "weights")]
    second += [
        (
            name,
            size(each.gigabytes * 1e9),
            each.licence,
            {"": "-", "transformers": "torch extra"}.get(engine(each), "as it is"),
            "; ".join(filter(None, (each.hub, each.note))),
        )
        for name, each in could.items()
    ]
    wrong = [f"  {each.name}: {_terminal.one_line(each.problem)}" for each in here if each.problem]
    return "\n".join(
        [
            paint("Here", "bold"),
            *indented(first),
            *wrong,
            paint("Could be", "bold"),
            *indented(second),
            OTHERS,
        ]
    )


def indented(table: Sequence[tuple[str, ...]]) -> list[str]:
    safe = [tuple(map(_terminal.one_line, row)) for row in table]
    return [f"  {row}" for row in _terminal.rows(safe).splitlines()]
