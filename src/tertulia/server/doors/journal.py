"""The log: one line for each request, which no client can forge, and in which no text of theirs is.

Lines hold the method, the path, the status, times and counts; never a body, a query, a header's
value or a message that quotes one. A failure of the server is told by its type and place.
"""

import json
import logging
import re
import secrets
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tertulia.server.doors.refusals import Gone, refusal_of

LOG = logging.getLogger("tertulia.server")
PLAIN = re.compile(r"[\w./:+-]{1,200}", re.ASCII)
REQUEST_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
LONGEST = 200
NOBODY = 499
"""The status in the log of a request whose client hung up (nginx' own number)."""


def line(what: str, **fields: object) -> str:
    """One line `what key=value …`: values that are not plain are JSON strings, in ASCII."""
    return " ".join((what, *(f"{key}={value(each)}" for key, each in fields.items())))


def value(given: object) -> str:
    text = str(given)[:LONGEST]
    return text if PLAIN.fullmatch(text) else json.dumps(text)


def place(error: BaseException) -> str:
    """Where an error was raised, as file:line; its message may quote what somebody wrote."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown"


class Formatter(logging.Formatter):
    """Lines without tracebacks: an exception's message may quote what somebody wrote."""

    def formatException(self, ei: Any) -> str:  # noqa: ANN401, N802 - logging's own signature
        return f"{ei[0].__name__} at {place(ei[1])}"


def logged(level: int) -> None:
    """The log goes to stderr: our lines from a level on, and uvicorn's warnings."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter("%(asctime)s %(levelname)s %(message)s"))
    for log, least in ((LOG, level), (logging.getLogger("uvicorn"), logging.WARNING)):
        log.handlers[:] = [handler]
        log.setLevel(least)
        log.propagate = False


class Journal:
    """Middleware: an id for every request, a line for every answer, an answer for every error."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status, named = time.monotonic(), NOBODY, request_id(scope)
        scope.setdefault("state", {})["request_id"] = named

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = named
            await send(message)

        try:
            await self.app(scope, receive, sent)
        except Gone:
            status = NOBODY
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets a JSON error
            LOG.error(line("failed", id=named, error=type(error).__name__, at=place(error)))
            if status == NOBODY:
                await refusal_of(error).response()(scope, receive, sent)
        finally:
            client = scope["state"].get("client")
            LOG.info(
                line(
                    "request",
                    id=named,
                    **({"key": client} if client else {}),
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    seconds=f"{time.monotonic() - began:.3f}",
                )
            )


def request_id(scope: Scope) -> str:
    """The client's X-Request-Id where it is harmless, else one of ours."""
    given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
    return given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
