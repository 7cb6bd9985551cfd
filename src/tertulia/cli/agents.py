"""`tertulia agents`: the agent files that can be opened by name, and what one says."""

import argparse
import json
from collections.abc import Mapping
from typing import Any

from tertulia.cli import _terminal
from tertulia.cli._flow import fitted, width

HELP = "agents that can be opened by name; with NAME, that one's file"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", nargs="*", metavar="NAME",
                        help="print that agent's file, by a name of the list or a path; "
                        "`show NAME` does the same")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="JSON instead of words")


def run(args: argparse.Namespace) -> int:
    from tertulia import assembly
    from tertulia.errors import UnknownName

    if args.words:
        named = args.words[1:] if args.words[0] == "show" else args.words
        if len(named) != 1:
            names = ", ".join(assembly.names())
            raise UnknownName(f"tertulia agents NAME takes one name, such as one of {names}")
        path = assembly.find(named[0])
        table = assembly.read(path)
        print(json.dumps(table, indent=2) if args.json else shown(path.read_text("utf-8")))
        return 0
    agents = [told(name) for name in assembly.names()]
    if args.json:
        print(json.dumps(agents, indent=2))
        return 0
    rows = [(each["name"], _terminal.one_line(each["description"])) for each in agents]
    print(fitted(_terminal.rows(rows), width()))
    return 0


def told(name: str) -> Mapping[str, Any]:
    """One line of the list; a file that cannot be read says so in its description."""
    from tertulia import assembly
    from tertulia.errors import ConfigError

    path = assembly.find(name)
    try:
        description = str(assembly.read(path).get("description", ""))
    except ConfigError as error:
        description = f"cannot be read: {error}"
    default = " (the default)" if name == assembly.DEFAULT else ""
    return {"name": name, "description": f"{description}{default}", "path": str(path)}


def shown(text: str) -> str:
    return _terminal.safe(text.rstrip("\n"))
