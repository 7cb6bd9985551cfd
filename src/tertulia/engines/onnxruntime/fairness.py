"""A lock that is had in the order in which it was asked for.

Python's own goes to whoever comes first when it is free, which is nearly always the thread that
has just given it back: the others would hear of their replies only when its own is over.
"""

from collections import deque
from threading import Lock
from types import TracebackType


class InTurn:
    """Held by `with`; not by the same thread twice.

    waiting  a lock for each that waits, which is freed when its turn has come
    """

    def __init__(self) -> None:
        self.inner = Lock()
        self.held = False
        self.waiting: deque[Lock] = deque()

    def __enter__(self) -> None:
        with self.inner:
            if not self.held:
                self.held = True
                return
            mine = Lock()
            mine.acquire()
            self.waiting.append(mine)
        try:
            mine.acquire()
        except BaseException:
            self.leave(mine)
            raise

    def leave(self, mine: Lock) -> None:
        """Wait no more; what was handed over in this moment is handed on."""
        with self.inner:
            if mine in self.waiting:
                self.waiting.remove(mine)
                return
        self.give()

    def give(self) -> None:
        with self.inner:
            if self.waiting:
                self.waiting.popleft().release()
            else:
                self.held = False

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.give()
