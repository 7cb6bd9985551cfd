"""A context window without a model: what an Agent needs to tell which turns would fit."""

from collections.abc import Iterator, Sequence

from tertulia.decoding import Decoding
from tertulia.engines import Engine, Event
from tertulia.errors import UnsupportedDecoding
from tertulia.prompt import Prompt
from tertulia.tokenizer import Tokenizer


class Window(Engine):
    """Counts tokens as an engine would; it cannot make any."""

    def __init__(self, tokenizer: Tokenizer, context_window: int) -> None:
        self.tokenizer = tokenizer
        self.context_window = context_window

    def count_tokens(self, prompt: Prompt) -> int:
        return len(self.tokenizer.ids(prompt.runs()))

    def events(self, prompts: Sequence[Prompt], decoding: Sequence[Decoding]) -> Iterator[Event]:
        raise UnsupportedDecoding("a window without a model cannot reply: use `tertulia chat`")
