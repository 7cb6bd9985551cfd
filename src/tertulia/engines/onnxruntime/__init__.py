"""The default engine: a decode loop and a sampler of our own over ONNX Runtime's kernels.

    weights    safetensors -> numpy          prefill    a prompt, from a kept prefix on
    wire       an ONNX model as bytes        candidate  one sampled or greedy row
    graph      nodes, linear layers          beams      beam search over several rows
    FAMILIES   a file for each, its graph    sampler    rules, temperature, top-k, top-p, min-p
    decoder    runs a graph over a cache     scheduler  who reads what in a step
    cache      rows, kept prefixes           embedding  what a first layer reads
    encoder    reads a source once           fairness   whose turn it is to make a step

A reply's bits do not depend on its neighbours, on what was kept, or on how its prompt was cut.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import ModuleType

import numpy as np

from tertulia import tokenizer
from tertulia.decoding import Decoding
from tertulia.engines import Engine, Event, Finished
from tertulia.engines.onnxruntime import (
    bart,
    gemma,
    gpt2,
    gpt_neox,
    llama,
    meena,
    olmo,
    openai_gpt,
    phi3,
    qwen,
    smollm3,
    stablelm,
    t5,
)
from tertulia.engines.onnxruntime.cache import Prefixes, Sources, common
from tertulia.engines.onnxruntime.decoder import Decoder, Network
from tertulia.engines.onnxruntime.encoder import Reader
from tertulia.engines.onnxruntime.request import check_room, first, request
from tertulia.engines.onnxruntime.scheduler import Scheduler
from tertulia.engines.onnxruntime.weights import Checkpoint, read_json
from tertulia.errors import CheckpointError
from tertulia.prompt import Prompt, Span
from tertulia.registry import nearest

DECODERS = (gemma, gpt2, gpt_neox, llama, olmo, openai_gpt, phi3, qwen, smollm3, stablelm)
ENCODER_DECODERS = (bart, meena, t5)
FAMILIES = {
    name: family for family in (*DECODERS, *ENCODER_DECODERS) for name in family.MODEL_TYPES
}
"""The file that builds the graph, by config.json's model_type."""

MEBI = 1 << 20
SMALL_BYTES = 64 * MEBI


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """model is a folder with config.json, tokenizer.json and model.safetensors.

    threads          of ONNX Runtime; None takes two for a small model, every core for others
    quantization     "int8" (a scale for each row of weights and of activations) or "float32"
    context_window   fewer positions than the model knows, to save memory; more only for T5, whose
                     positions have no end (512 unless config.json or this says otherwise)
    max_rows         replies decoded together
    cache_megabytes  keys and values of these, if all become as long as they may; a quarter of it
                     is held on to between replies
    kept_megabytes   processed prompts kept from turn to turn; 0 keeps none. What an encoder made of
                     one is found again by exactly the same prompt, with any decoding
    """

    model: Path
    threads: int | None = None
    quantization: str = "int8"
    context_window: int | None = None
    max_rows: int = 32
    cache_megabytes: int = 2048
    kept_megabytes: int = 256

    def __post_init__(self) -> None:
        if self.quantization not in ("int8", "float32"):
            raise ValueError(
                f"quantization is {self.quantization!r}: "
                f"{nearest(self.quantization, ('int8', 'float32'))}"
            )
        for name, least in LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{name} is {value}, must be at least {least}")


LEAST = {
    "threads": 1,
    "context_window": 2,
    "max_rows": 1,
    "cache_megabytes": 1,
    "kept_megabytes": 0,
}


