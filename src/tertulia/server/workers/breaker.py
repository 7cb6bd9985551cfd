"""After crashes in a row nothing is begun for a while: then one job is tried."""

import math
import time

from tertulia.server.doors.refusals import Refusal, overloaded

CRASHES = 3
SECONDS = 30.0
LONGEST_SECONDS = 300.0


class Breaker:
    """How often something crashed since it last worked.

    until  no job is begun before that moment (time.monotonic)
    """

    def __init__(self, name: str, crashes: int = CRASHES, seconds: float = SECONDS) -> None:
        self.name, self.most, self.seconds = name, crashes, seconds
        self.crashes = 0
        self.until = 0.0

    @property
    def open(self) -> bool:
        """Nothing is begun now."""
        return self.crashes >= self.most and time.monotonic() < self.until

    @property
    def trying(self) -> bool:
        """One job is begun, to see whether it works again."""
        return self.crashes >= self.most and not self.open

    def crashed(self) -> None:
        """Each time it opens, it does so for twice as long."""
        self.crashes += 1
        if self.crashes >= self.most:
            longer = self.seconds * 2 ** min(self.crashes - self.most, 16)
            self.until = time.monotonic() + min(longer, LONGEST_SECONDS)

    def worked(self) -> None:
        self.crashes = 0

    def refusal(self) -> Refusal:
        left = max(self.until - time.monotonic(), 0)
        return overloaded(
            f"{self.name!r} crashed {self.crashes} times in a row and is tried again in "
            f"{math.ceil(left)} seconds: the server's log tells more",
            "worker_broken",
            max(math.ceil(left), 1),
            status=503,
        )
