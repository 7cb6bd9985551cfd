"""What an answer holds, for the OpenAPI description; the tests hold real answers to it."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

Count = Annotated[int, Field(ge=0)]
Logprob = Annotated[float, Field(le=0)]
Finish = Literal["stop", "length"]


class Cached(BaseModel):
    """Of the prompt's tokens, how many were kept from earlier work."""

    cached_tokens: Count


class Usage(BaseModel):
    """Counts of tokens; the prompt once, and the choices that are answered."""

    prompt_tokens: Count
    completion_tokens: Count
    total_tokens: Count
    prompt_tokens_details: Cached


class PlanTold(BaseModel):
    """What the reply was to do, the planner's part included."""

    goal: str
    skill: str
    explanation: str


class TurnTold(BaseModel):
    """Who said what; `image` is a picture in words."""

    speaker: str
    text: str
    image: str


class CandidateTold(BaseModel):
    """One candidate; a score that drops it is null.

    scores        by the ranker's name
    mean_logprob  natural logarithm per token, under the model itself; null when not known
    """

    text: str
    image: str
    score: float | None
    scores: dict[str, float | None]
    mean_logprob: float | None
    finish_reason: Finish


class Told(BaseModel):
    """What OpenAI's objects have no field for.

    seed         the same request with it gives the same reply
    dropped      turns that did not fit the context window, oldest first
    unsupported  directions that this model family cannot take, as paths of the scene
    image        a picture that the reply shares, in words
    all_dropped  every candidate broke a ranker's rule
    candidates   all, best first, where `decoding.return_candidates` asks for them
    """

    plan: PlanTold
    seed: Count
    dropped: list[TurnTold]
    unsupported: list[str]
    image: str
    all_dropped: bool
    candidates: list[CandidateTold] = []


class ChatMessage(BaseModel):
    """What is said; what was thought before it is never in `content`."""

    role: Literal["assistant"]
    content: str
    refusal: None
    reasoning_content: str = ""


class Likely(BaseModel):
    """A token that could have been drawn, under the model itself before any rule.

    bytes  of its text; null for half a character
    """

    token: str
    logprob: Logprob
    bytes: list[Annotated[int, Field(ge=0, le=255)]] | None


class Drawn(Likely):
    """A token that was drawn, and the likeliest in its place."""

    top_logprobs: list[Likely]


class ChatLogprobs(BaseModel):
    content: list[Drawn]
    refusal: None


class ChatChoice(BaseModel):
    index: Count
    message: ChatMessage
    logprobs: ChatLogprobs | None
    finish_reason: Finish


class Envelope(BaseModel):
    """What every object of one answer begins with; `created` in seconds since 1970."""

    id: str
    created: Count
    model: str
    system_fingerprint: str


class ChatCompletion(Envelope):
    """The reply, its choices best first."""

    object: Literal["chat.completion"]
    choices: list[ChatChoice]
    usage: Usage
    tertulia: Told


class TextLogprobs(BaseModel):
    """top_logprobs has one object for each token, from token to natural-log probability."""

    tokens: list[str]
    token_logprobs: list[Logprob]
    top_logprobs: list[dict[str, Logprob]] | None
    text_offset: list[Count]


class TextChoice(BaseModel):
    index: Count
    text: str
    logprobs: TextLogprobs | None
    finish_reason: Finish


class TextCompletion(Envelope):
    """What follows each text; choices are counted over all prompts."""

    object: Literal["text_completion"]
    choices: list[TextChoice]
    usage: Usage


class ModelTold(BaseModel):
    """What OpenAI's object has no field for; context_window in tokens."""

    context_window: Count
    candidates: Count
    rankers: list[str]


class Model(BaseModel):
    """An agent under the name it is asked for by."""

    id: str
    object: Literal["model"]
    created: Count
    owned_by: Literal["tertulia"]
    tertulia: ModelTold


class Models(BaseModel):
    """Every agent that is served."""

    object: Literal["list"]
    data: list[Model]
