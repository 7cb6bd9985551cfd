"""From tokens to text as it appears: whole characters, and nothing of a stop string."""

from collections.abc import Sequence

from tertulia.tokenizer import Tokenizer


class Writer:
    """Text of one reply.

    stops  strings that end it, which are not part of it
    text   what has been given out
    """

    def __init__(self, tokenizer: Tokenizer, stops: Sequence[str]) -> None:
        self.decoder = tokenizer.decoder()
        self.stops = tuple(stops)
        self.text = ""
        self.held = ""
        self.stopped = False

    def add(self, token: int, *, may_stop: bool = True) -> str:
        """The text that is safe to show after one more token.

        may_stop  a stop string completed by this token ends the reply
        """
        return self.given(self.take(self.decoder.step(token), may_stop))

    def end(self) -> str:
        """What was held back, when no more tokens come."""
        piece = self.take(self.decoder.end(), may_stop=True)
        if not self.stopped:
            piece, self.held = piece + self.held, ""
        return self.given(piece)

    def take(self, new: str, may_stop: bool) -> str:
        text = self.held + new
        found = [place for stop in self.stops if (place := text.find(stop)) >= 0]
        if may_stop and found:
            self.stopped, self.held = True, ""
            return text[: min(found)]
        safe = len(text) - self.beginning(text)
        self.held = text[safe:]
        return text[:safe]

    def given(self, piece: str) -> str:
        self.text += piece
        return piece

    def beginning(self, text: str) -> int:
        """Characters at the end of the text that may be the beginning of a stop string."""
        longest = 0
        for stop in self.stops:
            for size in range(min(len(stop) - 1, len(text)), longest, -1):
                if text.endswith(stop[:size]):
                    longest = size
                    break
        return longest
