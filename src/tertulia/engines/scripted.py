"""An engine without weights that says what it is told to say: the double for tests and docs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tertulia.decoding import Decoding
from tertulia.engines import Completion, Engine, Event, Finished, Piece
from tertulia.prompt import Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """lines are said in turn: candidate n of a prompt says line seed + n (seed 0 when none)."""

    lines: tuple[str, ...] = ("Hello.",)
    context_window: int = 2048


TINY = Settings()
MOST_SEEN = 1000
"""Prompts that are kept for whoever looks; of more, the last."""


class Scripted(Engine):
    """Tokens are words. It honours every setting that cannot change what is written down."""

    honours = frozenset(("temperature", "top_k", "top_p", "min_p", "candidates", "seed", "stop"))

    def __init__(self, settings: Settings) -> None:
        self.lines = settings.lines
        self.context_window = settings.context_window
        self.seen: list[Prompt] = []

    def count_tokens(self, prompt: Prompt) -> int:
        return len(prompt.text.split())

    def events(self, prompts: Sequence[Prompt], decoding: Sequence[Decoding]) -> Iterator[Event]:
        self.seen += prompts
        del self.seen[:-MOST_SEEN]
        for number, (prompt, each) in enumerate(zip(prompts, decoding, strict=True)):
            for candidate in range(each.candidates):
                yield from self.said(number, candidate, prompt, each)

    def said(
        self, number: int, candidate: int, prompt: Prompt, decoding: Decoding
    ) -> Iterator[Event]:
        line = self.lines[((decoding.seed or 0) + candidate) % len(self.lines)]
        ended = min((line.find(each) for each in decoding.stop if each in line), default=len(line))
        words = line[:ended].split(" ")
        kept = words[: decoding.max_new_tokens]
        for place, word in enumerate(kept):
            yield Piece(number, candidate, word if place == 0 else f" {word}")
        completion = Completion(
            text=" ".join(kept),
            finish="stop" if len(kept) == len(words) else "length",
            prompt_tokens=self.count_tokens(prompt),
            completion_tokens=len(kept),
            seed=decoding.seed or 0,
        )
        yield Finished(number, candidate, completion)


def load(settings: Settings) -> Scripted:
    return Scripted(settings)
