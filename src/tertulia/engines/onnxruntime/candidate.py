"""One candidate that is sampled, or greedy: one row of the batch, one token a step."""

import time
from collections.abc import Iterator, Sequence

import numpy as np

from tertulia.engines import Event, Finished, Piece
from tertulia.engines.onnxruntime.request import Request, completion
from tertulia.engines.onnxruntime.sampler import (
    alternatives,
    apply_rules,
    draw,
    finite_peak,
    log_probability,
    nothing_left,
    stream,
)
from tertulia.engines.onnxruntime.weights import Floats
from tertulia.tokenizer import Tokenizer
from tertulia.tokenizer.writer import Writer


class Candidate:
    """A search of one row. See `beams.Beams` for one of several.

    rows    rows of the batch it needs
    done    no more logits are wanted
    inputs  the token that each row reads next
    """

    rows = 1

    def __init__(self, request: Request, number: int, ticket: int, started: float, cached: int):
        self.request, self.number, self.ticket = request, number, ticket
        self.started, self.cached = started, cached
        self.first_seconds = 0.0
        self.done = False
        self.chance = stream(request.seed, number)
        self.writer = Writer(request.tokenizer, request.stops)
        self.said = np.empty(request.most, np.int64)
        self.logprobs: list[float] = []
        self.likeliest: list[list[tuple[int, float]]] = []
        self.origins: tuple[int, ...] = (0,)

    @property
    def inputs(self) -> tuple[int, ...]:
        return (int(self.said[len(self.logprobs) - 1]),)

    def read(self, logits: Floats) -> Iterator[Event]:
        """Chooses the next token from the logits [1, vocabulary] after the last one."""
        count = len(self.logprobs)
        finite_peak(logits[0])
        ruled = logits[0].copy()
        apply_rules(ruled, self.request, self.said[:count])
        if ruled.max() == -np.inf:
            raise nothing_left(count)
        token = draw(ruled, self.request.decoding, self.chance)
        self.said[count] = token
        self.logprobs.append(log_probability(logits[0], token))
        if self.request.decoding.alternatives:
            self.likeliest.append(alternatives(logits[0], self.request.decoding.alternatives))
        self.first_seconds = self.first_seconds or time.perf_counter() - self.started
        ended = token in self.request.ends
        if not ended:
            may_stop = count + 1 > self.request.least
            yield from self.piece(self.writer.add(token, may_stop=may_stop))
        self.done = ended or self.writer.stopped or count + 1 == self.request.most
        if self.done:
            yield from self.finished(ended)

    def piece(self, text: str) -> Iterator[Event]:
        if text:
            yield Piece(self.ticket, self.number, text)

    def finished(self, ended: bool) -> Iterator[Event]:
        if not self.writer.stopped:
            yield from self.piece(self.writer.end())
        count = len(self.logprobs)
        whole = completion(
            self.request,
            self.writer.text,
            self.said[:count].tolist(),
            self.logprobs,
            alternatives=spelled(self.request.tokenizer, self.likeliest),
            stopped=ended or self.writer.stopped,
            cached=self.cached,
            first_seconds=self.first_seconds,
            seconds=time.perf_counter() - self.started,
        )
        yield Finished(self.ticket, self.number, whole)


def spelled(
    tokenizer: Tokenizer, likeliest: Sequence[Sequence[tuple[int, float]]]
) -> tuple[tuple[tuple[str, float], ...], ...]:
    """The alternatives to each token of a reply, as text."""
    return tuple(
        tuple((tokenizer.alone(token, first=place == 0), logprob) for token, logprob in told)
        for place, told in enumerate(likeliest)
    )
