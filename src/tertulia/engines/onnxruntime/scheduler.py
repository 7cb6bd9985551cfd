"""The decode loop: requests join and leave between steps, all rows decode together.

A step reads prompts for a bounded number of tokens, gives rows to searches that have their first
logits, then reads one token of every row. Several callers may drive one scheduler: whoever asks
for events makes the next step for all.
"""

import time
from collections import deque
from collections.abc import Callable, Collection, Sequence

import numpy as np

from tertulia.engines import Event
from tertulia.engines.onnxruntime.cache import STRIDE, Prefixes, Slots
from tertulia.engines.onnxruntime.decoder import Across, Network
from tertulia.engines.onnxruntime.encoder import Reader
from tertulia.engines.onnxruntime.fairness import InTurn
from tertulia.engines.onnxruntime.job import Job, Live
from tertulia.engines.onnxruntime.prefill import Prefill
from tertulia.engines.onnxruntime.request import Ids, Request
from tertulia.engines.onnxruntime.sampler import log_probability
from tertulia.errors import EngineError

IDLE_SHARE = 4
"""Of the room for keys and values, so much is held on to while nothing is decoded: to be given the
same memory again and again takes a quarter of the time of sixteen short replies."""

STEP_TOKENS = 512
"""Prompt tokens read in one step, so that a long prompt does not hold up the others' replies."""


