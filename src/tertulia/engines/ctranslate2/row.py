"""One candidate in the making: what it has said, and whether it is over."""

import time
from collections.abc import Sequence

from tertulia.engines import Completion
from tertulia.engines.ctranslate2.request import Request
from tertulia.tokenizer import Tokenizer
from tertulia.tokenizer.writer import Writer


class Row:
    """A candidate of a prompt, token by token.

    prompt, candidate  its numbers in the events
    over               nothing more is said
    ended              by an end token or a stop string
    """

    def __init__(self, request: Request, prompt: int, candidate: int, tokenizer: Tokenizer) -> None:
        self.request, self.prompt, self.candidate = request, prompt, candidate
        self.writer = Writer(tokenizer, request.stops)
        self.tokens: list[int] = []
        self.logprobs: list[float] = []
        self.started = time.perf_counter()
        self.first_seconds = self.seconds = 0.0
        self.over = self.ended = False

    def say(self, token: int, logprob: float = 0.0, *, last: bool = False) -> str:
        """The text that may be shown after one more token.

        last  the library says no more
        """
        request = self.request
        self.tokens.append(token)
        self.logprobs.append(min(logprob, 0.0))
        self.seconds = time.perf_counter() - self.started
        self.first_seconds = self.first_seconds or self.seconds
        piece = ""
        if token in request.ends:
            self.ended = True
        else:
            piece = self.writer.add(token, may_stop=len(self.tokens) > request.least)
            self.ended = self.writer.stopped
        self.over = self.ended or last or len(self.tokens) == request.most
        if self.over and not self.writer.stopped:
            piece += self.writer.end()
        return piece

    def may_say(self, token: int) -> bool:
        """Whether the rules of the decoding allow a token: where they forbid all, the library says
        one all the same."""
        request, size = self.request, self.request.decoding.no_repeat_ngram
        said = [*self.tokens, token]
        gram = said[-size:]
        repeats = size > 0 and any(said[n : n + size] == gram for n in range(len(said) - size))
        early = token in request.ends and len(self.tokens) < request.least
        return not (repeats or early or token in request.banned)

    def completion(self, logprobs: Sequence[float]) -> Completion:
        """The candidate, whole.

        logprobs  of its tokens under the model itself
        """
        return Completion(
            text=self.writer.text,
            tokens=tuple(self.tokens),
            logprobs=tuple(logprobs),
            finish="stop" if self.ended else "length",
            prompt_tokens=len(self.request.ids),
            completion_tokens=len(self.tokens),
            seed=self.request.seed,
            first_seconds=self.first_seconds,
            seconds=self.seconds,
        )
