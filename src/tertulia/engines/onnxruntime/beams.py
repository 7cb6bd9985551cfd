"""Beam search as transformers does it (early_stopping=False), so that its hypotheses are the same.

Source: transformers 5, generation/utils.py, _beam_search.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tertulia.engines import Event, Finished, Piece
from tertulia.engines.onnxruntime.request import Ids, Request, completion
from tertulia.engines.onnxruntime.sampler import (
    apply_rules,
    likeliest,
    log_probabilities,
    nothing_left,
)
from tertulia.engines.onnxruntime.weights import Floats
from tertulia.tokenizer.writer import Writer

NEVER = np.float32(-1e9)
"""The score of what must not be chosen, transformers' own."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One finished beam.

    score     log-probability after the rules / length ** length_penalty; the length counts
              tokens that are forced on every reply
    logprobs  of its tokens under the model itself
    """

    score: float
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]


class Beams:
    """A search of several rows; it writes nothing before it is done.

    rows     rows of the batch it needs
    done     no more logits are wanted
    inputs   the token that each row reads next
    origins  the row whose keys and values each row goes on from
    """

    def __init__(self, request: Request, ticket: int, started: float, cached: int) -> None:
        self.request, self.ticket, self.started, self.cached = request, ticket, started, cached
        self.rows = request.decoding.beams
        self.done = False
        self.count = 0
        self.first_seconds = 0.0
        self.said = np.zeros((self.rows, request.most), np.int64)
        self.logprobs = np.zeros((self.rows, request.most))
        self.scores = np.full(self.rows, NEVER)
        self.scores[0] = 0
        self.origins: tuple[int, ...] = tuple(range(self.rows))
        self.finished: list[Hypothesis] = []

    @property
    def weight(self) -> float:
        """What a sum of log-probabilities is divided by."""
        length = self.count + self.request.forced
        return float(length**self.request.decoding.length_penalty)

    @property
    def inputs(self) -> tuple[int, ...]:
        return tuple(self.said[:, self.count - 1].tolist())

    def read(self, logits: Floats) -> Iterator[Event]:
        """Goes on with the best beams, from the logits [rows, vocabulary] after their tokens."""
        own = np.stack([log_probabilities(row) for row in logits])
        ruled = own.copy()
        for row, said in zip(ruled, self.said, strict=True):
            apply_rules(row, self.request, said[: self.count])
        totals = (ruled + self.scores[:, None]).ravel()
        places = self.best(totals)
        if totals[places[0]] == -np.inf:
            raise nothing_left(self.count)
        beams, tokens = np.divmod(places, logits.shape[1])
        self.first_seconds = self.first_seconds or time.perf_counter() - self.started
        self.advance(beams, tokens, totals[places], own[beams, tokens])
        if self.done:
            yield from self.told()

    def best(self, totals: Floats) -> Ids:
        """The likeliest continuations, best first: enough that some are not at their end."""
        count = max(2, 1 + len(self.request.ends)) * self.rows
        some = likeliest(totals, count)
        if len(some) < count:
            some = np.arange(len(totals))
        order: Ids = some[np.argsort(-totals[some], kind="stable")]
        return order[:count]

    def advance(
        self, beams: Ids, tokens: Ids, totals: Floats, logprobs: NDArray[np.floating]
    ) -> None:
        """One step, from the best continuations.

        beams, tokens     which beam each goes on from, and with what
        totals, logprobs  log-probability of the whole after the rules; of the token itself
        """
        said, probable = self.said[beams], self.logprobs[beams]
        said[:, self.count], probable[:, self.count] = tokens, logprobs
        self.count += 1
        ending = np.array([self.ends(row[: self.count]) for row in said])
        open_totals = totals + ending * NEVER
        going = np.argsort(-open_totals, kind="stable")[: self.rows]
        self.finish(said[: self.rows], probable[: self.rows], totals, ending)
        self.said, self.logprobs = said[going], probable[going]
        self.scores = open_totals[going].astype(np.float32)
        self.origins = tuple(beams[going].tolist())
        full = len(self.finished) == self.rows
        hope = self.scores[0] / self.weight
        self.done = bool(ending.all() or (full and hope <= self.finished[-1].score))

    def finish(
        self, said: Ids, logprobs: NDArray[np.floating], totals: Floats, ending: NDArray[np.bool_]
    ) -> None:
        """Keep the best hypotheses; only continuations among the first `rows` may become one."""
        for n in np.flatnonzero(ending[: self.rows]):
            tokens, probable = said[n, : self.count], logprobs[n, : self.count]
            score = float(totals[n] / np.float32(self.weight))
            self.finished.append(
                Hypothesis(score, tuple(tokens.tolist()), tuple(probable.tolist()))
            )
        self.finished.sort(key=lambda each: -each.score)
        del self.finished[self.rows :]

    def ends(self, said: Ids) -> bool:
        if said[-1] in self.request.ends or self.count == self.request.most:
            return True
        return bool(self.request.stops) and self.written(said.tolist()).stopped

    def written(self, said: Sequence[int]) -> Writer:
        """The text of a hypothesis, up to its end token or stop string."""
        writer = Writer(self.request.tokenizer, self.request.stops)
        for n, token in enumerate(said):
            if token in self.request.ends:
                break
            writer.add(token, may_stop=n + 1 > self.request.least)
            if writer.stopped:
                return writer
        writer.end()
        return writer

    def told(self) -> Iterator[Event]:
        seconds = time.perf_counter() - self.started
        for number, each in enumerate(self.finished[: self.request.decoding.candidates]):
            writer = self.written(each.tokens)
            if writer.text:
                yield Piece(self.ticket, number, writer.text)
            whole = completion(
                self.request,
                writer.text,
                each.tokens,
                each.logprobs,
                stopped=writer.stopped or each.tokens[-1] in self.request.ends,
                cached=self.cached,
                first_seconds=self.first_seconds,
                seconds=seconds,
            )
            yield Finished(self.ticket, number, whole)