class Scheduler:
    """Steps over one network.

    max_rows     rows that are decoded together
    cache_bytes  keys and values of these rows, if all should become as long as they may
    prefixes     processed prompts, kept for later requests
    reader       the encoder, where there is one: it reads the prompts
    """

    def __init__(
        self,
        network: Network,
        *,
        max_rows: int,
        cache_bytes: int,
        prefixes: Prefixes,
        reader: Reader | None = None,
    ) -> None:
        decoder = network.decoder
        self.network, self.prefixes, self.reader = network, prefixes, reader
        self.max_rows = max_rows
        self.max_positions = cache_bytes // decoder.bytes_per_token
        sizes = decoder.layers, decoder.groups, decoder.head
        sources = None if reader is None else reader.encoder.window
        self.slots = Slots(*sizes, decoder.window, sources, cache_bytes // IDLE_SHARE)
        self.queue: deque[Job] = deque()
        self.live: list[Live] = []
        self.posted: dict[int, deque[Event | EngineError]] = {}
        self.tickets = 0
        self.lock = InTurn()

    def submit(self, request: Request) -> int:
        """Put a request in the queue; its ticket is the `prompt` of its events."""
        with self.lock:
            self.tickets += 1
            self.posted[self.tickets] = deque()
            self.queue.append(Job(self.tickets, request, time.perf_counter()))
            return self.tickets

    def events(self, tickets: Collection[int]) -> list[Event]:
        """What has happened to one of these requests since it was last asked for, else what one
        step makes of them, which may be nothing. Raises EngineError when one of them failed.
        """
        with self.lock:
            if not (found := self.news(tickets)):
                self.step()
                found = self.news(tickets)
            return found

    def news(self, tickets: Collection[int]) -> list[Event]:
        for ticket in tickets:
            if self.posted[ticket]:
                return self.taken(ticket)
        return []

    def taken(self, ticket: int) -> list[Event]:
        events: list[Event] = []
        while self.posted[ticket]:
            event = self.posted[ticket].popleft()
            if isinstance(event, EngineError):
                raise event
            events.append(event)
        return events

    def cancel(self, tickets: Collection[int]) -> None:
        """Forget these requests, whatever they are at, and free their rows."""
        with self.lock:
            for ticket in tickets:
                self.posted.pop(ticket, None)
            self.queue = deque(job for job in self.queue if job.ticket in self.posted)
            for each in [live for live in self.live if live.search.ticket not in self.posted]:
                self.retire(each)
            # An interrupt between two statements of a step may have left rows that are nobody's.
            owned = [slot for live in self.live for slot in live.slots]
            for slot in [slot for slot in self.slots.rows if slot not in owned]:
                self.slots.free(slot)

    def step(self) -> None:
        """Read some prompt tokens, then one token of every row. Called with the lock held."""
        budget = STEP_TOKENS
        while budget > 0 and self.queue:
            job = self.queue[0]
            try:
                budget -= self.prepared(job)
                if job.prefill is not None and job.prefill.done and not self.seated(job):
                    break
            except EngineError as failed:
                self.fail(job.ticket, failed)
        self.decode()

    def prepared(self, job: Job) -> int:
        """Read one stretch of a job's prompt; how many tokens that were."""
        read = 0
        if job.prefill is None:
            read = self.begin(job)
        assert job.prefill is not None
        if job.prefill.done:
            return 0
        read += job.prefill.step()
        if job.prefill.done:
            self.prefixes.add(job.request.before, job.prefill.kept)
            job.waiting.extend(job.searches())
        return read

    def begin(self, job: Job) -> int:
        """Read the whole source of a job, where there is an encoder; how many tokens that were."""
        read, request = 0, job.request
        if self.reader is not None:
            job.source, was_kept = self.reader.read(request.ids)
            job.cached, read = (len(request.ids), 0) if was_kept else (0, len(request.ids))
        job.prefill = Prefill(self.network, self.prefixes, request.before, source=job.source)
        job.cached += job.prefill.cached
        return read

    def score(self, prompt: Ids, before: Ids, reply: Ids) -> tuple[float, ...]:
        """Natural-log probability of each token of a reply after its prompt.

        before  what stands before the reply in the decoder: the prompt, where there is no encoder

        The prompt is kept, so many replies to one prompt read it once.
        """
        if not len(reply):
            return ()
        ids = np.concatenate((before, reply[:-1]))
        logprobs: list[float] = []
        with self.lock:
            source = None if self.reader is None else self.reader.read(prompt)[0]
            prefill = Prefill(self.network, self.prefixes, ids, len(before) - 1, source)
            while not prefill.done:
                prefill.step()
                for row in prefill.logits:
                    logprobs.append(log_probability(row, int(reply[len(logprobs)])))
            self.prefixes.add(before, prefill.kept[:, :, : len(before)].copy())
        return tuple(logprobs)

    def read_ahead(self, ids: Ids, wanted: Callable[[], bool]) -> None:
        """Process the beginning of a prompt that is to come, stretch by stretch, and keep it.

        Ends early when it is not wanted any more or somebody asks for a reply; what was processed
        until then is kept.
        """
        prefill: Prefill | None = None
        while len(ids) and wanted():
            with self.lock:
                if self.queue or self.live:
                    return
                prefill = prefill or Prefill(self.network, self.prefixes, ids)
                prefill.step()
                at = prefill.at
                self.prefixes.add(ids[:at], prefill.kept[:, :, :at])
                if prefill.done:
                    return

    def seated(self, job: Job) -> bool:
        """Give rows to the job's searches while there are any; whether all have got theirs."""
        assert job.prefill is not None
        before = len(job.request.before)
        source = 0 if job.source is None else job.source.shape[2]
        self.expect(job, source)
        while job.waiting:
            search = job.waiting[0]
            if not self.has_room(search.rows, source + before + job.request.most):
                return False
            job.waiting.popleft()
            logits = np.repeat(job.prefill.logits, search.rows, axis=0)
            self.posted[job.ticket].extend(search.read(logits))
            if not search.done:
                kept = job.prefill.kept
                slots = [self.slots.take(kept, job.source) for _ in range(search.rows)]
                self.live.append(Live(search, slots, before, source))
        self.queue.popleft()
        return True

    def expect(self, job: Job, source: int) -> None:
        """Make room for all that waits in the queue: as many rows, as long as the longest.

        The system hands memory out as it is written to, so what short rows leave costs nothing.
        """
        seated = len(self.slots.rows)
        coming = sum(each.rows for each in self.queue)
        rows = max(seated, min(seated + coming, self.max_rows))
        most = self.max_positions // rows
        positions = max(begun(each) for each in self.queue)
        if source:
            sources = max(len(each.request.ids) for each in self.queue)
            source = max(source, min(sources, most))
        self.slots.expect(rows, max(begun(job), min(positions, most)), source)

    def has_room(self, rows: int, positions: int) -> bool:
        """Whether so many rows may join; a search too large for the limits goes alone."""
        if not self.live:
            return True
        used = sum(len(each.slots) * each.positions for each in self.live)
        fits = used + rows * positions <= self.max_positions
        return fits and len(self.slots.rows) + rows <= self.max_rows

    def decode(self) -> None:
        """One token of every row."""
        if not self.live:
            return
        rows = self.slots.rows
        self.slots.reserve(len(rows), max(slot.length for slot in rows) + 1)
        ids = np.zeros((len(rows), 1), np.int64)
        for each in self.live:
            for slot, token in zip(each.slots, each.search.inputs, strict=True):
                ids[slot.place] = token
        lengths = np.array([slot.length for slot in rows], np.int32)
        try:
            logits = self.network.run(ids, lengths, self.slots.room, across=self.across())
        except EngineError as failed:
            for ticket in {each.search.ticket for each in self.live}:
                self.fail(ticket, failed)
            return
        for slot in rows:
            slot.length += 1
        self.read([(each, logits[[slot.place for slot in each.slots]]) for each in self.live])

    def across(self) -> Across | None:
        """The sources of the rows, place by place."""
        sources = self.slots.sources
        if sources is None:
            return None
        lengths = np.array([each.source for each in self.slots.rows], np.int32)
        return Across(sources.array, lengths)

    def read(self, answers: Sequence[tuple[Live, np.ndarray]]) -> None:
        """Hand every search its logits; those that are done leave, the last rows first, so that
        few have to move."""
        over: list[Live] = []
        for each, logits in answers:
            search = each.search
            if each not in self.live:
                continue
            try:
                self.posted[search.ticket].extend(search.read(logits))
            except EngineError as failed:
                self.fail(search.ticket, failed)
                continue
            if search.done:
                over.append(each)
            else:
                self.slots.reorder(each.slots, search.origins, each.before)
        for each in sorted(over, key=lambda live: -live.slots[-1].place):
            self.retire(each)

    def retire(self, live: Live) -> None:
        self.live = [each for each in self.live if each is not live]
        for slot in sorted(live.slots, key=lambda slot: -slot.place):
            self.slots.free(slot)

    def fail(self, ticket: int, failed: EngineError) -> None:
        """Report a failure to the one it concerns; the others go on."""
        self.posted[ticket].append(failed)
        self.queue = deque(job for job in self.queue if job.ticket != ticket)
        for each in [live for live in self.live if live.search.ticket == ticket]:
            self.retire(each)


def begun(job: Job) -> int:
    """Positions that a row of a job has, or will have soon."""
    return len(job.request.before) + min(job.request.most, STRIDE)
