"""A request on its way through the scheduler, and a search that has rows."""

from collections import deque
from dataclasses import dataclass, field

from tertulia.engines.onnxruntime.beams import Beams
from tertulia.engines.onnxruntime.cache import Slot
from tertulia.engines.onnxruntime.candidate import Candidate
from tertulia.engines.onnxruntime.prefill import Prefill
from tertulia.engines.onnxruntime.request import Request
from tertulia.engines.onnxruntime.weights import Floats

Search = Candidate | Beams


@dataclass(slots=True)
class Job:
    """One request on its way.

    source    what an encoder made of its prompt
    cached    tokens of the prompt that were kept from earlier work
    prefill   its prompt, or what the decoder begins with, being read; None before and after
    waiting   searches without rows yet
    """

    ticket: int
    request: Request
    started: float
    source: Floats | None = None
    cached: int = 0
    prefill: Prefill | None = None
    waiting: deque[Search] = field(default_factory=deque)

    @property
    def rows(self) -> int:
        """Rows that it still waits for."""
        if self.waiting:
            return sum(search.rows for search in self.waiting)
        return max(self.request.decoding.beams, self.request.decoding.candidates)

    def searches(self) -> list[Search]:
        """Those that its decoding asks for."""
        about = self.ticket, self.started, self.cached
        if self.request.decoding.beams > 1:
            return [Beams(self.request, *about)]
        count = self.request.decoding.candidates
        return [Candidate(self.request, n, *about) for n in range(count)]


@dataclass(slots=True, eq=False)
class Live:
    """A search and its rows.

    before  positions of a row that were filled when it began
    source  positions of its source
    """

    search: Search
    slots: list[Slot]
    before: int
    source: int

    @property
    def positions(self) -> int:
        """Of each row, when it has become as long as it may."""
        return self.source + self.before + self.search.request.most
