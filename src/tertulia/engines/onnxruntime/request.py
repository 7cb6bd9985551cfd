"""What the loop is asked for: one prompt as ids, its decoding, and what ends it as tokens."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tertulia.decoding import Decoding
from tertulia.engines import Completion
from tertulia.engines.onnxruntime.embedding import Ids as Ids
from tertulia.engines.onnxruntime.encoder import Encoder
from tertulia.errors import EngineError, PromptTooLong, UnsupportedDecoding
from tertulia.prompt import Prompt
from tertulia.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One prompt and how to go on from it.

    ids     of the prompt
    before  tokens that stand before the reply in the decoder: the prompt's, or what a decoder
            behind an encoder begins with
    forced  how many of these generate() counts as new ones (forced_bos_token_id)
    ends    tokens that end a reply
    stops   strings that end it
    banned  tokens that are never said
    least   no end before so many new tokens
    most    new tokens at the most, at least 1
    seed    as given or drawn
    """

    ids: Ids
    before: Ids
    forced: int
    decoding: Decoding
    tokenizer: Tokenizer
    ends: frozenset[int]
    stops: tuple[str, ...]
    banned: tuple[int, ...]
    least: int
    most: int
    seed: int


def request(
    prompt: Prompt,
    decoding: Decoding,
    tokenizer: Tokenizer,
    ends: frozenset[int],
    window: int,
    encoder: Encoder | None = None,
) -> Request:
    """The request that a prompt and a decoding make for a model.

    ends     the model's own end tokens
    window   the decoder's positions
    encoder  that reads the prompt, where there is one

    Raises PromptTooLong when there is no room for one token, UnsupportedDecoding for a banned
    token that the vocabulary lacks.
    """
    ids = np.array(tokenizer.ids(prompt.runs()), np.int64)
    before = first(ids, encoder)
    named = (*prompt.stop, *decoding.stop)
    tokens = {name: tokenizer.control(name) for name in named}
    seed = decoding.seed
    return Request(
        ids=ids,
        before=before,
        forced=0 if encoder is None else encoder.forced,
        decoding=decoding,
        tokenizer=tokenizer,
        ends=ends.union(token for token in tokens.values() if token is not None),
        stops=tuple(dict.fromkeys(name for name in named if tokens[name] is None)),
        banned=tuple(banned(decoding, tokenizer)),
        least=max(decoding.min_new_tokens, decoding.min_length - len(before)),
        most=room(len(before), decoding, window, encoder),
        seed=int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> np.uint64(1))
        if seed is None
        else seed,
    )


def first(ids: Ids, encoder: Encoder | None) -> Ids:
    """What stands before a reply in the decoder: the prompt itself where it alone reads.

    Raises PromptTooLong for a prompt that the encoder cannot read whole.
    """
    if not len(ids):
        raise EngineError("the prompt has no tokens: a model needs at least one to go on from")
    if encoder is None:
        return ids
    if len(ids) > encoder.window:
        raise PromptTooLong(
            f"the prompt has {len(ids)} tokens and the context window, which is the encoder's, "
            f"{encoder.window}: shorten the talk"
        )
    return np.array(encoder.start, np.int64)


def room(before: int, decoding: Decoding, window: int, encoder: Encoder | None) -> int:
    """New tokens at the most behind so many in the decoder."""
    check_room(before, 1, window, encoder)
    if decoding.max_length is not None and before >= decoding.max_length:
        raise PromptTooLong(
            f"the prompt has {before} tokens and decoding.max_length, which counts it, is "
            f"{decoding.max_length}: shorten the prompt, or use max_new_tokens alone"
        )
    total = window if decoding.max_length is None else min(window, decoding.max_length)
    return min(decoding.max_new_tokens, total - before)


def check_room(before: int, reply: int, window: int, encoder: Encoder | None = None) -> None:
    """Raises PromptTooLong when so many tokens in the decoder and such a reply do not fit."""
    if before + reply <= window:
        return
    if encoder is None:
        raise PromptTooLong(
            f"the prompt has {before} tokens, the reply at least {reply}, and the context window "
            f"{window}: shorten the talk"
        )
    raise PromptTooLong(
        f"the reply has at least {reply} tokens, and the decoder takes {window - before}: shorten "
        "the reply"
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
    alternatives: tuple[tuple[tuple[str, float], ...], ...] = (),
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
        alternatives=alternatives,
        finish="stop" if stopped else "length",
        prompt_tokens=len(request.ids),
        completion_tokens=len(tokens),
        cached_tokens=cached,
        seed=request.seed,
        first_seconds=first_seconds,
        seconds=seconds,
    )
