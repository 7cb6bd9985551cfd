"""Calls of the library, which decodes on threads of its own and calls back at every token.

Whoever asks waits at the desk until a worker of the library is free. What waits then and can share
a call goes together, so that talks that arrive one by one are decoded side by side.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import RLock
from typing import Any

from tertulia.engines.ctranslate2.request import Request
from tertulia.engines.ctranslate2.row import Row
from tertulia.errors import EngineError, TertuliaError

PAUSE_SECONDS = 0.02
"""Between two looks at a call that tells nothing: a long prompt, a search by beams."""

FAILURES = (RuntimeError, ValueError, IndexError, MemoryError)
"""What the library raises; an IndexError for an array that it misses."""

Results = Sequence[Any]
"""What the library gives for a call that is under way, one for each prompt."""

Begin = Callable[[Sequence[Request], Callable[[Any], bool]], Results]
"""Hands requests to the library, with its callback; does not wait."""


@dataclass(frozen=True, slots=True)
class News:
    """A row's new text, and whether the row is over."""

    row: Row
    piece: str
    over: bool


@dataclass(eq=False, slots=True)
class Ticket:
    """One request at the desk.

    key   tickets with equal ones may share a call
    rows  its candidates
    told  what comes of it, for whoever asked
    """

    request: Request
    key: object
    rows: Mapping[int, Row]
    told: "SimpleQueue[News | EngineError]"
    call: "Call | None" = None
    given_up: bool = False


class Call:
    """Tickets that are decoded together.

    left  rows that are not over
    """

    def __init__(self, desk: "Desk", tickets: Sequence[Ticket]) -> None:
        self.desk, self.tickets = desk, tickets
        self.left = sum(len(each.rows) for each in tickets)
        self.results: Results = ()

    def heard(self, step: Any) -> bool:  # noqa: ANN401 - untyped library
        """The library's callback, on its thread; whether the row is over."""
        ticket = self.tickets[step.batch_id]
        row = ticket.rows[step.hypothesis_id]
        if not row.over and not ticket.given_up:
            self.tell(ticket, row, step)
        if row.over or ticket.given_up or step.is_last:
            self.left -= 1
            if not self.left:
                self.desk.ended(self)
            return True
        return False

    def tell(self, ticket: Ticket, row: Row, step: Any) -> None:  # noqa: ANN401
        """Hand a token on; a reply that cannot go on fails alone."""
        if not math.isfinite(step.log_prob) or not row.may_say(step.token_id):
            ticket.given_up = True
            ticket.told.put(nothing_left(len(row.tokens)))
            return
        piece = row.say(step.token_id, step.log_prob, last=step.is_last)
        ticket.told.put(News(row, piece, row.over))

    @property
    def done(self) -> bool:
        """The library works on it no more."""
        return bool(self.results) and all(each.done() for each in self.results)

    def check(self) -> None:
        """Raises EngineError when the library failed."""
        if self.done:
            answers(self.results)


class Desk:
    """Where tickets wait for one of so many workers.

    max_rows  replies of one call
    """

    def __init__(self, begin: Begin, *, workers: int, max_rows: int) -> None:
        self.begin, self.max_rows = begin, max_rows
        self.free = workers
        self.waiting: list[Ticket] = []
        self.calls: list[Call] = []
        self.lock = RLock()

    def news(
        self, tickets: Sequence[Ticket], told: "SimpleQueue[News | EngineError]",
        between: Callable[[], None],
    ) -> Iterator[News]:  # fmt: skip
        """What comes of some tickets, until all their rows are over.

        between  see Engine
        Closing it ends their rows at their next token.
        """
        left = sum(len(each.rows) for each in tickets)
        try:
            with self.lock:
                self.waiting += tickets
                self.start()
            while left:
                between()
                try:
                    news = told.get(timeout=PAUSE_SECONDS)
                except Empty:
                    self.look()
                    for call in {each.call for each in tickets if each.call is not None}:
                        call.check()
                    continue
                if isinstance(news, EngineError):
                    raise news
                yield news
                left -= news.over
        finally:
            with self.lock:
                self.waiting = [each for each in self.waiting if each not in tickets]
                for each in tickets:
                    each.given_up = True

    def start(self) -> None:
        """Begin calls while workers are free; called with the lock held."""
        while self.free and self.waiting:
            first = self.waiting[0]
            some = [each for each in self.waiting if each.key == first.key]
            some = some[: max(1, self.max_rows // len(first.rows))]
            self.waiting = [each for each in self.waiting if each not in some]
            call = Call(self, some)
            self.calls.append(call)
            for each in some:
                each.call = call
            self.free -= 1
            try:
                call.results = self.begin([each.request for each in some], call.heard)
            except EngineError as error:
                self.ended(call)
                for each in some:
                    each.told.put(error)

    def look(self) -> None:
        """Find calls that ended without a word: whoever asked for one that failed may be gone."""
        with self.lock:
            for call in [each for each in self.calls if each.done]:
                self.ended(call)

    def ended(self, call: Call) -> None:
        """A worker is free again."""
        with self.lock:
            if call in self.calls:
                self.calls.remove(call)
                self.free += 1
                self.start()


def nothing_left(count: int) -> EngineError:
    return EngineError(
        f"after {count} tokens no token is left to choose: the rules of the decoding forbid all "
        "(loosen no_repeat_ngram, banned or min_new_tokens), or the weights are damaged or "
        "overflow in this compute_type"
    )


def waited(results: Results, between: Callable[[], None]) -> list[Any]:
    """The answers of a call without a callback, when it is done."""
    between()
    while not all(each.done() for each in results):
        time.sleep(PAUSE_SECONDS)
        between()
    return answers(results)


def answers(results: Results) -> list[Any]:
    with running():
        return [each.result() for each in results]


@contextmanager
def running() -> Iterator[None]:
    """What goes wrong inside the library becomes an EngineError."""
    try:
        yield
    except TertuliaError:
        raise
    except FAILURES as error:
        raise EngineError(
            f"CTranslate2 could not go on: {error}; a smaller model, compute_type = 'int8', fewer "
            "candidates or a shorter prompt needs less memory"
        ) from error
