"""How much each client may ask in a minute: requests, and tokens of prompts and replies.

A client has a minute's worth at first and gets it back evenly. What a reply takes is known at its
end, so tokens may go below nothing: the next request then waits for them.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from tertulia.server.doors.refusals import overloaded

MOST_CLIENTS = 10_000
"""That are remembered; of more, who asked longest ago is forgotten, and so begins anew."""

ROUNDING = 1e-9


@dataclass(slots=True)
class Left:
    """What a client may still ask, as it was at a moment (seconds of the clock)."""

    requests: float
    tokens: float
    at: float


class Rates:
    """The limits and the clients. None is no limit."""

    def __init__(
        self,
        requests: int | None,
        tokens: int | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.requests = math.inf if requests is None else float(requests)
        self.tokens = math.inf if tokens is None else float(tokens)
        self.clock = clock
        self.clients: OrderedDict[str, Left] = OrderedDict()

    def admit(self, client: str) -> None:
        """Count a request; raises Refusal, which says when to come back, for one too many."""
        left = self.left(client)
        if left.requests < 1 - ROUNDING:
            raise refused("requests", self.requests, 1 - left.requests)
        if left.tokens <= 0:
            raise refused("tokens", self.tokens, -left.tokens)
        left.requests -= 1

    def spend(self, client: str, tokens: int) -> None:
        """Count what a request took."""
        self.left(client).tokens -= tokens

    def left(self, client: str) -> Left:
        """What a client may ask now."""
        now = self.clock()
        left = self.clients.setdefault(client, Left(self.requests, self.tokens, now))
        minutes = (now - left.at) / 60
        if minutes:
            left.requests = min(left.requests + minutes * self.requests, self.requests)
            left.tokens = min(left.tokens + minutes * self.tokens, self.tokens)
            left.at = now
        self.clients.move_to_end(client)
        if len(self.clients) > MOST_CLIENTS:
            self.clients.popitem(last=False)
        return left


def refused(what: str, rate: float, missing: float) -> Exception:
    seconds = max(math.ceil(missing / rate * 60), 1)
    return overloaded(
        f"more than {rate:g} {what} a minute: ask again in {seconds} seconds",
        "rate_limited",
        seconds,
    )
