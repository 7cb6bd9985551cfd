"""What the routes of /v1/responses answer, for the OpenAPI description."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from tertulia.server.openai.answered import Count, Drawn, Told

Status = Literal["in_progress", "completed", "incomplete", "failed", "cancelled"]


class ThoughtPart(BaseModel):
    type: Literal["reasoning_text"]
    text: str


class Thinking(BaseModel):
    """What was thought before it was said."""

    id: str
    type: Literal["reasoning"]
    status: Status
    summary: list[str]
    content: list[ThoughtPart]


class SaidPart(BaseModel):
    """What is said; logprobs where `include` asks for them."""

    type: Literal["output_text"]
    text: str
    annotations: list[str]
    logprobs: list[Drawn]


class MessageSaid(BaseModel):
    """The reply."""

    id: str
    type: Literal["message"]
    status: Status
    role: Literal["assistant"]
    content: list[SaidPart]


class InputTokens(BaseModel):
    cached_tokens: Count
    cache_write_tokens: Count


class OutputTokens(BaseModel):
    """Those of thinking are not counted apart."""

    reasoning_tokens: Count


class ResponseUsage(BaseModel):
    input_tokens: Count
    input_tokens_details: InputTokens
    output_tokens: Count
    output_tokens_details: OutputTokens
    total_tokens: Count


class Incomplete(BaseModel):
    reason: Literal["max_output_tokens"]


class Failed(BaseModel):
    code: str
    message: str


class ToldOfResponse(Told):
    """What OpenAI's object has no field for; `talk` is the id of the stored talk."""

    talk: str | None


class InTalk(BaseModel):
    id: str


class ResponseTold(BaseModel):
    """A response; `store` tells whether it is kept."""

    id: str
    object: Literal["response"]
    created_at: Count
    completed_at: Count | None
    status: Status
    error: Failed | None
    incomplete_details: Incomplete | None
    instructions: str | None
    max_output_tokens: Count | None
    metadata: dict[str, str]
    model: str
    output: list[Annotated[Thinking | MessageSaid, Field(discriminator="type")]]
    previous_response_id: str | None
    conversation: InTalk | None
    store: bool
    temperature: float
    top_p: float
    top_logprobs: Count
    truncation: Literal["auto", "disabled"]
    usage: ResponseUsage | None
    tertulia: ToldOfResponse | None


class InputText(BaseModel):
    type: Literal["input_text", "output_text"]
    text: str


class InputItem(BaseModel):
    id: str
    type: Literal["message"]
    status: Status
    role: Literal["system", "developer", "user", "assistant"]
    content: list[InputText]


class InputItems(BaseModel):
    """The input items of one response, a page of them."""

    object: Literal["list"]
    data: list[InputItem]
    first_id: str | None
    last_id: str | None
    has_more: bool


class ResponseDeleted(BaseModel):
    """It is out of sight; `tertulia` keeps the turn in its talk all the same."""

    id: str
    object: Literal["response"]
    deleted: bool
