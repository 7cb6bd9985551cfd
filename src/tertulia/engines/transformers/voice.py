"""Tokens to text as they come, without what ends the reply."""

from tertulia.engines.transformers.request import Request
from tertulia.tokenizer import Tokenizer


class Voice:
    """One reply in the making.

    tokens  said so far, what ended it included
    text    given out so far
    ended   by an end token or a stop string; one that comes too early ends nothing
    """

    def __init__(self, tokenizer: Tokenizer, request: Request) -> None:
        self.decoder = tokenizer.decoder()
        self.request = request
        self.tokens: list[int] = []
        self.text = ""
        self.held = ""
        self.ended = False

    def say(self, token: int) -> str:
        """The text that may be shown after one more token: none that may be part of a stop."""
        self.tokens.append(token)
        if token in self.request.ends:
            self.ended = True
            return ""
        return self.take(self.decoder.step(token))

    def end(self) -> str:
        """What was held back, when no more tokens come."""
        piece = self.take(self.decoder.end()) if not self.stopped_by_string else ""
        held, self.held = self.held, ""
        self.text += held
        return piece + held

    @property
    def stopped_by_string(self) -> bool:
        return self.ended and self.tokens[-1] not in self.request.ends

    def take(self, new: str) -> str:
        self.held += new
        stops = self.request.stops
        places = [place for stop in stops if (place := self.held.find(stop)) >= 0]
        if places and len(self.tokens) > self.request.least:
            self.ended = True
            piece, self.held = self.held[: min(places)], ""
        else:
            safe = len(self.held) - max((overlap(self.held, stop) for stop in stops), default=0)
            piece, self.held = self.held[:safe], self.held[safe:]
        self.text += piece
        return piece


def overlap(text: str, stop: str) -> int:
    """Characters at the end of the text that may be the beginning of a stop string."""
    sizes = range(min(len(stop) - 1, len(text)), 0, -1)
    return next((size for size in sizes if text.endswith(stop[:size])), 0)
