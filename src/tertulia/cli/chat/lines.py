"""Where lines come from: a pipe, a terminal with an editor, or one without."""

import os
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING

from tertulia.cli._terminal import one_line
from tertulia.cli.chat.ahead import reading_ahead
from tertulia.errors import ConfigError

if TYPE_CHECKING:
    from tertulia.cli.chat.session import Session

LEAVING = "(Ctrl-C once more, or Ctrl-D, ends the talk)"


def piped(stream: IO[bytes]) -> Iterator[str]:
    """The lines of a pipe, without what ends them; each is a turn or a command.

    Raises ConfigError for a line that is not UTF-8.
    """
    for number, line in enumerate(stream, start=1):
        try:
            yield line.decode("utf-8").removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError as error:
            raise ConfigError(
                f"line {number} of the input is not UTF-8 (byte {error.start + 1} of it is "
                f"0x{line[error.start]:02x}): convert it, for example with iconv -f latin1 -t utf-8"
            ) from error


def typed(session: "Session", *, remembered: bool) -> Iterator[str]:
    """The lines a person types, until Ctrl-D, or Ctrl-C twice at an empty line.

    remembered  what is typed goes to the history file, for the arrow keys of later talks

    Raises KeyboardInterrupt for the second Ctrl-C.
    """
    dumb = os.environ.get("TERM", "") in ("", "dumb")
    if dumb:
        read = plain(session)
    else:
        from tertulia.cli.chat import editor

        read = editor.reader(session, remembered)
    interrupted = False
    while True:
        try:
            with reading_ahead(session):
                line = read()
        except EOFError:
            print()
            return
        except KeyboardInterrupt:
            if interrupted:
                raise
            interrupted = True
            print(LEAVING)
            continue
        interrupted = False
        yield line


def plain(session: "Session") -> Callable[[], str]:
    """Without an editor: a prompt and what is typed behind it."""
    return lambda: input(f"{one_line(session.conversation.user)}: ")
