"""What a request may hold, as pydantic models: OpenAI's fields, and `direction` and `decoding`.

Every number has its bounds here, so that none reaches an allocation. A field that is known and
cannot be honoured is refused unless it asks for nothing; an unknown one is ignored with a warning.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from tertulia.decoding import MAX_ALTERNATIVES, MAX_NEW_TOKENS
from tertulia.server.refusals import Refusal, invalid

MAX_MESSAGES = 10_000
MAX_CHOICES = 128
MAX_STOPS = 4
MAX_PROMPTS = 64
MAX_NAMED = 16
MAX_TEXT_LOGPROBS = 5
INSTRUCTING = ("system", "developer")

Name = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Stop = Annotated[str, StringConstraints(min_length=1, max_length=256)]


def whole(given: object) -> object:
    """1.0 is a whole number too, by JSON Schema's reading of one."""
    return int(given) if isinstance(given, float) and given.is_integer() else given


WHOLE = BeforeValidator(whole)
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


def example(body: dict[str, Any]) -> ConfigDict:
    """The setting of a shape that shows one body in the description."""
    return ConfigDict(json_schema_extra={"examples": [body]})


class Shape(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, frozen=True)


def only_text(schema: dict[str, Any]) -> None:
    """The description of a part tells what is honoured, not what is refused in words of our own."""
    schema["properties"] = {"type": {"const": "text"}, "text": {"type": "string"}}
    schema["required"] = ["type", "text"]


def honoured(schema: dict[str, Any]) -> None:
    """The same for a message: no tools, and always something said."""
    schema["properties"]["role"] = {"enum": [*INSTRUCTING, "user", "assistant"]}
    content = schema["properties"]["content"]
    content.pop("default")
    content["anyOf"] = [each for each in content["anyOf"] if each.get("type") != "null"]
    schema["required"] = ["role", "content"]


class Part(Shape):
    """A piece of a message's content; only text is understood."""

    model_config = ConfigDict(json_schema_extra=only_text)

    type: str
    text: str | None = None


class Message(Shape):
    """One message; `name` is the speaker's, where it is not one of the two sides."""

    model_config = ConfigDict(json_schema_extra=honoured)

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None
    name: Name | None = None


class StreamOptions(Shape):
    """include_usage adds a last chunk with the counts of tokens."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class Making(Shape):
    """What every endpoint that makes text is asked for.

    decoding  fields of Decoding, and `preset`, `rankers` (names), `return_candidates`
    """

    unhonoured: ClassVar[Mapping[str, tuple[object, ...]]] = UNHONOURED

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


class ChatAsked(Asked):
    """POST /v1/chat/completions.

    direction  the scene without its turns: agent, user, situation, instruction, personas,
               knowledge, memory, plan; with scene_id, over the posted scene of that id
    """

    model_config = example({"model": "mini", "messages": [{"role": "user", "content": "Hi!"}]})

    messages: Annotated[list[Message], Field(min_length=1, max_length=MAX_MESSAGES)]
    max_completion_tokens: Tokens | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=MAX_ALTERNATIVES), WHOLE] | None = None
    direction: dict[str, Any] | None = None

    @property
    def settings(self) -> dict[str, tuple[str, object]]:
        found = {
            **super().settings,
            "alternatives": ("top_logprobs", self.top_logprobs or None),
        }
        newer = self.max_completion_tokens
        if newer is not None and self.max_tokens not in (None, newer):
            raise invalid(
                "max_tokens and max_completion_tokens differ: give one of them", "max_tokens"
            )
        if newer is not None:
            found["max_new_tokens"] = ("max_completion_tokens", newer)
        return found

    @property
    def tells_logprobs(self) -> bool:
        return bool(self.logprobs)


class TextAsked(Asked):
    """POST /v1/completions: the model goes on from a text, without a format around it.

    logprobs  so many of the likeliest tokens are told beside each that was drawn
    """

    model_config = example({"model": "mini", "prompt": "One fine day"})

    prompt: str | Annotated[list[str], Field(min_length=1, max_length=MAX_PROMPTS)]
    logprobs: Annotated[int, Field(ge=0, le=MAX_TEXT_LOGPROBS), WHOLE] | None = None

    @property
    def settings(self) -> dict[str, tuple[str, object]]:
        return {**super().settings, "alternatives": ("logprobs", self.logprobs or None)}

    @property
    def tells_logprobs(self) -> bool:
        return self.logprobs is not None


Shaped = TypeVar("Shaped", bound=Making)


def shaped(shape: type[Shaped], table: dict[str, Any]) -> Shaped:
    """A request of that shape; raises Refusal naming the field that is wrong or not honoured."""
    try:
        asked = shape.model_validate(table)
    except ValidationError as error:
        raise refused(error) from None
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


def warning(asked: Making) -> dict[str, str]:
    """The header that names the fields nobody here knows; empty where there are none."""
    return warned(n for n in asked.model_extra or () if n not in (*asked.unhonoured, *INERT))


def warned(unknown: Iterable[str]) -> dict[str, str]:
    """The header that names these fields as ignored; empty where there are none."""
    named = [re.sub(r"[^\w.-]", "?", name[:40], flags=re.ASCII) or "?" for name in unknown]
    told = f"unknown fields ignored: {', '.join(named[:MAX_NAMED])}"
    return {"X-Tertulia-Warning": told} if named else {}


def refused(error: ValidationError) -> Refusal:
    """The first thing that is wrong, by the path of its field."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    param = path(first["loc"])
    code = "missing_required_parameter" if first["type"] == "missing" else "invalid_value"
    return invalid(f"{param}: {first['msg']}", param, code)


def path(place: tuple[int | str, ...]) -> str:
    """The path as OpenAI writes one; which type of a union was tried is left out."""
    told = ""
    for each in place:
        if isinstance(each, int):
            told += f"[{each}]"
        elif each.isidentifier() and each not in ("str", "bool", "int", "float"):
            told += f".{each}" if told else each
    return told
