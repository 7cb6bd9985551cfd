"""A real terminal for a command: a pseudo-terminal whose far end the test reads and types at."""

import contextlib
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping

import pexpect.fdpexpect

PATIENCE_SECONDS = 120
CONTROLLED = (
    "import fcntl, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "from tertulia.cli import main; sys.exit(main())"
)
"""The command, with this terminal as the one whose Ctrl-C it gets."""

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\x1b\][^\x07]*\x07")


class Terminal:
    """Type with `send`, wait with `expect`, end with `ended`."""

    def __init__(self, words: list[str], environment: Mapping[str, str]) -> None:
        near, far = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", CONTROLLED, *words],
            stdin=far,
            stdout=far,
            stderr=far,
            env={**os.environ, **environment},
            start_new_session=True,
        )
        os.close(far)
        self.master = near
        self.far = pexpect.fdpexpect.fdspawn(near, timeout=PATIENCE_SECONDS, encoding="utf-8")
        self.seen = ""

    def expect(self, text: str) -> None:
        self.far.expect_exact(text)
        self.seen += f"{self.far.before}{self.far.after}"

    def send(self, keys: str) -> None:
        self.far.send(keys)
        # prompt_toolkit asks where the cursor is; a terminal would answer.

    def ended(self) -> int:
        """Wait for the end; the exit code."""
        with contextlib.suppress(OSError):
            self.far.expect(pexpect.EOF)
        self.seen += self.far.before or ""
        return self.process.wait(PATIENCE_SECONDS)

    @property
    def words(self) -> str:
        """What was written so far, without codes."""
        return ANSI.sub("", self.seen).replace("\r\n", "\n")


@contextlib.contextmanager
def opened(*words: str, **environment: str) -> Iterator[Terminal]:
    """`tertulia` with these words, in a terminal."""
    terminal = Terminal(list(words), environment)
    try:
        yield terminal
    finally:
        terminal.process.kill()
        terminal.process.wait()
        terminal.far.close()
