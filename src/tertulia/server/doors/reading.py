"""What a request brings: a body within the limits, JSON and nothing odd; numbers of a query."""

import asyncio
import json
import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NoReturn

from starlette.requests import ClientDisconnect, Request

from tertulia.config import shown
from tertulia.server.doors.refusals import Gone, Refusal, invalid
from tertulia.server.settings import Settings

MAX_DEPTH = 32
"""A request of ours is six levels deep at the most."""

DIGITS = 9
"""Numbers of a query are smaller than a thousand million."""


async def table(request: Request, settings: Settings) -> dict[str, Any]:
    """The JSON object that a request's body is.

    Raises Refusal: 413 for a body that is too large, before it is read whole; 408 for one that
    does not arrive; 415 for another content type; 400 for what is no JSON object.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal(
            415, f"Content-Type is {shown(kind)}, must be application/json", code="content_type"
        )
    return parsed(await body(request, settings))


async def body(request: Request, settings: Settings) -> bytes:
    """The bytes of a request, at most settings.body_bytes of them."""
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told[:20]) > settings.body_bytes:
        raise too_large(settings)
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(settings.body_seconds):
            async for piece in request.stream():
                size += len(piece)
                if size > settings.body_bytes:
                    raise too_large(settings)
                pieces.append(piece)
    except TimeoutError:
        raise Refusal(
            408,
            f"the body did not arrive within {settings.body_seconds:g} seconds; send it again",
            code="body_timeout",
            headers={"Connection": "close"},
        ) from None
    except ClientDisconnect:
        raise Gone from None
    return b"".join(pieces)


def too_large(settings: Settings) -> Refusal:
    return Refusal(
        413,
        f"the body is larger than {settings.body_bytes} bytes, the most this server reads: "
        "leave out the oldest messages",
        code="body_too_large",
        headers={"Connection": "close"},
    )


def parsed(content: bytes) -> dict[str, Any]:
    """A JSON object; refused are a key given twice, NaN, infinities and lone surrogates."""
    try:
        text = content.decode("utf-8")
        found = json.loads(text, object_pairs_hook=once, parse_constant=no_constant)
    except UnicodeDecodeError as error:
        raise invalid(
            f"the body is not UTF-8: byte {error.start} is 0x{content[error.start]:02x}",
            code="invalid_utf8",
        ) from None
    except RecursionError:
        raise too_deep() from None
    except ValueError as error:
        raise invalid(f"the body is not JSON: {error}", code="invalid_json") from None
    check(found)
    if not isinstance(found, dict):
        raise invalid(
            "the body is JSON, but no object: send {…} with the fields of the request",
            code="invalid_json",
        )
    return found


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        # Sorted, for a body may have a million keys.
        keys = sorted(key for key, _ in pairs)
        twice = next(key for key, after in pairwise(keys) if key == after)
        raise invalid(
            f"the key {shown(twice)} stands twice in one object: keep one", code="duplicate_key"
        )
    return found


def no_constant(constant: str) -> NoReturn:
    raise invalid(f"{constant} is not JSON: leave the field out", code="invalid_json")


def check(found: object) -> None:
    """Raises Refusal for what JSON can spell and no request may hold."""
    level: list[object] = [found]
    for _ in range(MAX_DEPTH):
        if not level:
            return
        level = [part for value in level for part in parts(value)]
    if level:
        raise too_deep()


def parts(value: object) -> Iterator[object]:
    """What is directly inside a value; raises Refusal where the value itself is refused."""
    match value:
        case dict():
            yield from value
            yield from value.values()
        case list():
            yield from value
        case str() if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
            raise invalid(
                "a string holds half a surrogate pair, which no text has: send whole characters",
                code="invalid_utf8",
            )
        case float() if not math.isfinite(value):
            raise invalid("a number is too large for any field", code="invalid_json")


def too_deep() -> Refusal:
    return invalid(f"the body is nested deeper than {MAX_DEPTH} levels", code="too_deep")


def number(name: str, text: str, most: int = 10**DIGITS - 1) -> int:
    """A whole number of the query; raises Refusal naming it."""
    if not (text.isascii() and text.isdecimal() and len(text) <= DIGITS and int(text) <= most):
        raise invalid(f"{name} must be a whole number from 0 to {most}", name, "invalid_value")
    return int(text)
