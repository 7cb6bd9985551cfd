"""`tertulia pull`: a model from the Hugging Face hub, checked, where `--model` finds it."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tertulia.cli import _terminal
from tertulia.cli._progress import Progress, size

if TYPE_CHECKING:
    from tertulia.checkpoints.pull import Plan

HELP = "fetch a model from the Hugging Face hub"
MORE = """\
Only data is fetched: config, tokenizer, licence and weights, each checked against the hub's
checksum. Code is neither fetched nor run. Weights that are published as .bin become safetensors.
A pull that was stopped goes on from there when it is started again.
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of the verb."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = MORE
    parser.add_argument(
        "name", metavar="NAME", help="one that `tertulia models` lists, or OWNER/NAME"
    )
    parser.add_argument("--revision", metavar="R", help="a branch, tag or commit of the hub")
    parser.add_argument("--format", default="", metavar="F",
                        help="the dialect it was trained on, where it cannot be told")  # fmt: skip
    parser.add_argument("--yes", action="store_true", help="accept a non-commercial licence")
    parser.add_argument("--json", action="store_true", help="one JSON object at the end")


def run(args: argparse.Namespace) -> int:
    """Fetches what is missing; 0 when the model is here, 1 when its licence was not accepted."""
    from tertulia.checkpoints import pull

    here = None if args.format else pull.already(args.name, args.revision)
    if here is not None:
        told(args, here, 0)
        return 0
    if args.format:
        known_format(args.format)
    plan = pull.planned(args.name, args.revision)
    if not args.json:
        print(described(plan))
    if plan.non_commercial and not args.yes and not accepted(plan):
        return 1
    try:
        with Progress("fetching", plan.bytes) as progress:
            folder = pull.pull(plan, args.format, progress)
    except KeyboardInterrupt:
        print("tertulia: stopped; the same command goes on from there", file=sys.stderr)
        raise
    told(args, folder, plan.missing)
    return 0


def known_format(name: str) -> None:
    """Raises UnknownName for a format that is not there, before anything is fetched."""
    from tertulia import registry

    registry.load("tertulia.formats", name)


def described(plan: "Plan") -> str:
    """What is about to be fetched, under which licence."""
    licence = plan.licence or "not stated; see its page"
    told = f"{plan.repository.hub}  {size(plan.bytes)}  licence: {licence}"
    if plan.missing < plan.bytes:
        told += f"  ({size(plan.missing)} of it to fetch)"
    return _terminal.one_line(told)


def accepted(plan: "Plan") -> bool:
    """Whether somebody at the terminal accepts the licence; ConfigError when nobody is there."""
    from tertulia.errors import ConfigError

    told = f"{plan.repository.hub} is not for commercial use ({plan.licence})"
    if sys.stdin is None or not sys.stdin.isatty():
        raise ConfigError(f"{told}: add --yes to accept that")
    print(_terminal.one_line(f"{told}. Fetch it? [y/N]"), end=" ", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def told(args: argparse.Namespace, folder: Path, fetched: int) -> None:
    """Where the model is now."""
    from tertulia import checkpoints

    found = checkpoints.described(folder)
    if args.json:
        table = {
            "name": args.name,
            "path": str(folder),
            "fetched_bytes": fetched,
            "format": found.format,
            "licence": found.licence,
            "source": found.source,
        }
        print(json.dumps(table, indent=2))
        return
    here = "fetched to" if fetched else "is here,"
    print(_terminal.one_line(f"{args.name} {here} {folder}; format {found.format}"))
    print(_terminal.one_line(f"talk to it: tertulia chat --model {args.name}"))
