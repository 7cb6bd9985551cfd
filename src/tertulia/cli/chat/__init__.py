"""`tertulia chat`: one terminal, one directed talk."""

import argparse
import itertools
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from tertulia.cli.chat.events import Event, Refused, Stopped
from tertulia.errors import ConfigError, PromptTooLong, TertuliaError

if TYPE_CHECKING:
    from tertulia.cli.chat.screen import Screen
    from tertulia.cli.chat.session import Session

HELP = "hold a directed talk; type /help in it for its commands"
MORE = """\
The agent speaks first when the scene's last turn is the user's, or when the scene has no turns
but a plan. Otherwise you begin. With stdin piped, every line is a turn or a command.

Every turn is kept before it is shown (`tertulia logs`); --no-store keeps nothing.
Ctrl-C stops a reply, twice at the prompt ends the talk; Ctrl-D ends it too.
"""


def add(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = MORE
    parser.add_argument("scene", nargs="?", help="a scene file (.toml, .json) or a shipped scene")
    parser.add_argument("--agent", metavar="FILE|NAME", help="see `tertulia agents`")
    parser.add_argument(
        "--model", metavar="NAME", help="a model folder or name, see `tertulia models`"
    )
    parser.add_argument(
        "--seed", type=seed, metavar="N", help="the first reply's seed; the next reply has the next"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a reply on stdout")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--store", metavar="FILE|URL", help="keep the talk in this file or database")
    place.add_argument("--no-store", action="store_true", help="keep nothing of this talk")


def seed(text: str) -> int:
    """A seed as typed; argparse puts the message behind the name of the option."""
    if not text.isdecimal() or not int(text) < 2**63:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no seed: give a whole number from 0 to 2**63-1, such as 7"
        )
    return int(text)


def chat(session: "Session", lines: Iterable[str]) -> Generator[Event]:
    """What happens before the first line and for each line; the terminal itself is the caller's."""
    from tertulia.cli.chat.commands import answer

    yield from forgiven(session, session.opened())
    for line in lines:
        yield from forgiven(session, answer(session, line))
        if session.over:
            return


def forgiven(session: "Session", events: Iterator[Event]) -> Iterator[Event]:
    """The events, a mistake or a KeyboardInterrupt among them told as one, so the talk goes on."""
    session.making = False
    try:
        yield from events
    except TertuliaError as error:
        unanswered = session.making and session.expects_reply
        again = unanswered and not isinstance(error, PromptTooLong)
        cure = "; /again asks for the reply once more" if again else ""
        yield Refused(f"{error}{cure}")
    except KeyboardInterrupt:
        yield Stopped(unanswered=session.making and session.expects_reply)


def run(args: argparse.Namespace) -> int:
    from tertulia import assembly, scene
    from tertulia.cli.chat import lines, picking
    from tertulia.cli.chat.keeping import Keeper
    from tertulia.cli.chat.screen import JsonScreen, Screen
    from tertulia.cli.chat.session import Session
    from tertulia.conversation import Conversation

    talk = scene.load(scene.find(args.scene)) if args.scene else Conversation()
    written = assembly.written(args.agent, model=args.model)
    agent = assembly.assemble(written.table, written.where)
    if args.seed is not None and not agent.engine.replays:
        raise ConfigError(
            f"--seed {args.seed}: no seed reaches the {agent.engine.title} engine, so its replies "
            "cannot be made again: leave --seed out, or use an engine that can"
        )
    keeper = Keeper(None) if args.no_store else Keeper.open(args.store, written.text)
    with closing(agent.engine), closing(keeper):
        session = Session(agent, talk, seeds=seeds(args.seed), keeper=keeper)
        screen = JsonScreen() if args.json else Screen()
        if sys.stdin is None:  # the shell has closed it (`<&-`)
            return shown(chat(session, ()), screen)
        if not (sys.stdin.isatty() and screen.is_terminal):
            return shown(chat(session, lines.piped(sys.stdin.buffer)), screen)
        session.agent = picking.asking(agent, screen)
        screen.welcome(session)
        typed = lines.typed(session, remembered=not args.no_store)
        shown(chat(session, typed), screen, goes_on=True)
        return 0


def shown(events: Generator[Event], screen: "Screen", *, goes_on: bool = False) -> int:
    """Show every event; 1 when something was refused on the way, else 0.

    goes_on  a reply that is stopped does not end the talk, as it does in a pipe

    A KeyboardInterrupt that arrives while the screen is written to is handed to the talk, which
    knows what to stop.
    """
    code = 0
    event = next(events, None)
    while event is not None:
        code = 1 if isinstance(event, Refused) else code
        try:
            screen.show(event)
            if isinstance(event, Stopped) and not goes_on:
                return 130
            event = next(events, None)
        except KeyboardInterrupt as stop:
            event = events.throw(stop)
    return code


def seeds(first: int | None) -> Iterator[int]:
    """The seeds of the replies: counted from the first, or drawn when none is given."""
    if first is not None:
        return (n % 2**63 for n in itertools.count(first))
    from random import SystemRandom

    chance = SystemRandom()
    return iter(lambda: chance.randrange(2**31), -1)
