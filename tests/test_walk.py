"""One message, from the command line to the weights and back: the stops of ARCHITECTURE.md."""

import io
import itertools
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

import tertulia
from tertulia import Agent, Conversation, Decoding, engines, formats, planners, rankers
from tertulia.cli.chat import chat, shown
from tertulia.cli.chat.keeping import Keeper
from tertulia.cli.chat.screen import Screen
from tertulia.cli.chat.session import Session
from tertulia.store import MEMORY, Store

HOME = Path(tertulia.__file__).parent
PAGE = Path(__file__).parents[1] / "ARCHITECTURE.md"
STOPS = {
    "cli/chat/screen.py": "screen",
    "cli/chat/": "cli/chat",
    "store/": "store",
    "agent.py": "agent",
    "planners/pinned.py": "planners/x",
    "formats/native.py": "formats/family",
    "engines/scripted.py": "engines/runtime",
    "rankers/no_repeat.py": "rankers/x",
}
"""Where a file's path begins -> its name on the page; the nouns are carried, not visited."""


def visits(act: Callable[[], object]) -> list[str]:
    """The stops whose code runs while we act, in order, each once in a row."""
    seen: list[str] = []

    def note(frame: FrameType, event: str, arg: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(HOME):
            name = path.relative_to(HOME).as_posix()
            stop = next((stop for start, stop in STOPS.items() if name.startswith(start)), None)
            if stop and seen[-1:] != [stop]:
                seen.append(stop)

    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(None)
    return seen


def walked() -> Sequence[str]:
    format, engine = formats.load("native"), engines.load("scripted")
    agent = Agent(
        format=format,
        engine=engine,
        decoding=Decoding(candidates=2),
        planner=planners.load("pinned", format=format, engine=engine),
        rankers=(rankers.load("no_repeat", format=format, engine=engine),),
    )
    keeper = Keeper(Store.open(MEMORY))
    session = Session(agent, Conversation(), seeds=itertools.count(), keeper=keeper)
    list(session.opened())
    return visits(lambda: shown(chat(session, ["Hello"]), Screen(io.StringIO())))


def page() -> list[str]:
    """The stops as the page tells them; "Reply" is a value, not a place."""
    [walk] = re.findall(r"`tertulia chat`: (.*?)\. Seven stops", PAGE.read_text())
    stops = re.sub(r" \(.*?\)", "", walk).split(" → ")
    return [stop for stop in stops if stop != "Reply"]


def test_one_message_visits_the_stops_of_the_page_in_that_order() -> None:
    # The screen is told at once that a reply is being made; its last visit is the one that counts.
    stops = [stop for stop in walked() if stop != "screen"]
    assert [*dict.fromkeys(stops), "screen"] == list(dict.fromkeys(page()))


def test_the_reply_is_kept_before_it_is_shown() -> None:
    stops = walked()
    after = stops[stops.index("rankers/x") :]
    assert after.index("store") < after.index("screen") and page()[-2:] == ["store", "screen"]


def test_planner_and_rankers_are_visited_once() -> None:
    stops = walked()
    assert stops.count("planners/x") == stops.count("rankers/x") == 1
