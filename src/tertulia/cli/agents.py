"""`tertulia agents`: the agent files that can be opened by name, and what one says."""

import argparse
import json
from collections.abc import Mapping
from typing import Any

from tertulia.cli import _terminal
from tertulia.cli._flow import fitted, width

HELP = "agents that can be opened by name; show NAME prints the file"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("show", nargs="?", choices=("show",), help="print one agent's file")
    parser.add_argument("name", nargs="?", help="with show: a name of the list, or a file")
    parser.add_argument("--json", action="store_true", help="JSON instead of words")


def run(args: argparse.Namespace) -> int:
    from tertulia import assembly
    from tertulia.errors import UnknownName

    if args.show:
        if args.name is None:
            names = ", ".join(assembly.names())
            raise UnknownName(f"agents show needs a name, such as one of {names}")
        path = assembly.find(args.name)
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