class OnnxRuntime(Engine):
    """One model in memory and its scheduler."""

    honours = frozenset(field.name for field in fields(Decoding))

    def __init__(self, settings: Settings) -> None:
        checkpoint = Checkpoint(settings.model)
        self.tokenizer = tokenizer.load(settings.model)
        decoder: Decoder = family(checkpoint).build(
            checkpoint,
            int8=settings.quantization == "int8",
            window=settings.context_window,
        )
        encoder = decoder.encoder
        self.twofold = encoder is not None
        self.context_window = decoder.window if encoder is None else encoder.window
        self.ends = ends(checkpoint, decoder.vocabulary)
        check_vocabulary(self.tokenizer, decoder.vocabulary)
        count, kept = settings.threads or threads(decoder), settings.kept_megabytes * MEBI
        self.prefixes = Prefixes(kept if encoder is None else 0)
        self.sources = Sources(0 if encoder is None else kept)
        self.network, reader = opened(decoder, count, self.sources)
        self.scheduler = Scheduler(
            self.network,
            max_rows=settings.max_rows,
            cache_bytes=settings.cache_megabytes * MEBI,
            prefixes=self.prefixes,
            reader=reader,
        )

    def count_tokens(self, prompt: Prompt) -> int:
        return len(self.tokenizer.ids(prompt.runs()))

    def events(self, prompts: Sequence[Prompt], decoding: Sequence[Decoding]) -> Iterator[Event]:
        decoder = self.network.decoder
        requests = [
            request(prompt, each, self.tokenizer, self.ends, decoder.window, decoder.encoder)
            for prompt, each in zip(prompts, decoding, strict=True)
        ]
        tickets = {self.scheduler.submit(each): n for n, each in enumerate(requests)}
        left = {ticket: requests[n].decoding.candidates for ticket, n in tickets.items()}
        try:
            while left:
                self.between()
                for event in self.scheduler.events(left):
                    if isinstance(event, Finished):
                        left[event.prompt] -= 1
                        if not left[event.prompt]:
                            del left[event.prompt]
                    yield replace(event, prompt=tickets[event.prompt])
        finally:
            self.scheduler.cancel(tickets)

    def read_ahead(self, prompts: Sequence[Prompt], wanted: Callable[[], bool]) -> None:
        if self.twofold or not prompts:
            # One more token changes all that an encoder makes of a prompt.
            return
        every = [np.array(self.tokenizer.ids(each.runs()), np.int64) for each in prompts]
        shared = min(common(every[0], each) for each in every)
        self.scheduler.read_ahead(every[0][: min(shared, self.context_window)], wanted)

    def score(
        self, prompts: Sequence[Prompt], replies: Sequence[Sequence[Span]]
    ) -> list[tuple[float, ...]]:
        decoder, scores = self.network.decoder, []
        for prompt, reply in zip(prompts, replies, strict=True):
            self.between()
            ids = np.array(self.tokenizer.ids(prompt.runs()), np.int64)
            said = np.array(self.tokenizer.ids(reply), np.int64)
            before = first(ids, decoder.encoder)
            check_room(len(before), len(said), decoder.window, decoder.encoder)
            scores.append(self.scheduler.score(ids, before, said))
        return scores

    def close(self) -> None:
        self.prefixes.clear()
        self.sources.clear()


def opened(decoder: Decoder, count: int, sources: Sources) -> tuple[Network, Reader | None]:
    """The graphs of a model, for so many threads.

    Packing one's weights keeps one core busy, so an encoder is opened beside its decoder.
    """
    if decoder.encoder is None:
        return Network(decoder, count), None
    with ThreadPoolExecutor(max_workers=1) as beside:
        reader = beside.submit(Reader, decoder.encoder, decoder.sizes, count, sources)
        return Network(decoder, count), reader.result()


def threads(decoder: Decoder) -> int:
    """Threads for a model: every core, but two for less than SMALL_BYTES of weights.

    On two idle cores two threads made a turn of the built-in model 1.2 to 1.6 times as fast as one
    (bench/reply.py); on busy ones, one was faster. More have too little to share.
    """
    cores = os.cpu_count() or 1
    return min(cores, 2) if decoder.weight_bytes < SMALL_BYTES else cores


def family(checkpoint: Checkpoint) -> ModuleType:
    """The file that knows this checkpoint's architecture."""
    kind = checkpoint.config.get("model_type")
    if not isinstance(kind, str) or kind not in FAMILIES:
        raise CheckpointError(
            f"{checkpoint.folder / 'config.json'}: model_type is {kind!r}: "
            f"{nearest(str(kind), FAMILIES)}; use the transformers engine for others"
        )
    return FAMILIES[kind]


def ends(checkpoint: Checkpoint, vocabulary: int) -> frozenset[int]:
    """The model's own end tokens: one, several or none. generation_config.json goes first."""
    place = checkpoint.folder / "generation_config.json"
    config = read_json(place) if place.exists() else {}
    told = config.get("eos_token_id", checkpoint.config.get("eos_token_id"))
    tokens = told if isinstance(told, list) else [] if told is None else [told]
    for token in tokens:
        if type(token) is not int or not 0 <= token < vocabulary:
            raise CheckpointError(
                f"{checkpoint.folder}: eos_token_id is {told!r}, must be ids below {vocabulary}"
            )
    return frozenset(tokens)


def check_vocabulary(spelling: tokenizer.Tokenizer, vocabulary: int) -> None:
    """Raises CheckpointError for a tokenizer with ids that the weights do not have."""
    if spelling.size > vocabulary:
        raise CheckpointError(
            f"the tokenizer of {spelling.name} has ids up to {spelling.size - 1}, and the weights "
            f"end at {vocabulary - 1}: take both from the same model"
        )


def load(settings: Settings) -> OnnxRuntime:
    return OnnxRuntime(settings)
