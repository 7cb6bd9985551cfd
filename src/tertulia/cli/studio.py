"""`tertulia studio`: the page in a browser, with agents and the store behind it."""

import argparse
import json
import os
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from tertulia.cli import serve

HELP = "direct talks on a page in the browser"
AGENTS = ("mini", "mini-streams", "mini-thinks")
"""Served where none is named: what comes with tertulia and needs nothing else. A model is opened
when it is first asked."""
MORE = """\
The page is served by this process, to this machine only, and loads nothing from elsewhere. Talks
are kept in the store of `tertulia chat`. Several --agent can answer side by side. With a key, the
page asks for it once. Ctrl-C ends it; a reply that is under way is kept as far as it came.
"""


def add(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = MORE
    parser.add_argument("--scene", metavar="FILE|NAME", help="begin a talk in this scene")
    parser.add_argument("--agent", metavar="FILE|NAME", action="append",
                        help="see `tertulia agents`; may be given several times")  # fmt: skip
    parser.add_argument(
        "--model", metavar="NAME", help="a model folder or name, see `tertulia models`"
    )
    parser.add_argument(
        "--port", type=serve.port, default=serve.PORT, metavar="N", help="0 takes a free one"
    )
    parser.add_argument("--key", default="", metavar="KEY", help="what the page must show")
    parser.add_argument("--store", default="", metavar="FILE|URL", help="keep the talks here")
    parser.add_argument("--no-browser", action="store_true", help="only tell the address")


def run(args: argparse.Namespace) -> int:
    from tertulia import scene, store
    from tertulia.errors import MissingExtra

    try:
        from tertulia.server import process
        from tertulia.server.settings import Settings
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("tertulia"):
            raise
        raise MissingExtra(
            f"tertulia studio needs {missing.name}: pip install 'tertulia[serve]'"
        ) from missing

    begun = scene.table(scene.load(scene.find(args.scene))) if args.scene else None
    named = args.agent or (None if args.model else list(AGENTS))
    agents = serve.written(named, args.model)
    key = args.key or os.environ.get("TERTULIA_KEY", "")
    place = args.store or str(store.default_place())

    def ready(address: str) -> None:
        opening = (address, key, begun, next(iter(agents)), not args.no_browser)
        threading.Thread(target=opened, args=opening, daemon=True).start()

    settings = Settings(key=key, store=place, page=True)
    process.reachable(settings, "127.0.0.1")
    process.serve(agents, settings, port=args.port, ready=ready)
    return 0


def opened(
    address: str, key: str, scene: Mapping[str, Any] | None, agent: str, browser: bool
) -> None:
    """Tell where the page is, and open it; at a talk in the scene where one is given."""
    import webbrowser

    at = f"{address}/"
    if scene is not None:
        at = f"{at}#/talks/{quote(begun(address, key, scene, agent), safe='')}"
    print(f"The studio is open at {at}", flush=True)
    if browser and not webbrowser.open(at):
        print("No browser could be opened: open the address yourself.", flush=True)


def begun(address: str, key: str, scene: Mapping[str, Any], agent: str) -> str:
    """The id of a new talk in that scene, asked of the server as the page would."""
    import httpx

    answer = httpx.post(
        f"{address}/tertulia/talks",
        content=json.dumps({"scene": scene, "agent": agent}),
        headers={"content-type": "application/json", **({"x-api-key": key} if key else {})},
        timeout=30,
        trust_env=False,
    )
    answer.raise_for_status()
    return str(answer.json()["id"])
