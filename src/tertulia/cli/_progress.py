"""A line on the terminal that tells how far a long work is; on anything else it is silent."""

import sys
import time
from types import TracebackType
from typing import Self

from tertulia.cli import _terminal

WIDTH = 24
PAUSE_SECONDS = 0.1


class Progress:
    """Counts bytes up to a total.

    what   is being done, in front of the line
    total  bytes; more or fewer may come
    """

    def __init__(self, what: str, total: int) -> None:
        self.what, self.total, self.done = what, max(1, total), 0
        self.shown = 0.0
        self.lively = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.lively:
            # Back to the beginning of the line, which is cleared.
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def __call__(self, name: str, more: int) -> None:
        """More bytes of the thing of that name are done; fewer when some were lost again."""
        self.done += more
        now = time.monotonic()
        if not self.lively or (more and now - self.shown < PAUSE_SECONDS):
            return
        self.shown = now
        sys.stderr.write(f"\r\x1b[K{self.line(name)}")
        sys.stderr.flush()

    def line(self, name: str) -> str:
        share = min(1.0, self.done / self.total)
        bar = "#" * round(share * WIDTH)
        said = f"{self.what} [{bar:.<{WIDTH}}] {share:4.0%} of {size(self.total)}"
        return f"{said}  {_terminal.one_line(name)[:30]}"


def size(bytes: float) -> str:
    """A number of bytes for people."""
    return f"{bytes / 1e9:.1f} GB" if bytes >= 1e9 else f"{bytes / 1e6:.1f} MB"
