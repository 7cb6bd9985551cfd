"""Errors as OpenAI's clients expect them: a status and {"error": {message, type, param, code}}."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from starlette.responses import JSONResponse

from tertulia.errors import (
    ConfigError,
    Conflict,
    InterchangeError,
    NotKept,
    PromptTooLong,
    TertuliaError,
    UnknownName,
    UnsupportedDecoding,
)

INVALID = "invalid_request_error"


class Refusal(Exception):
    """An answer that is an error.

    kind   OpenAI's word for the sort of error, its `type`
    param  the field at fault, as a path such as messages[0].content
    code   a word for programs
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = INVALID,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.kind = status, message, kind
        self.param, self.code, self.headers = param, code, headers

    def __reduce__(self) -> tuple[Any, ...]:
        rebuilt = partial(
            Refusal, kind=self.kind, param=self.param, code=self.code, headers=self.headers
        )
        return rebuilt, (self.status, self.message)

    @property
    def body(self) -> dict[str, Any]:
        error = {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}
        return {"error": error}

    def response(self) -> JSONResponse:
        return JSONResponse(self.body, self.status, headers=self.headers)


class Gone(Exception):
    """The client hung up; nobody is left to be answered."""


def invalid(message: str, param: str | None = None, code: str | None = None) -> Refusal:
    """The client's mistake."""
    return Refusal(400, message, param=param, code=code)


def overloaded(message: str, code: str, seconds: int, status: int = 429) -> Refusal:
    """No room now; the same request may succeed in so many seconds."""
    return Refusal(
        status, message, kind="overloaded_error", code=code, headers={"Retry-After": str(seconds)}
    )


def refusal_of(error: Exception) -> Refusal:
    """What an error of the spine is to a client; what is not the client's fault says no details."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, PromptTooLong):
        return invalid(str(error), "messages", "context_length_exceeded")
    if isinstance(error, UnsupportedDecoding):
        return invalid(str(error), "decoding", "unsupported_value")
    if isinstance(error, Conflict):
        return Refusal(409, str(error), code="conflict")
    if isinstance(error, InterchangeError):
        return invalid(str(error), code="invalid_file")
    if isinstance(error, NotKept):
        return Refusal(404, str(error), code="not_found")
    if isinstance(error, ConfigError | UnknownName):
        return invalid(str(error))
    if isinstance(error, TertuliaError):
        return Refusal(500, str(error), kind="server_error", code="engine_error")
    return Refusal(
        500,
        "the server failed, and this is a fault of the server: its log names the place",
        kind="server_error",
        code="internal_error",
    )
