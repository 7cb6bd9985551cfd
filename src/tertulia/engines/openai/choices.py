"""The choices of a response as they grow, read from messages that may hold anything."""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tertulia.errors import EngineError

PAIRS = re.compile("[\ud800-\udbff][\udc00-\udfff]")
ALONE = re.compile("[\ud800-\udfff]")


class Token(NamedTuple):
    """One token as a server tells it; natural logarithms."""

    text: str
    logprob: float
    likeliest: tuple[tuple[str, float], ...] = ()


class Choice:
    """One candidate.

    pieces   of text, given out so far
    finish   why it ended, in the server's word; empty while it goes on
    stopped  nothing more of it is wanted
    tokens   (text, log-probability, likeliest) of each, where the server tells them
    usage    tokens of the prompt and of the reply, None where the server does not tell
    """

    def __init__(self, stops: Sequence[str], began: float) -> None:
        self.stops = stops
        self.began = began
        self.held = self.finish = ""
        self.pieces: list[str] = []
        self.started = self.stopped = False
        self.tokens: list[Token] = []
        self.usage: tuple[int | None, int | None] = (None, None)
        self.first_seconds = self.seconds = 0.0

    @property
    def begun(self) -> bool:
        """Something of the reply has been heard."""
        return bool(self.pieces or self.held or self.finish or self.tokens)

    @property
    def text(self) -> str:
        """All that was given out."""
        return "".join(self.pieces)

    def hear(self, new: str) -> str:
        """The text that may be shown: no half characters, nothing that may become a stop."""
        if self.stopped or not new:
            return ""
        self.seconds = time.perf_counter() - self.began
        self.first_seconds = self.first_seconds or self.seconds
        self.held = PAIRS.sub(paired, self.held + new)
        places = [place for stop in self.stops if (place := self.held.find(stop)) >= 0]
        if places:
            self.finish, self.stopped = "stop", True
            piece, self.held = self.held[: min(places)], ""
        else:
            most = max((overlap(self.held, stop) for stop in self.stops), default=0)
            # A server may part an emoji between its two surrogates.
            most = max(most, int("\ud800" <= self.held[-1:] <= "\udbff"))
            safe = len(self.held) - most
            piece, self.held = self.held[:safe], self.held[safe:]
        return self.given(piece)

    def end(self) -> str:
        """What was held back."""
        held, self.held = self.held, ""
        return self.given(held)

    def given(self, piece: str) -> str:
        piece = ALONE.sub("\ufffd", piece)
        if piece:
            self.pieces.append(piece)
        return piece


def paired(found: re.Match[str]) -> str:
    return found[0].encode("utf-16", "surrogatepass").decode("utf-16")


def overlap(text: str, stop: str) -> int:
    """Characters at the end of the text that may be the beginning of a stop string."""
    sizes = range(min(len(stop) - 1, len(text)), 0, -1)
    return next((size for size in sizes if text.endswith(stop[:size])), 0)


def heard(
    message: dict[str, Any], choices: Sequence[Choice], where: str
) -> Iterator[tuple[int, str]]:
    """(choice, new text) of one message, streamed or whole."""
    listed = message.get("choices") or []
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise wrong(where, "its choices are no list of objects")
    usage = message.get("usage")
    if isinstance(usage, dict):
        counts = (count(usage.get("prompt_tokens")), count(usage.get("completion_tokens")))
        for choice in choices:
            choice.usage = counts
    for each in listed:
        index = each.get("index", 0)
        if type(index) is not int or not 0 <= index < len(choices):
            raise wrong(where, f"it sent choice {str(index)[:20]} of {len(choices)}")
        yield index, one(each, choices[index], where)


def one(message: dict[str, Any], choice: Choice, where: str) -> str:
    """The new text of one choice."""
    part = message.get("delta") or message.get("message") or message
    if not isinstance(part, dict):
        raise wrong(where, "a choice is no object")
    text = part.get("text") if part is message else part.get("content")
    if text is not None and not isinstance(text, str):
        raise wrong(where, f"its text is a {type(text).__name__}")
    choice.started = True
    if not choice.stopped:
        choice.tokens += tokens(message.get("logprobs"), where)
    piece = choice.hear(text or "")
    finish = message.get("finish_reason")
    if finish == "content_filter" and not choice.stopped:
        raise EngineError(
            f"{where} withheld the reply (content_filter): change the talk, or the server's filter"
        )
    if finish is not None and not choice.stopped:
        choice.finish = str(finish)[:40]
    return piece


def tokens(found: object, where: str) -> list[Token]:
    """Tokens with their probabilities in either api's shape; none when the server sends none."""
    if not isinstance(found, dict):
        return []
    content = found.get("content")
    try:
        if isinstance(content, list):
            return [token(each) for each in content]
        return list(columns(found))
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        raise wrong(where, "its logprobs are no list of numbers") from None


def token(each: Mapping[str, Any]) -> Token:
    return Token(*pair(each), tuple(map(pair, each.get("top_logprobs") or ())))


def pair(each: Mapping[str, Any]) -> tuple[str, float]:
    return str(each.get("token", "")), number(each["logprob"])


def columns(found: Mapping[str, Any]) -> Iterator[Token]:
    """The tokens of a text completion: its lists side by side."""
    values = found.get("token_logprobs") or []
    texts = found.get("tokens") or [""] * len(values)
    likely = found.get("top_logprobs") or [{}] * len(values)
    for text, value, others in zip(texts, values, likely, strict=True):
        named = [(str(name), number(each)) for name, each in (others or {}).items()]
        ranked = sorted(named, key=lambda each: -each[1])
        yield Token(str(text), number(value), tuple(ranked))


def number(value: object) -> float:
    if type(value) not in (int, float) or value != value:
        raise ValueError
    return float(value)  # type: ignore[arg-type]  # it was just looked at


def count(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None


def wrong(where: str, what: str) -> EngineError:
    return EngineError(f"{where} does not keep to the protocol: {what}; is it OpenAI-compatible?")
