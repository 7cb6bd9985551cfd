"""What is asked of the model: one prompt as ids, its decoding, and what ends the reply."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tertulia.decoding import Decoding
from tertulia.engines.ctranslate2.folder import About
from tertulia.errors import EngineError, PromptTooLong, UnsupportedDecoding
from tertulia.prompt import Prompt
from tertulia.tokenizer import Tokenizer

COLDEST = 1e-6
"""Dividing by a lower temperature leaves float32; the likeliest token is said, as it would be."""

FROZEN = {"sampling_topk": 2, "sampling_temperature": COLDEST}

NARROWEST = 1e-6
"""A nucleus as small as this holds one token, and still is a number above 0 in float32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One prompt and how to go on from it.

    ids     of the prompt
    ends    tokens that end a reply
    stops   strings that end it
    banned  tokens that are never said
    most    new tokens at the most
    least   no end before so many
    """

    ids: tuple[int, ...]
    decoding: Decoding
    ends: tuple[int, ...]
    stops: tuple[str, ...]
    banned: tuple[int, ...]
    most: int
    least: int

    @property
    def seed(self) -> int | None:
        """What makes the reply again: any number where nothing is left to chance."""
        return (self.decoding.seed or 0) if self.decoding.temperature == 0 else None

    @property
    def bent(self) -> bool:
        """Rules change the probabilities that the library tells of its tokens."""
        decoding = self.decoding
        ruled = decoding.repetition_penalty != 1 or decoding.no_repeat_ngram
        return bool(ruled or self.banned or self.least > 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """Tokens that fit: in a prompt, and in what the decoder reads and says."""

    prompt: int
    decoder: int


def windows(about: About, asked: int | None) -> Windows:
    """The model's own, or fewer; more only where positions have no end."""
    first = asked or about.window or about.prompt or 512
    prompt = first if about.prompt is None else min(first, about.prompt)
    last = asked or about.window or about.reply or 512
    return Windows(prompt=prompt, decoder=last if about.reply is None else min(last, about.reply))


def request(
    prompt: Prompt, decoding: Decoding, tokenizer: Tokenizer, about: About, windows: Windows
) -> Request:
    """Raises PromptTooLong when there is no room for one token, UnsupportedDecoding for a banned
    token that the vocabulary lacks."""
    ids = tuple(tokenizer.ids(prompt.runs()))
    named = {name: tokenizer.control(name) for name in (*prompt.stop, *decoding.stop)}
    ends = {*about.ends, *(token for token in named.values() if token is not None)}
    before = len(about.start) or len(ids)
    return Request(
        ids=ids,
        decoding=decoding,
        ends=tuple(sorted(ends)),
        stops=tuple(name for name, token in named.items() if token is None),
        banned=tuple(banned(name, tokenizer) for name in decoding.banned),
        most=min(decoding.max_new_tokens, room(len(ids), before, decoding, windows)),
        least=max(decoding.min_new_tokens, decoding.min_length - before),
    )


def room(prompt: int, before: int, decoding: Decoding, windows: Windows) -> int:
    """Tokens that fit behind a prompt of so many, of which `before` stand in the decoder."""
    if not prompt:
        raise EngineError("the prompt has no tokens: a model needs at least one to go on from")
    if prompt > windows.prompt or before >= windows.decoder:
        raise PromptTooLong(
            f"the prompt has {prompt} tokens and the context window {windows.prompt}: shorten the "
            "talk, it must leave room for the reply"
        )
    if decoding.max_length is not None and before >= decoding.max_length:
        raise PromptTooLong(
            f"the prompt has {before} tokens and decoding.max_length, which counts it, is "
            f"{decoding.max_length}: shorten the prompt, or use max_new_tokens alone"
        )
    return min(windows.decoder, decoding.max_length or windows.decoder) - before


def banned(name: str, tokenizer: Tokenizer) -> int:
    """Raises UnsupportedDecoding for a name that the vocabulary lacks."""
    token = tokenizer.token(name)
    if token is None:
        raise UnsupportedDecoding(
            f"decoding.banned names {name!r}, which the vocabulary of {tokenizer.name} does not "
            "have: write it as it stands in there, or leave it out"
        )
    return token


def names(ids: Sequence[int]) -> list[str]:
    """Ids as the library's vocabulary spells them."""
    return [str(token) for token in ids]


def options(request: Request, vocabulary: int) -> Mapping[str, Any]:
    """The library's own words for a decoding; requests with the same ones may share a call."""
    decoding = request.decoding
    found: dict[str, Any] = {
        "num_hypotheses": decoding.candidates,
        "repetition_penalty": decoding.repetition_penalty,
        "no_repeat_ngram_size": decoding.no_repeat_ngram,
        "suppress_sequences": [[str(token)] for token in request.banned] or None,
        # No token has the id behind the last: without it the library takes an end of its own.
        "end_token": list(request.ends) or [vocabulary],
        "return_end_token": True,
        "return_scores": True,
    }
    if decoding.beams > 1:
        return {
            **found,
            "beam_size": decoding.beams,
            "length_penalty": decoding.length_penalty,
        }
    if decoding.top_k == 1 or decoding.temperature < COLDEST:
        # The library gives several candidates only of what it draws.
        alone = {"sampling_topk": 1} if decoding.candidates == 1 else FROZEN
        return {**found, "beam_size": 1, **alone}
    return {
        **found,
        "beam_size": 1,
        "sampling_topk": min(decoding.top_k, vocabulary),
        "sampling_topp": max(decoding.top_p, NARROWEST),
        "sampling_temperature": decoding.temperature,
    }
