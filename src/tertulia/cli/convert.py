"""`tertulia convert`: a model in fewer bits, or in safetensors, as a new folder."""

import argparse
import json
from pathlib import Path
from types import ModuleType

from tertulia.cli import _terminal
from tertulia.cli._progress import Progress, size

HELP = "write a model in int8, bfloat16 or float32 into a new folder"
ENGINES = ("ctranslate2",)
"""Engines that want folders of their own."""

MORE = """\
SRC is a model folder, or the name of a model that is here; its weights may be safetensors, or
.bin and .pth files, in which nothing is run. DST has config, tokenizer and licence files too, and
is there when it is whole or not at all. Memory stays small whatever the model's size, but with
--for, which holds what it writes.
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of the verb."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = MORE
    parser.add_argument("source", metavar="SRC", help="a model folder, or a model's name")
    parser.add_argument("target", nargs="?", metavar="DST", type=Path,
                        help="a new folder; SRC's name and the type when left out")  # fmt: skip
    parser.add_argument("--quantization", default="int8", metavar="Q",
                        help="int8 (the default), bfloat16 or float32")  # fmt: skip
    parser.add_argument("--for", dest="engine", default="", metavar="ENGINE",
                        help="ctranslate2: for that engine (int8, float16, float32)")  # fmt: skip
    parser.add_argument("--format", default="", metavar="F",
                        help="the dialect it was trained on, where it cannot be told")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one JSON object at the end")


def run(args: argparse.Namespace) -> int:
    """Writes DST and says where it is."""
    from tertulia import checkpoints, registry
    from tertulia.checkpoints import convert

    if args.format:
        registry.load("tertulia.formats", args.format)
    source = checkpoints.here(args.source)
    what = "-".join(filter(None, (args.engine, args.quantization)))
    target = args.target or convert.target_of(args.source, what)
    way = way_for(args.engine)
    plan = way.planned(source, target, args.quantization, args.format)
    with Progress("writing", plan.bytes_written) as progress:
        folder = way.convert(plan, progress)
    if args.json:
        table = {
            "source": str(source),
            "path": str(folder),
            "quantization": plan.manifest.quantization,
            "format": plan.manifest.format,
            "bytes_read": plan.bytes_read,
            "bytes_written": plan.bytes_written,
        }
        print(json.dumps(table, indent=2))
        return 0
    print(
        _terminal.one_line(
            f"{source} ({size(plan.bytes_read)}) is in {plan.manifest.quantization} at {folder} "
            f"({size(plan.bytes_written)})"
        )
    )
    print(_terminal.one_line(f"talk to it: tertulia chat --model {name_of(folder)}"))
    return 0


def way_for(engine: str) -> ModuleType:
    """What converts for an engine; ours for none. Raises UnknownName and MissingExtra."""
    from tertulia import registry
    from tertulia.checkpoints import convert
    from tertulia.errors import UnknownName

    if not engine:
        return convert
    if engine not in ENGINES:
        raise UnknownName(f"--for {engine!r}: {registry.nearest(engine, ENGINES)}")
    return registry.load("tertulia.checkpoints", engine)


def name_of(folder: Path) -> str:
    """The shortest that `--model` finds a folder by."""
    from tertulia import checkpoints

    home = checkpoints.home().absolute()
    return folder.relative_to(home).as_posix() if folder.is_relative_to(home) else str(folder)
