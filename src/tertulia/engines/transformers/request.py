"""What is asked of the model: one prompt as ids, its decoding, and what ends the reply."""

import secrets
from dataclasses import dataclass

from tertulia.decoding import Decoding
from tertulia.engines.transformers.model import Model
from tertulia.errors import EngineError, PromptTooLong, UnsupportedDecoding
from tertulia.prompt import Prompt
from tertulia.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One prompt and how to go on from it.

    ids     of the prompt
    before  ids that stand before the reply in the decoder: the prompt, or the start token
    ends    tokens that end a reply
    stops   strings that end it
    banned  tokens that are never said
    most    new tokens at the most
    least   no end before so many
    """

    ids: tuple[int, ...]
    before: tuple[int, ...]
    decoding: Decoding
    ends: tuple[int, ...]
    stops: tuple[str, ...]
    banned: tuple[int, ...]
    most: int
    least: int
    seed: int


def request(prompt: Prompt, decoding: Decoding, tokenizer: Tokenizer, model: Model) -> Request:
    """Raises PromptTooLong when there is no room for a single token."""
    ids = tuple(tokenizer.ids(prompt.runs()))
    before = model.start or ids
    named = {name: tokenizer.control(name) for name in (*prompt.stop, *decoding.stop)}
    ends = {*model.ends, *(token for token in named.values() if token is not None)}
    return Request(
        ids=ids,
        before=before,
        decoding=decoding,
        ends=tuple(sorted(ends)),
        stops=tuple(name for name, token in named.items() if token is None),
        banned=tuple(banned_token(name, tokenizer) for name in decoding.banned),
        most=min(decoding.max_new_tokens, room(len(ids), len(before), decoding, model.window)),
        least=max(decoding.min_new_tokens, decoding.min_length - len(before)),
        seed=secrets.randbelow(2**63) if decoding.seed is None else decoding.seed,
    )


def room(prompt: int, before: int, decoding: Decoding, window: int) -> int:
    """Tokens that fit behind a prompt of so many, of which `before` stand in the decoder."""
    if not prompt:
        raise EngineError(
            "the prompt has no tokens: a model needs at least one to go on from; use a format "
            "that writes the control tokens of this model"
        )
    if prompt > window or before >= window:
        raise PromptTooLong(
            f"the prompt has {prompt} tokens and the context window {window}: shorten it, it must "
            "leave room for the reply"
        )
    if decoding.max_length is not None and before >= decoding.max_length:
        raise PromptTooLong(
            f"the prompt has {before} tokens and decoding.max_length, which counts it, is "
            f"{decoding.max_length}: shorten the prompt, or use max_new_tokens alone"
        )
    return min(window, decoding.max_length or window) - before


def banned_token(name: str, tokenizer: Tokenizer) -> int:
    """Raises UnsupportedDecoding for a name that the vocabulary lacks."""
    token = tokenizer.token(name)
    if token is None:
        raise UnsupportedDecoding(
            f"decoding.banned names {name!r}, which the vocabulary of {tokenizer.name} does not "
            "have: write it as it stands in there, or leave it out"
        )
    return token
