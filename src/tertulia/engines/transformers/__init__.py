"""Any causal or seq2seq checkpoint over transformers: the oracle of our tests, the way to a GPU.

Candidates are made one by one, each with its own cache and its own stream of chance, so that a
reply is the same to the last bit whatever else is asked for in one call. That costs speed when
there are many. The rules of a Decoding are the library's own logits processors, in its order, and
its beams the library's own beam search.
"""

import copy
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from tertulia import tokenizer
from tertulia.decoding import Decoding
from tertulia.engines import Completion, Engine, Event, Finished, Piece
from tertulia.engines.transformers.checkpoint import open_model, resolved
from tertulia.engines.transformers.model import Model, State
from tertulia.engines.transformers.request import Request, banned_token, request
from tertulia.engines.transformers.rules import BeamRules, Drawn, Rules, SaidStop, chosen, stream
from tertulia.engines.transformers.voice import Voice
from tertulia.prompt import Prompt, Span
from tertulia.tokenizer import Tokenizer

DEVICES = ("auto", "cpu", "cuda")
DTYPES = ("float32", "bfloat16", "float16", "auto")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """model is a folder with safetensors, or a name on the Hugging Face hub, fetched when missing.

    device                auto takes a GPU when there is one
    dtype                 of the weights; auto is the checkpoint's own
    revision              branch, tag or commit of a model on the hub
    context_window        None takes the model's positions (T5, which has no limit: 512)
    strip_around_control  see tertulia.tokenizer
    """

    model: str
    device: str = "auto"
    dtype: str = "float32"
    revision: str | None = None
    context_window: int | None = None
    strip_around_control: bool = tokenizer.STRIP_AROUND_CONTROL

    def __post_init__(self) -> None:
        for name, choices in (("device", DEVICES), ("dtype", DTYPES)):
            value = getattr(self, name)
            if value not in choices:
                raise ValueError(f"{name} is {value!r}, must be one of {', '.join(choices)}")
        if self.context_window is not None and self.context_window < 1:
            raise ValueError(f"context_window is {self.context_window}, must be at least 1")


class Transformers(Engine):
    """Honours every setting."""

    honours = frozenset(each.name for each in fields(Decoding))

    def __init__(self, model: Model, tokens: Tokenizer) -> None:
        self.model = model
        self.tokenizer = tokens
        self.context_window = model.window
        self.twofold = model.twofold

    def count_tokens(self, prompt: Prompt) -> int:
        return len(self.tokenizer.ids(prompt.runs()))

    def check(self, decoding: Decoding) -> None:
        super().check(decoding)
        for name in decoding.banned:
            banned_token(name, self.tokenizer)

    def events(self, prompts: Sequence[Prompt], decoding: Sequence[Decoding]) -> Iterator[Event]:
        clock = Clock()
        requests = [
            request(prompt, each, self.tokenizer, self.model)
            for prompt, each in zip(prompts, decoding, strict=True)
        ]
        for number, one in enumerate(requests):
            made = self.hypotheses if one.decoding.beams > 1 else self.samples
            yield from made(number, one, clock)

    def samples(self, number: int, request: Request, clock: "Clock") -> Iterator[Event]:
        """Every candidate of one prompt, which is read once."""
        read = self.model.read(request.ids)
        for candidate in range(request.decoding.candidates):
            last = candidate == request.decoding.candidates - 1
            state = read if last else copy.deepcopy(read)
            yield from self.sample(number, candidate, request, state, clock)

    def sample(
        self, number: int, candidate: int, request: Request, state: State, clock: "Clock"
    ) -> Iterator[Event]:
        """One candidate, token by token."""
        voice = Voice(self.tokenizer, request)
        found: list[Drawn] = []
        rules, chance = Rules(request), stream(request.seed, candidate)
        clock.start()
        while True:
            drawn = chosen(state.logits, rules, voice.tokens, chance)
            found.append(drawn)
            clock.tick()
            if piece := voice.say(drawn.token):
                yield Piece(number, candidate, piece)
            if voice.ended or len(voice.tokens) == request.most:
                break
            state = self.model.read_on(state, drawn.token)
        if piece := voice.end():
            yield Piece(number, candidate, piece)
        made = completion(request, voice, [each.logprob for each in found], clock)
        if request.decoding.alternatives:
            made = replace(made, alternatives=tuple(self.spelled(found)))
        yield Finished(number, candidate, made)

    def spelled(self, found: Sequence[Drawn]) -> Iterator[tuple[tuple[str, float], ...]]:
        """The alternatives to each token, as text."""
        for place, drawn in enumerate(found):
            yield tuple(
                (self.tokenizer.alone(token, first=place == 0), logprob)
                for token, logprob in drawn.likeliest
            )

    def hypotheses(self, number: int, request: Request, clock: "Clock") -> Iterator[Event]:
        """The best of a beam search, best first, each in one piece."""
        clock.start()
        stops = SaidStop(self.tokenizer, request)
        for candidate, tokens in enumerate(self.model.search(request, BeamRules(request), stops)):
            voice = Voice(self.tokenizer, request)
            for token in tokens[: request.most]:
                voice.say(token)
                if voice.ended:
                    break
            voice.end()
            logprobs = self.model.logprobs(request.ids, voice.tokens)
            clock.tick()
            if voice.text:
                yield Piece(number, candidate, voice.text)
            yield Finished(number, candidate, completion(request, voice, logprobs, clock))

    def score(
        self, prompts: Sequence[Prompt], replies: Sequence[Sequence[Span]]
    ) -> list[tuple[float, ...]]:
        return [
            tuple(self.model.logprobs(*self.parted(prompt, reply)))
            for prompt, reply in zip(prompts, replies, strict=True)
        ]

    def parted(self, prompt: Prompt, reply: Sequence[Span]) -> tuple[list[int], list[int]]:
        """Ids of the prompt and of the reply, as one text unless a token reaches over the seam."""
        ids = self.tokenizer.ids(prompt.runs())
        whole = self.tokenizer.ids((*prompt.runs(), *reply))
        if self.model.twofold or whole[: len(ids)] != ids:
            return ids, self.tokenizer.ids(reply)
        return ids, whole[len(ids) :]

    def close(self) -> None:
        del self.model


class Clock:
    """Seconds from the call to the first and the last token of the candidate at hand."""

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self.first = self.last = 0.0

    def start(self) -> None:
        self.first = self.last = 0.0

    def tick(self) -> None:
        self.last = time.perf_counter() - self.began
        self.first = self.first or self.last


def completion(
    request: Request, voice: Voice, logprobs: Sequence[float], clock: Clock
) -> Completion:
    return Completion(
        text=voice.text,
        tokens=tuple(voice.tokens),
        logprobs=tuple(logprobs),
        finish="stop" if voice.ended else "length",
        prompt_tokens=len(request.ids),
        completion_tokens=len(voice.tokens),
        seed=request.seed,
        first_seconds=clock.first,
        seconds=clock.last,
    )


def load(settings: Settings) -> Transformers:
    """Raises CheckpointError, TokenizerError or ConfigError when the model cannot be opened."""
    folder: Path = resolved(settings.model, settings.revision)
    tokens = tokenizer.load(folder, strip_around_control=settings.strip_around_control)
    model = open_model(folder, settings.device, settings.dtype)
    return Transformers(Model(model, settings.context_window), tokens)
