"""While a person types, the engine reads what the next prompt will begin with."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tertulia.cli.chat.session import Session


@contextmanager
def reading_ahead(session: "Session") -> Iterator[None]:
    """For as long as the block lasts; a stretch of the prompt that is under way is read to its end,
    of which the reply will make use."""
    typed = Event()
    asked = session.conversation, lambda: not typed.is_set()
    reader = Thread(target=session.agent.read_ahead, args=asked, daemon=True)
    reader.start()
    try:
        yield
    finally:
        typed.set()
        reader.join()
