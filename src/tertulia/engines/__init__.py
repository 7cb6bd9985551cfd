"""Engines run weights: prompts in, completions out. An engine has never heard of a conversation.

A file on this shelf has `Settings` (a frozen dataclass) and `load(settings)`: an Engine.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from tertulia import config, registry
from tertulia.decoding import Decoding
from tertulia.errors import UnsupportedDecoding
from tertulia.prompt import Prompt, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One raw candidate.

    text               without what ended it; control tokens by name
    tokens             ids of the generated tokens, what ended it included; empty if unknown
    logprobs           natural-log probability of each token under the model itself, before any
                       rule of the decoding; empty when the engine cannot tell
    alternatives       [token]: the likeliest tokens in its place, likeliest first, each its text by
                       itself (half a character is U+FFFD) and its probability as in logprobs; as
                       many as decoding.alternatives asks for, empty when it asks for none
    texts              of the tokens, from an engine that knows no ids; empty otherwise
    finish             "stop" or "length"
    prompt_tokens      tokens of the prompt, None when the engine cannot tell
    completion_tokens  generated tokens, None when the engine cannot tell
    cached_tokens      of the prompt's, how many were kept from earlier work
    seed               the seed that made it; the same request with it gives the same reply
    first_seconds      time to the first token
    seconds            time to the last token
    """

    text: str
    tokens: tuple[int, ...] = field(default=(), repr=False)
    logprobs: tuple[float, ...] = field(default=(), repr=False)
    alternatives: tuple[tuple[tuple[str, float], ...], ...] = field(default=(), repr=False)
    texts: tuple[str, ...] = field(default=(), repr=False)
    finish: str = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int = 0
    seed: int | None = None
    first_seconds: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A bit of text of one candidate, as it appears; never half a character."""

    prompt: int
    candidate: int
    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """One candidate, whole."""

    prompt: int
    candidate: int
    completion: Completion


Event = Piece | Finished


class Engine(ABC):
    """What every engine can do. The one method that makes text is `events`; the rest follows."""

    context_window: int
    """Prompt plus reply, in tokens."""

    honours: frozenset[str] = frozenset()
    """Names of the Decoding fields this engine obeys; max_new_tokens always."""

    twofold: bool = False
    """An encoder reads the prompt and a decoder says the reply: each has the window to itself."""

    replays: bool = True
    """The same request with the same seed gives the same reply; where not, a reply that was sampled
    tells no seed."""

    between: Callable[[], None] = staticmethod(lambda: None)
    """Called on the asking thread between two steps, also of work that gives no event for long:
    whoever serves puts in its place what raises when nobody waits for the rest."""

    @property
    def title(self) -> str:
        """What errors call it."""
        return type(self).__name__

    @abstractmethod
    def count_tokens(self, prompt: Prompt) -> int:
        """Tokens of the prompt, as the model gets it."""

    @abstractmethod
    def events(self, prompts: Sequence[Prompt], decoding: Sequence[Decoding]) -> Iterator[Event]:
        """Every candidate of every prompt, as it is made; the pieces of one add up to its text.

        decoding  one per prompt, already checked
        A candidate's randomness depends on its prompt, its decoding's seed and its number only,
        never on what else is in the batch. Closing the iterator cancels the rest. Beams and
        engines that cannot stream give one piece.
        """

    def read_ahead(self, prompts: Sequence[Prompt], wanted: Callable[[], bool]) -> None:  # noqa: B027 - most engines keep nothing
        """Process what these prompts begin with alike, for a later one that begins so, too.

        Goes on for as long as `wanted` says and nobody asks for a reply. No reply changes by it;
        an engine that keeps no processed prompts does nothing.
        """

    def generate(
        self, prompts: Sequence[Prompt], decoding: Decoding | Sequence[Decoding]
    ) -> list[list[Completion]]:
        """Completions as [prompt][candidate], in the order of `prompts`.

        decoding  one for all, or one per prompt

        Raises UnsupportedDecoding when the engine cannot do what is asked.
        """
        each = self.checked(prompts, decoding)
        rows: list[dict[int, Completion]] = [{} for _ in prompts]
        with closing(self.events(prompts, each)) as events:  # type: ignore[type-var]
            for event in events:
                if isinstance(event, Finished):
                    rows[event.prompt][event.candidate] = event.completion
        return [[row[n] for n in sorted(row)] for row in rows]

    def stream(self, prompt: Prompt, decoding: Decoding) -> Iterator[str]:
        """Pieces of one reply as they appear."""
        with closing(self.events([prompt], self.checked([prompt], decoding))) as events:  # type: ignore[type-var]
            for event in events:
                if isinstance(event, Piece) and event.candidate == 0:
                    yield event.text

    def score(
        self, prompts: Sequence[Prompt], replies: Sequence[Sequence[Span]]
    ) -> list[tuple[float, ...]]:
        """Natural-log probability of each token of each reply after its prompt.

        Raises UnsupportedDecoding when the engine cannot tell probabilities.
        """
        raise UnsupportedDecoding(
            f"the {self.title} engine cannot score given text: use onnxruntime or "
            "transformers for likelihoods"
        )

    def checked(
        self, prompts: Sequence[Prompt], decoding: Decoding | Sequence[Decoding]
    ) -> list[Decoding]:
        """One decoding per prompt, each of which this engine can do."""
        each = [decoding] * len(prompts) if isinstance(decoding, Decoding) else list(decoding)
        if len(each) != len(prompts):
            raise ValueError(f"{len(each)} decodings for {len(prompts)} prompts: give one for each")
        for one in each:
            self.check(one)
        return each

    def room(self, decoding: Decoding) -> int:
        """Tokens that a prompt may have, so that the reply has room for max_new_tokens.

        Where max_length, which counts a decoder's prompt too, is the narrower limit, a quarter of
        it at most is kept free for the reply: Pingpong's 48 are less than max_new_tokens alone.
        """
        window, longest = self.context_window, decoding.max_length
        if self.twofold:
            return window
        if longest is None or longest >= window:
            return window - decoding.max_new_tokens
        return longest - min(decoding.max_new_tokens, max(longest // 4, 1))

    def check(self, decoding: Decoding) -> None:
        """Raises UnsupportedDecoding for the first setting this engine would have to ignore."""
        for name in decoding.changed():
            if name != "max_new_tokens" and name not in self.honours:
                raise UnsupportedDecoding(
                    f"the {self.title} engine cannot do {name}="
                    f"{getattr(decoding, name)!r}: leave it out, or use an engine that can "
                    "(onnxruntime, transformers)"
                )

    def close(self) -> None:  # noqa: B027 - most engines hold nothing
        """Give back what the engine holds; it is not used afterwards."""


def load(name: str, **settings: object) -> Engine:
    """The engine in the file of that name, opened with its own `Settings`."""
    module = registry.load(__name__, name)
    engine: Engine = module.load(config.build(module.Settings, settings, f"engine {name!r}"))
    return engine
