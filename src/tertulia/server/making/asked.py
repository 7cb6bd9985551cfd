"""What every request for text may hold: OpenAI's fields, and our `decoding`.

Every number has its bounds here, so that none reaches an allocation. A field that is known and
cannot be honoured is refused unless it asks for nothing; an unknown one is ignored with a warning.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import Field, StringConstraints

from tertulia.decoding import MAX_NEW_TOKENS
from tertulia.server.doors.refusals import invalid
from tertulia.server.doors.shapes import WHOLE, Name, Shape, taken

MAX_CHOICES = 128
MAX_STOPS = 4

Stop = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Tokens = Annotated[int, Field(ge=1, le=MAX_NEW_TOKENS), WHOLE]

UNHONOURED: Mapping[str, tuple[object, ...]] = {
    "audio": (),
    "best_of": (1,),
    "echo": (False,),
    "frequency_penalty": (0,),
    "function_call": ("none", "auto"),
    "functions": ([],),
    "logit_bias": ({},),
    "modalities": (["text"],),
    "prediction": (),
    "presence_penalty": (0,),
    "reasoning_effort": (),
    "response_format": ({"type": "text"},),
    "service_tier": ("auto", "default"),
    "store": (False,),
    "suffix": ("",),
    "tool_choice": ("none", "auto"),
    "tools": ([],),
    "top_logprobs": (0,),
    "verbosity": (),
    "web_search_options": (),
}
"""OpenAI's fields that no engine here honours, and the values that ask for nothing."""

INERT = (
    "metadata",
    "parallel_tool_calls",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "user",
)
"""OpenAI's fields that do not change a reply there either."""


class StreamOptions(Shape):
    """include_usage adds a last chunk with the counts of tokens."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class Making(Shape):
    """What every endpoint that makes text is asked for.

    decoding  fields of Decoding, and `preset`, `rankers` (names), `return_candidates`
    """

    unhonoured: ClassVar[Mapping[str, tuple[object, ...]]] = UNHONOURED
    inert: ClassVar[tuple[str, ...]] = (*UNHONOURED, *INERT)

    model: Name
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    stream: bool | None = None
    decoding: dict[str, Any] | None = None

    @property
    def settings(self) -> dict[str, tuple[str, object]]:
        """(field, value) of what OpenAI's fields say, by the names of Decoding; None is unsaid."""
        return {
            "temperature": ("temperature", self.temperature),
            "top_p": ("top_p", self.top_p),
        }

    @property
    def choices(self) -> int:
        """So many of the candidates are answered."""
        return 1

    @property
    def tells_logprobs(self) -> bool:
        """The answer tells the probability of each token."""
        return False


class Asked(Making):
    """What OpenAI's two older endpoints have in common."""

    max_tokens: Tokens | None = None
    n: Annotated[int, Field(ge=1, le=MAX_CHOICES), WHOLE] | None = None
    stop: Stop | Annotated[list[Stop], Field(max_length=MAX_STOPS)] | None = None
    seed: Annotated[int, Field(ge=0, le=2**63 - 1), WHOLE] | None = None
    stream_options: StreamOptions | None = None

    @property
    def settings(self) -> dict[str, tuple[str, object]]:
        return {
            **super().settings,
            "max_new_tokens": ("max_tokens", self.max_tokens),
            "stop": ("stop", self.stops or None),
            "seed": ("seed", self.seed),
        }

    @property
    def choices(self) -> int:
        return self.n or 1

    @property
    def stops(self) -> tuple[str, ...]:
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    @property
    def tells_usage(self) -> bool:
        return bool(self.stream_options and self.stream_options.include_usage)


Shaped = TypeVar("Shaped", bound=Making)


def shaped(shape: type[Shaped], table: dict[str, Any]) -> Shaped:
    """A request of that shape; raises Refusal naming the field that is wrong or not honoured."""
    asked = taken(shape, table)
    field, wanted = asked.settings.get("alternatives", ("", None))
    if wanted and not asked.tells_logprobs:
        raise invalid(f"{field} is told beside logprobs only: ask for logprobs, too", field)
    for name, nothing in shape.unhonoured.items():
        given = table.get(name)
        if name not in shape.model_fields and given is not None and not idle(given, nothing):
            raise invalid(
                f"{name} cannot be honoured by this server: leave it out", name, "unsupported_value"
            )
    return asked


def idle(given: object, nothing: tuple[object, ...]) -> bool:
    """Whether a value asks for nothing; 0 is not False."""
    numbers = isinstance(given, int | float) and not isinstance(given, bool)
    return any(
        given == each and (type(given) is type(each) or numbers and each is not False)
        for each in nothing
    )
