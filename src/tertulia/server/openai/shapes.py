"""What a request of OpenAI's two older endpoints may hold, `direction` among it."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from tertulia.decoding import MAX_ALTERNATIVES
from tertulia.server.doors.refusals import invalid
from tertulia.server.doors.shapes import WHOLE, Name, Shape, example
from tertulia.server.making.asked import Asked, Tokens

MAX_MESSAGES = 10_000
MAX_PROMPTS = 64
MAX_TEXT_LOGPROBS = 5
INSTRUCTING = ("system", "developer")


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
