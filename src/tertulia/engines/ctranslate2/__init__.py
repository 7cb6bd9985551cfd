"""CTranslate2: another fast runtime, on a processor or on a GPU without torch. An optional engine.

    folder      what a converted model says of itself   request  one prompt and its decoding
    model_file  model.bin, looked through first         row      one candidate in the making
    shapes      whether its arrays fit each other       call     rows decoded together

It keeps nothing from turn to turn and has no seed for a request: it samples only where an agent
file says that replies need not be made again. Which engine is for what: docs/howto/get-a-model.md.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import ctranslate2 as library

from tertulia import tokenizer
from tertulia.decoding import Decoding
from tertulia.engines import Engine, Event, Finished, Piece
from tertulia.engines.ctranslate2.call import (
    FAILURES,
    Desk,
    News,
    Results,
    Ticket,
    nothing_left,
    running,
    waited,
)
from tertulia.engines.ctranslate2.folder import about
from tertulia.engines.ctranslate2.request import Request, Windows, names, options, request, windows
from tertulia.engines.ctranslate2.row import Row
from tertulia.errors import (
    CheckpointError,
    ConfigError,
    EngineError,
    PromptTooLong,
    UnsupportedDecoding,
)
from tertulia.prompt import Prompt, Span
from tertulia.registry import nearest

DEVICES = ("auto", "cpu", "cuda")
AS_STORED = "default"
LEAST = {"threads": 1, "workers": 1, "context_window": 2, "max_rows": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """model is a folder that `tertulia convert SRC DST --for ctranslate2` made.

    device          cpu, cuda, or auto, which takes a GPU when there is one
    compute_type    of products: int8, float32, float16 and others, as the device has them; default
                    is the type in which the folder is stored
    threads         of one worker on a processor; None takes every core
    workers         calls that are worked on at once, each with its own threads
    context_window  fewer positions than the model knows; more only for T5, whose positions have no
                    end (512 unless config.json or this says otherwise)
    max_rows        replies decoded together
    replayable      false lets it sample, by a chance that no seed reaches: such a reply tells no
                    seed, and cannot be made again
    """

    model: Path
    device: str = "cpu"
    compute_type: str = AS_STORED
    threads: int | None = None
    workers: int = 1
    context_window: int | None = None
    max_rows: int = 32
    replayable: bool = True

    def __post_init__(self) -> None:
        if self.device not in DEVICES:
            raise ValueError(f"device is {self.device!r}: {nearest(self.device, DEVICES)}")
        for name, least in LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{name} is {value}, must be at least {least}")


RULES = frozenset(
    ("beams", "candidates", "seed", "stop", "banned", "min_new_tokens", "max_length", "min_length")
    + ("repetition_penalty", "no_repeat_ngram", "penalties_count_prompt", "length_penalty")
)
CHANCE = frozenset(("temperature", "top_k", "top_p"))
USUAL = Decoding()


class CTranslate2(Engine):
    """One model in memory; several threads may ask it."""

    def __init__(self, settings: Settings) -> None:
        self.about = about(settings.model)
        self.replays = settings.replayable
        self.honours = RULES if self.replays else RULES | CHANCE
        self.windows: Windows = windows(self.about, settings.context_window)
        self.context_window = self.windows.prompt
        self.twofold = bool(self.about.start)
        self.tokenizer = tokenizer.load(settings.model)
        if self.tokenizer.size > self.about.vocabulary:
            raise CheckpointError(
                f"the tokenizer of {settings.model} has ids up to {self.tokenizer.size - 1}, and "
                f"the weights end at {self.about.vocabulary - 1}: take both from the same model"
            )
        self.model = opened(settings, twofold=self.twofold)
        self.desk = Desk(self.begun, workers=settings.workers, max_rows=settings.max_rows)

    def count_tokens(self, prompt: Prompt) -> int:
        return len(self.tokenizer.ids(prompt.runs()))

    def check(self, decoding: Decoding) -> None:
        if decoding.temperature > 0 and "temperature" not in self.honours:
            raise UnsupportedDecoding(
                f"the {self.title} engine cannot do temperature={decoding.temperature}: no seed "
                "reaches its chance, so the reply could not be made again; set temperature=0, or "
                "replayable=false in [engine], or use an engine that can (onnxruntime, "
                "transformers)"
            )
        # At temperature 0 there is no chance, and beams and candidates are honoured.
        usual = {name: getattr(USUAL, name) for name in (*CHANCE, "beams", "candidates")}
        super().check(decoding if decoding.temperature else replace(decoding, **usual))
        ruled = decoding.repetition_penalty != 1 or decoding.no_repeat_ngram
        if ruled and decoding.penalties_count_prompt and not self.twofold:
            raise UnsupportedDecoding(
                "the CTranslate2 engine cannot do penalties_count_prompt=True: its penalties look "
                "at the reply only; set penalties_count_prompt=false, or use an engine that can "
                "(onnxruntime, transformers)"
            )

    def events(self, prompts: Sequence[Prompt], decoding: Sequence[Decoding]) -> Iterator[Event]:
        requests = [
            request(prompt, each, self.tokenizer, self.about, self.windows)
            for prompt, each in zip(prompts, decoding, strict=True)
        ]
        plain = {n: each for n, each in enumerate(requests) if each.decoding.beams == 1}
        yield from self.said(plain)
        for number, each in enumerate(requests):
            if each.decoding.beams > 1:
                yield from self.searched(number, each)

    def said(self, requests: Mapping[int, Request]) -> Iterator[Event]:
        """Sampled and greedy candidates, as they grow."""
        told: SimpleQueue[News | EngineError] = SimpleQueue()
        tickets = [
            Ticket(each, self.key(each), self.rows(number, each), told)
            for number, each in requests.items()
        ]
        with closing(self.desk.news(tickets, told, self.between)) as found:  # type: ignore[type-var]
            for news in found:
                row = news.row
                if news.piece:
                    yield Piece(row.prompt, row.candidate, news.piece)
                if news.over:
                    own = self.scored(row) if row.request.bent else row.logprobs
                    yield Finished(row.prompt, row.candidate, row.completion(own))

    def rows(self, number: int, request: Request) -> dict[int, Row]:
        """The candidates of a request, which is the prompt of that number."""
        count = request.decoding.candidates
        return {n: Row(request, number, n, self.tokenizer) for n in range(count)}

    def key(self, request: Request) -> object:
        """What requests of one call have in common.

        A decoder alone reads prompts of one length at once, and of others one token at a time.
        """
        length = 0 if self.twofold else len(request.ids)
        return length, max(request.least, 0), repr(options(request, self.about.vocabulary))

    def searched(self, number: int, request: Request) -> Iterator[Event]:
        """The best of a search by beams, best first; a stop string ends one when it is told."""
        rows = self.rows(number, request)
        [answer] = waited(self.begun([request]), self.between)
        for row, tokens in zip(rows.values(), said_tokens(answer), strict=False):
            for place, token in enumerate(tokens, 1):
                if not row.may_say(token):
                    raise nothing_left(place - 1)
                row.say(token, last=place == len(tokens))
                if row.over:
                    break
            if row.writer.text:
                yield Piece(number, row.candidate, row.writer.text)
            yield Finished(number, row.candidate, row.completion(self.scored(row)))

    def begun(
        self, requests: Sequence[Request], callback: Callable[[Any], bool] | None = None
    ) -> Results:
        """A call of the library, under way."""
        asked = dict(options(requests[0], self.about.vocabulary))
        most = max(each.most for each in requests)
        # Without an end of its own a reply has none that could come too soon.
        least = max(requests[0].least, 0) if requests[0].ends else 0
        prompts = [names(each.ids) for each in requests]
        with running():
            if not self.twofold:
                results: Results = self.model.generate_batch(
                    prompts,
                    asynchronous=True,
                    include_prompt_in_result=False,
                    max_length=most,
                    min_length=min(least, most),
                    **asked,
                    callback=callback,
                )
                return results
            forced = names(self.about.start[1:])
            results = self.model.translate_batch(
                prompts,
                [forced] * len(prompts) if forced else None,
                asynchronous=True,
                max_input_length=0,
                max_decoding_length=most,
                min_decoding_length=min(least, most),
                **asked,
                callback=callback,
            )
            return results

    def score(
        self, prompts: Sequence[Prompt], replies: Sequence[Sequence[Span]]
    ) -> list[tuple[float, ...]]:
        found = []
        for prompt, reply in zip(prompts, replies, strict=True):
            self.between()
            ids, said = self.tokenizer.ids(prompt.runs()), self.tokenizer.ids(reply)
            before = len(self.about.start) or len(ids)
            if len(ids) > self.windows.prompt or before + len(said) > self.windows.decoder:
                raise PromptTooLong(
                    f"prompt and reply have {len(ids)} and {len(said)} tokens, and the context "
                    f"window {self.context_window}: shorten the talk"
                )
            found.append(self.logprobs(ids, said))
        return found

    def scored(self, row: Row) -> tuple[float, ...]:
        """Of what a row said, under the model itself: without the rules of its decoding."""
        return self.logprobs(row.request.ids, row.tokens)

    def logprobs(self, ids: Sequence[int], reply: Sequence[int]) -> tuple[float, ...]:
        """Natural-log probability of each token of a reply, alone: none depends on neighbours."""
        if not reply:
            return ()
        with running():
            if self.twofold:
                forced = self.about.start[1:]
                [told] = self.model.score_batch(
                    [names(ids)], [names((*forced, *reply))], max_input_length=0
                )
                found = told.log_probs[len(forced) : len(forced) + len(reply)]
            else:
                [told] = self.model.score_batch([names((*ids, *reply))], max_input_length=0)
                found = told.log_probs[-len(reply) :]
        return tuple(min(each, 0.0) for each in found)

    def close(self) -> None:
        del self.model


def said_tokens(answer: Any) -> list[list[int]]:  # noqa: ANN401 - untyped library
    """The ids of hypotheses, best first."""
    spelled = answer.hypotheses if hasattr(answer, "hypotheses") else answer.sequences
    return [[int(name) for name in each] for each in spelled]


def opened(settings: Settings, *, twofold: bool) -> Any:  # noqa: ANN401 - untyped library
    """The library's own model; raises ConfigError for a device or type that is not here."""
    device = settings.device
    gpus = library.get_cuda_device_count()
    if device == "auto":
        device = "cuda" if gpus else "cpu"
    if device == "cuda" and not gpus:
        raise ConfigError(
            "device is 'cuda', and CTranslate2 sees no GPU here: use device = 'cpu', or see to the "
            "driver and to CUDA 12 with cuBLAS"
        )
    types = (AS_STORED, *sorted(library.get_supported_compute_types(device)))
    if settings.compute_type not in types:
        raise ConfigError(
            f"compute_type is {settings.compute_type!r}, on {device}: "
            f"{nearest(settings.compute_type, types)}"
        )
    kind = library.Translator if twofold else library.Generator
    try:
        return kind(
            str(settings.model),
            device=device,
            compute_type=settings.compute_type,
            inter_threads=settings.workers,
            intra_threads=settings.threads or os.cpu_count() or 1,
            # A worker itself hands on the next call, and would wait for itself at a full queue.
            max_queued_batches=-1,
        )
    except FAILURES as error:
        raise CheckpointError(
            f"{settings.model} cannot be opened: {error}; convert the model again, or choose a "
            "compute_type that needs less memory"
        ) from error


def load(settings: Settings) -> CTranslate2:
    """Raises CheckpointError, TokenizerError or ConfigError when the model cannot be opened."""
    return CTranslate2(settings)
