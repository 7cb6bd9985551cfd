"""What the loop is asked for: one prompt as ids, its decoding, and what ends it as tokens."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tertulia.decoding import Decoding
from tertulia.engines import Completion
from tertulia.errors import EngineError, PromptTooLong, UnsupportedDecoding
from tertulia.prompt import Prompt
from tertulia.tokenizer import Tokenizer

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One prompt and how to go on from it.

    ids     of the prompt
    ends    tokens that end a reply
    stops   strings that end it
    banned  tokens that are never said
    least   no end before so many new tokens
    most    new tokens at the most, at least 1
    seed    as given or drawn
    """

    ids: Ids
    decoding: Decoding
    tokenizer: Tokenizer
    ends: frozenset[int]
    stops: tuple[str, ...]
    banned: tuple[int, ...]
    least: int
    most: int
    seed: int


def request(
    prompt: Prompt, decoding: Decoding, tokenizer: Tokenizer, ends: frozenset[int], window: int
) -> Request:
    """The request that a prompt and a decoding make for a model.

    ends    the model's own end tokens
    window  the model's positions

    Raises PromptTooLong when there is no room for one token, UnsupportedDecoding for a banned
    token that the vocabulary lacks.
    """
    ids = np.array(tokenizer.ids(prompt.runs()), np.int64)
    named = (*prompt.stop, *decoding.stop)
    tokens = {name: tokenizer.control(name) for name in named}
    seed = decoding.seed
    return Request(
        ids=ids,
        decoding=decoding,
        tokenizer=tokenizer,
        ends=ends.union(token for token in tokens.values() if token is not None),
        stops=tuple(dict.fromkeys(name for name in named if tokens[name] is None)),
        banned=tuple(banned(decoding, tokenizer)),
        least=max(decoding.min_new_tokens, decoding.min_length - len(ids)),
        most=room(len(ids), decoding, window),
        seed=int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> np.uint64(1))
        if seed is None
        else seed,
    )


def room(prompt: int, decoding: Decoding, window: int) -> int:
    """New tokens at the most after a prompt of so many."""
    check_room(prompt, 1, window)
    if decoding.max_length is not None and prompt >= decoding.max_length:
        raise PromptTooLong(
            f"the prompt has {prompt} tokens and decoding.max_length, which counts it, is "
            f"{decoding.max_length}: shorten the prompt, or use max_new_tokens alone"
        )
    total = window if decoding.max_length is None else min(window, decoding.max_length)
    return min(decoding.max_new_tokens, total - prompt)


def check_room(prompt: int, reply: int, window: int) -> None:
    """Raises PromptTooLong when a prompt and a reply of so many tokens do not fit."""
    if prompt == 0:
        raise EngineError("the prompt has no tokens: a model needs at least one to go on from")
    if prompt + reply > window:
        raise PromptTooLong(
            f"the prompt has {prompt} tokens, the reply at least {reply}, and the context window "
            f"{window}: shorten the talk"
        )


def banned(decoding: Decoding, tokenizer: Tokenizer) -> Iterator[int]:
    for name in decoding.banned:
        token = tokenizer.token(name)
        if token is None:
            raise UnsupportedDecoding(
                f"decoding.banned names {name!r}, which this model's vocabulary does not have: "
                "write it as it stands in tokenizer.json, or leave it out"
            )
        yield token


def completion(
    request: Request,
    text: str,
    tokens: Sequence[int],
    logprobs: Sequence[float],
    *,
    stopped: bool,
    cached: int,
    first_seconds: float,
    seconds: float,
) -> Completion:
    """The completion of a request."""
    return Completion(
        text=text,
        tokens=tuple(tokens),
        logprobs=tuple(logprobs),
        finish="stop" if stopped else "length",
        prompt_tokens=len(request.ids),
        completion_tokens=len(tokens),
        cached_tokens=cached,
        seed=request.seed,
        first_seconds=first_seconds,
        seconds=seconds,
    )
