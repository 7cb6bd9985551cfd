"""A process in which all is imported; it forks one that talks as often as it is told where.

A line of its input is the place of a store. It answers "pid N" for the process that talks there,
then comes what that one says, and "end" when it is dead. Lines are written whole or not at all.
"""

import itertools
import os
import sys
import time
from collections.abc import Iterator, Sequence

from tertulia import Agent, Conversation, Decoding, engines, formats
from tertulia.cli.chat import chat, keeping
from tertulia.cli.chat.events import Said, Word
from tertulia.cli.chat.keeping import Keeper
from tertulia.cli.chat.session import Session
from tertulia.engines import Event
from tertulia.prompt import Prompt

SENTENCE = "this is a reply that takes some time to say"


def talk(place: str) -> None:
    """Talk until killed, and tell each word and each reply that is said."""
    keeping.PAUSE_SECONDS = 0.002
    engine = engines.load("scripted", lines=tuple(f"{n} {SENTENCE}" for n in range(1000)))
    quick = engine.events

    def slow(prompts: Sequence[Prompt], decoding: Sequence[Decoding]) -> Iterator[Event]:
        for event in quick(prompts, decoding):
            time.sleep(0.001)
            yield event

    engine.events = slow  # type: ignore[method-assign]  # the point: a reply takes some time
    agent = Agent(format=formats.load("native"), engine=engine, decoding=Decoding(), name="slow")
    session = Session(agent, Conversation(), seeds=itertools.count(), keeper=Keeper.open(place))
    for event in chat(session, (f"line {n}" for n in itertools.count())):
        if isinstance(event, (Said, Word)):
            text = event.reply.text if isinstance(event, Said) else event.text
            tell(f"{type(event).__name__} {text}")


def tell(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def main() -> None:
    for place in sys.stdin:
        if (child := os.fork()) == 0:
            tell(f"pid {os.getpid()}")
            talk(place.strip())
        os.waitpid(child, 0)
        tell("end")


if __name__ == "__main__":
    main()
