"""A Reply as the objects that OpenAI's clients read, with ours in one more: `tertulia`.

plan         what the reply was to do, the planner's part included
seed         the same request with it gives the same reply
dropped      turns that did not fit the context window, oldest first
unsupported  directions that this model family cannot take, as paths of the scene
image        a picture that the reply shares, in words
all_dropped  every candidate broke a ranker's rule
candidates   only where `decoding.return_candidates` asks for them: all, best first
"""

import math
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from tertulia import __version__
from tertulia.agent import Reply
from tertulia.conversation import Plan
from tertulia.engines import Completion
from tertulia.rankers import Candidate
from tertulia.server.making.way import Way, untold

LEAST = -9999.0
"""Stands for the logarithm of 0, which JSON has no number for; OpenAI's own."""


def envelope(kind: str, prefix: str, model: str) -> dict[str, Any]:
    """What every object of one answer begins with."""
    return {
        "id": f"{prefix}-{secrets.token_hex(12)}",
        "object": kind,
        "created": int(time.time()),
        "model": model,
        "system_fingerprint": f"tertulia-{__version__}",
    }


def extension(reply: Reply, way: Way) -> dict[str, Any]:
    """The `tertulia` object of an answer."""
    told: dict[str, Any] = {
        "plan": asdict(reply.plan),
        "seed": way.agent.decoding.seed,
        "dropped": [asdict(turn) for turn in reply.dropped],
        "unsupported": list(reply.prompt.unsupported),
        "image": reply.image,
        "all_dropped": reply.all_dropped,
    }
    if way.tells:
        told["candidates"] = [candidate(each) for each in reply.candidates]
    return told


def dropping(reply: Reply) -> dict[str, str]:
    """The header of an answer that has no room for more: how many turns did not fit."""
    return {"X-Tertulia-Dropped": str(len(reply.dropped))} if reply.dropped else {}


def candidate(each: Candidate) -> dict[str, Any]:
    """One candidate; a score that drops it is null, since JSON has no infinity."""
    logprobs = each.completion.logprobs
    return {
        "text": each.text,
        "image": each.image,
        "score": number(each.score),
        "scores": {name: number(score) for name, score in each.scores},
        "mean_logprob": sum(logprobs) / len(logprobs) if logprobs else None,
        "finish_reason": each.completion.finish,
    }


def number(score: float) -> float | None:
    return score if math.isfinite(score) else None


def planners(planned: Plan, given: Plan) -> str:
    """What the planner thought before the reply, where nobody gave it."""
    return "" if given.explanation else planned.explanation


def usage(completions: Sequence[Completion]) -> dict[str, Any]:
    """Counts of tokens; the prompt once, and the choices that are answered."""
    prompt = max((each.prompt_tokens or 0 for each in completions), default=0)
    made = sum(each.completion_tokens or 0 for each in completions)
    cached = max((each.cached_tokens for each in completions), default=0)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": made,
        "total_tokens": prompt + made,
        "prompt_tokens_details": {"cached_tokens": cached},
    }


def summed(parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The usage of several prompts of one request."""
    total = usage([])
    for part in parts:
        for name in ("prompt_tokens", "completion_tokens", "total_tokens"):
            total[name] += part[name]
        total["prompt_tokens_details"]["cached_tokens"] += part["prompt_tokens_details"][
            "cached_tokens"
        ]
    return total


def tokens(completion: Completion, texts: Sequence[str] | None) -> list[tuple[str, float]]:
    """(text, natural-log probability) of each token, without what ended the reply.

    Raises Refusal when the engine does not tell them.
    """
    if texts is None:
        raise untold("logprobs")
    return list(zip(texts, completion.logprobs[: len(texts)], strict=True))


def chat_logprobs(completion: Completion, spelled: Sequence[str] | None) -> dict[str, Any]:
    """The `logprobs` of a chat choice."""
    drawn = tokens(completion, spelled)
    others = completion.alternatives or ((),) * len(drawn)
    content = [
        {**likely(text, logprob), "top_logprobs": [likely(*each) for each in likeliest]}
        for (text, logprob), likeliest in zip(drawn, others, strict=False)
    ]
    return {"content": content, "refusal": None}


def likely(text: str, logprob: float) -> dict[str, Any]:
    """A token; what is half a character by itself has no bytes to tell."""
    known = "\ufffd" not in text
    return {
        "token": text,
        "logprob": max(logprob, LEAST),
        "bytes": list(text.encode()) if known else None,
    }


def text_logprobs(completion: Completion, spelled: Sequence[str] | None) -> dict[str, Any]:
    """The `logprobs` of a text choice; beside the likeliest, the drawn token is told, too."""
    drawn = tokens(completion, spelled)
    offsets, at = [], 0
    for text, _ in drawn:
        offsets.append(at)
        at += len(text)
    pairs = zip(drawn, completion.alternatives, strict=False)
    return {
        "tokens": [text for text, _ in drawn],
        "token_logprobs": [max(logprob, LEAST) for _, logprob in drawn],
        "top_logprobs": [
            {name: max(value, LEAST) for name, value in (*likeliest, own)}
            for own, likeliest in pairs
        ]
        if completion.alternatives
        else None,
        "text_offset": offsets,
    }
