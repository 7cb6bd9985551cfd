"""`tertulia serve`: agents over HTTP, for any OpenAI client."""

import argparse
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tertulia.assembly import Written
    from tertulia.server.keys import Key

HELP = "serve agents over OpenAI-compatible HTTP"
PORT = 8178
UNITS = {"M": 1 << 20, "G": 1 << 30}
MORE = """\
The address is http://127.0.0.1:8178/v1; point any OpenAI client there. Several --agent are served
side by side, each under its name. Programs on this machine need no key; --host lets others in and
needs one, best in the environment variable TERTULIA_KEY, where other users do not see it.
SIGTERM and Ctrl-C finish what is under way and then end.
"""


def add(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = MORE
    parser.add_argument("--agent", metavar="FILE|NAME", action="append",
                        help="see `tertulia agents`; may be given several times")  # fmt: skip
    parser.add_argument(
        "--model", metavar="NAME", help="a model folder or name, see `tertulia models`"
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen at")
    parser.add_argument("--port", type=port, default=PORT, metavar="N", help="0 takes a free one")
    parser.add_argument("--key", action="append", default=[], metavar="KEY",
                        help="what clients must show; may be given several times")  # fmt: skip
    parser.add_argument("--key-file", metavar="FILE",
                        help="more keys, NAME KEY on each line; only you may read it")  # fmt: skip
    parser.add_argument("--rate-limit", type=positive, metavar="N",
                        help="requests that each key, or address, may ask in a minute")  # fmt: skip
    parser.add_argument("--token-limit", type=positive, metavar="N",
                        help="tokens that each may have in a minute")  # fmt: skip
    parser.add_argument("--allow-host", action="append", default=[], metavar="NAME",
                        help="one more name that clients may call this server by")  # fmt: skip
    parser.add_argument("--allow-origin", action="append", default=[], metavar="URL",
                        help="web pages of this origin may call")  # fmt: skip
    parser.add_argument("--store", default="", metavar="FILE|URL",
                        help="keep talks here, for the routes under /tertulia")  # fmt: skip
    parser.add_argument("--queue", type=whole, default=64, metavar="N",
                        help="requests of one agent that may wait")  # fmt: skip
    parser.add_argument("--drain", type=whole, default=30, metavar="SECONDS",
                        help="for what is under way when the server is told to end")  # fmt: skip
    parser.add_argument("--memory-budget", type=size, metavar="SIZE",
                        help="such as 4GB: what all models may hold; the least recently used is "
                             "closed to make room")  # fmt: skip
    parser.add_argument("--preload", action="store_true",
                        help="open the models at the start, not at their first use")  # fmt: skip


def whole(text: str) -> int:
    """A whole number as typed."""
    if not text.isdecimal() or int(text) > 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number, up to a million")
    return int(text)


def positive(text: str) -> int:
    """A whole number from 1 on, as typed."""
    if not (found := whole(text)):
        raise argparse.ArgumentTypeError(f"{text!r} must be at least 1")
    return found


def size(text: str) -> int:
    """Bytes as typed: 4GB, 512MB, 1.5GiB; GB and GiB are the same, 2**30."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?) ?([MG])(?:i?B)?", text, re.IGNORECASE)
    if not found or not (bytes := int(float(found[1]) * UNITS[found[2].upper()])):
        raise argparse.ArgumentTypeError(f"{text!r} is no size: write 512MB or 4GB")
    return bytes


def port(text: str) -> int:
    """A port as typed."""
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give 0 to 65535")
    return int(text)


def run(args: argparse.Namespace) -> int:
    from tertulia.errors import MissingExtra

    try:
        from tertulia.server import process
        from tertulia.server.settings import LOOPBACK, Settings
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("tertulia"):
            raise
        raise MissingExtra(
            f"tertulia serve needs {missing.name}: pip install 'tertulia[serve]'"
        ) from missing

    settings = Settings(
        keys=keys_given(args.key, args.key_file),
        requests=args.rate_limit,
        tokens=args.token_limit,
        hosts=(*LOOPBACK, *(name.lower() for name in args.allow_host)),
        origins=tuple(args.allow_origin),
        store=args.store,
        queue=args.queue,
        memory_bytes=args.memory_budget,
        preload=args.preload,
    )
    process.reachable(settings, args.host)
    process.serve(
        written(args.agent, args.model),
        settings,
        host=args.host,
        port=args.port,
        drain_seconds=args.drain,
    )
    return 0


def keys_given(typed: list[str], file: str | None) -> tuple["Key", ...]:
    """Those of --key, else that of TERTULIA_KEY, and those of --key-file."""
    from tertulia.server import keys

    given = typed or [key for key in [os.environ.get("TERTULIA_KEY", "")] if key]
    found = [keys.named(f"key-{n}", each) for n, each in enumerate(given, start=1)]
    return (*found, *(keys.of_file(Path(file)) if file else ()))


def written(names: list[str] | None, model: str | None) -> Mapping[str, "Written"]:
    """The agents by the names they are served under; raises ConfigError for a name twice."""
    from tertulia import assembly
    from tertulia.errors import ConfigError

    if not names and model:
        return {model: assembly.written(model=model)}
    found: dict[str, Written] = {}
    for each in names or [assembly.DEFAULT]:
        agent = assembly.written(each, model=model)
        if agent.name in found:
            raise ConfigError(
                f"two agents are named {agent.name!r}: give one of the files another name"
            )
        found[agent.name] = agent
    return found
