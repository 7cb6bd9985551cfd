"""`tertulia compare`: one turn, answered by several models, agents and ways of decoding."""

import argparse
import functools
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tertulia.cli.chat import seed

if TYPE_CHECKING:
    from tertulia.conversation import Conversation

HELP = "the same turn through several models, agents and presets"
MORE = """\
The turn is the scene's last one, or --say. Every --agent and --model is a row,
in the order given; with presets it has a row for each of them. Models are
opened one after another. A row that fails shows its error and the others go
on; the exit code is 1 then.
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of the verb."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = MORE
    parser.add_argument(
        "scene", metavar="SCENE", help="a file, a shipped scene's name, - for stdin"
    )
    for kind, metavar, where in (("model", "NAME", "models"), ("agent", "FILE|NAME", "agents")):
        parser.add_argument(
            f"--{kind}", metavar=metavar, action="append", dest="sides", default=[],
            type=functools.partial(side, kind), help=f"see `tertulia {where}`; any number of times",
        )  # fmt: skip
    parser.add_argument(
        "--preset", metavar="P", action="append", default=[],
        help="decode so instead of the agent's own way; any number of times",
    )  # fmt: skip
    parser.add_argument("--say", metavar="TEXT", help="what the user says, after the scene's turns")
    parser.add_argument(
        "--seed", type=seed, metavar="N", help="the seed of every reply; drawn if not given"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a reply on stdout")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with all of it")


def side(kind: str, name: str) -> tuple[str, str]:
    return kind, name


def run(args: argparse.Namespace) -> int:
    """Prints each reply when it is there; 1 when one of them could not be made, else 0."""
    import random

    from tertulia import scene
    from tertulia.cli.compare.cells import compared, sides, told
    from tertulia.cli.compare.table import Table
    from tertulia.decoding import preset

    if args.scene == "-":
        talk = scene.load("-", getattr(sys.stdin, "buffer", None))
    else:
        talk = scene.load(scene.find(args.scene))
    talk = open_turn(talk, args.say)
    presets = {name: preset(name).decoding for name in args.preset}
    if args.html:
        check_place(args.html)
    columns = sides(args.sides)
    chosen = random.SystemRandom().randrange(2**31) if args.seed is None else args.seed
    table = None if args.json else Table(talk, columns, presets)
    if table:
        print(table.head(chosen))
    cells = []
    for cell in compared(talk, columns, presets, chosen):
        cells.append(cell)
        print(table.row(cell) if table else json.dumps(told(cell), allow_nan=False), flush=True)
    if args.html:
        from tertulia.cli.chat.filing import written
        from tertulia.cli.compare.page import page

        written(args.html, page(args.scene, talk, cells), True)
    return 1 if any(cell.error for cell in cells) else 0


def open_turn(talk: "Conversation", say: str | None) -> "Conversation":
    """The talk with the turn that is to be answered; raises ConfigError when there is none."""
    from tertulia.errors import ConfigError

    if say is not None:
        if not say.strip():
            raise ConfigError("--say is empty: give the words that are to be answered")
        return talk.said(talk.user, say)
    if not talk.turns and not talk.plan:
        raise ConfigError("the scene has no turn to answer: add --say TEXT")
    if talk.turns and talk.turns[-1].speaker == talk.agent:
        raise ConfigError(f"the scene's last turn is {talk.agent}'s own: add --say TEXT")
    return talk


def check_place(path: Path) -> None:
    """Raises ConfigError, before any model is opened, where no file can be written."""
    from tertulia.errors import ConfigError

    if path.is_dir() or not path.parent.is_dir():
        raise ConfigError(f"--html {path}: no file can be put there; name one in a folder there is")
