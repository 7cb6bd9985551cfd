"""What POST /v1/responses takes: a string or items, and where the talk goes on."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, StringConstraints

from tertulia.decoding import MAX_ALTERNATIVES
from tertulia.server.doors.shapes import WHOLE, Name, Shape, example
from tertulia.server.making.asked import INERT, UNHONOURED, Making, Tokens
from tertulia.server.openai.shapes import INSTRUCTING, MAX_MESSAGES

LOGPROBS = "message.output_text.logprobs"
PARTS = ("input_text", "output_text", "text")
MAX_METADATA = 16

Included = Literal["message.output_text.logprobs"]
Key = Annotated[str, StringConstraints(max_length=64)]
Value = Annotated[str, StringConstraints(max_length=512)]

MORE_UNHONOURED: Mapping[str, tuple[object, ...]] = {
    "background": (False,),
    "context_management": (),
    "max_tool_calls": (),
    "prompt": (),
    "reasoning": ({}, {"effort": None}, {"summary": None}, {"effort": None, "summary": None}),
}


def only_text(schema: dict[str, Any]) -> None:
    schema["properties"] = {"type": {"enum": list(PARTS)}, "text": {"type": "string"}}
    schema["required"] = ["type", "text"]


def only_messages(schema: dict[str, Any]) -> None:
    """The description of an item tells what is honoured; the rest is refused in words of ours."""
    properties = schema["properties"]
    properties["type"] = {"const": "message"}
    properties["role"] = {"enum": [*INSTRUCTING, "user", "assistant"]}
    content = properties["content"]
    content.pop("default")
    content["anyOf"] = [each for each in content["anyOf"] if each.get("type") != "null"]
    schema["required"] = ["role", "content"]


class InputPart(Shape):
    """A piece of an item's content; only text is understood."""

    model_config = ConfigDict(json_schema_extra=only_text)

    type: str
    text: str | None = None


class Item(Shape):
    """Something said. An item of the type `reasoning`, which clients send back, is passed over."""

    model_config = ConfigDict(json_schema_extra=only_messages)

    type: str = "message"
    role: Literal["system", "developer", "user", "assistant"] | None = None
    content: str | list[InputPart] | None = None
    name: Name | None = None


class TalkNamed(Shape):
    """A talk of the store, by its id."""

    id: Name


class TextFormat(Shape):
    """Plain text is the only form of a reply."""

    type: Literal["text"]


class TextAs(Shape):
    """How the text is to be."""

    format: TextFormat | None = None
    verbosity: Literal["medium"] | None = None


class ResponseAsked(Making):
    """POST /v1/responses.

    input                 what is said: a string of the user's, or items
    instructions          what the agent is to do, for this response only
    previous_response_id  the stored response that this one goes on from; a talk may branch there
    conversation          the stored talk that this response goes on with, at its end
    store                 keep the talk; true by itself where the server has a store
    max_output_tokens     at most so many tokens are said
    top_logprobs          so many of the likeliest tokens are told beside each
    include               "message.output_text.logprobs" tells the tokens' probabilities
    truncation            "auto" leaves out the oldest turns that do not fit, "disabled" refuses
    direction             a scene without its turns; it stays with a stored talk, but for its plan
    """

    model_config = example({"model": "mini", "input": "Hi!"})
    unhonoured: ClassVar[Mapping[str, tuple[object, ...]]] = {**UNHONOURED, **MORE_UNHONOURED}
    inert: ClassVar[tuple[str, ...]] = (*unhonoured, *INERT)

    input: str | Annotated[list[Item], Field(min_length=1, max_length=MAX_MESSAGES)]
    instructions: str | None = None
    previous_response_id: Name | None = None
    conversation: Name | TalkNamed | None = None
    store: bool | None = None
    max_output_tokens: Tokens | None = None
    metadata: Annotated[dict[Key, Value], Field(max_length=MAX_METADATA)] | None = None
    text: TextAs | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=MAX_ALTERNATIVES), WHOLE] | None = None
    include: Annotated[list[Included], Field(max_length=16)] | None = None
    truncation: Literal["auto", "disabled"] | None = None
    stream_options: dict[str, Any] | None = None
    direction: dict[str, Any] | None = None

    @property
    def settings(self) -> dict[str, tuple[str, object]]:
        return {
            **super().settings,
            "max_new_tokens": ("max_output_tokens", self.max_output_tokens),
            "alternatives": ("top_logprobs", self.top_logprobs or None),
        }

    @property
    def tells_logprobs(self) -> bool:
        return LOGPROBS in (self.include or ())

    @property
    def talk(self) -> str | None:
        """The id of the talk in `conversation`."""
        named = self.conversation
        return named.id if isinstance(named, TalkNamed) else named
