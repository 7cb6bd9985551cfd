"""A real terminal for a command: a pseudo-terminal whose far end the test reads and types at."""

import contextlib
import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

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

    def interrupt(self) -> None:
        """Ctrl-C, once the command sleeps, as it does while a person looks at its prompt.

        A signal that comes between a prompt and the read behind it is only seen at the next key.
        """
        before = None
        while before != (now := self.spent()):
            before = now
            time.sleep(0.3)
        self.send("\x03")

    def spent(self) -> str:
        """The state of the process and its processor time; nothing where there is no /proc."""
        stat = Path(f"/proc/{self.process.pid}/stat")
        fields = stat.read_text().rpartition(")")[2].split() if stat.exists() else []
        return " ".join((*fields[:1], *fields[11:13]))

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
