"""One POST that streams: tries again before the first message, and no key in anything it says."""

import email.utils
import json
import os
import random
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from tertulia.errors import ConfigError, EngineError

Messages = Generator[dict[str, Any], None, bool]
MAX_BODY = 64 * 2**20
MAX_LINE = 4 * 2**20
MAX_ERROR = 64 * 2**10
MAX_WAIT_SECONDS = 60.0
"""A server that asks for more patience is answered with an error that tells how much."""

AGAIN = frozenset((408, 409, 425, 429, 500, 502, 503, 504, 529))
SENT = "look at the server's log; extra, include_usage and logprobs choose what it is sent"
CURES = {
    400: SENT,
    401: "check the key in ${key}",
    403: "the key in ${key} may not use this model",
    404: "check base_url and model; does the address end in /v1?",
    413: "the prompt is too long for the server: lower context_window",
    422: SENT,
    429: "wait, or ask for a higher limit",
}


class Refused(EngineError):
    """An answer after which it makes sense to try again."""

    def __init__(self, message: str, wait_seconds: float | None = None) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


class Connection:
    """A URL, a key that is read from the environment once, and how often to try."""

    def __init__(
        self,
        *,
        url: str,
        key_env: str,
        timeout_seconds: float,
        retries: int,
        backoff_seconds: float,
    ) -> None:
        self.url = url
        self.key_env = key_env
        self.retries = retries
        self.backoff_seconds = backoff_seconds
        self.timeout_seconds = timeout_seconds
        self.client = httpx.Client(timeout=timeout_seconds)

    def close(self) -> None:
        self.client.close()

    def key(self) -> str:
        found = os.environ.get(self.key_env, "").strip()
        if not (found.isascii() and found.isprintable()):
            raise ConfigError(
                f"the key in ${self.key_env} holds characters that no key has: copy it again"
            )
        return found

    def messages(
        self, body: Mapping[str, Any], silent: Callable[[], bool], whole: Callable[[], bool]
    ) -> Generator[dict[str, Any], None, None]:
        """Each JSON message of the stream, the closing [DONE] left out.

        silent  nothing of the reply has been heard yet, so that it may be asked for again
        whole   all that began has been ended, so that no [DONE] is missed: some servers send none

        Raises EngineError when the server refuses, breaks off or does not speak this protocol.
        """
        tries = 0
        while True:
            try:
                if (yield from self.once(body)) or whole():
                    return
                raise Refused(
                    f"{self.url} ended the stream without [DONE], so the reply may be half a "
                    "reply: try again, or look at the server's log"
                )
            except Refused as refused:
                tries += 1
                if not silent() or tries > self.retries:
                    raise EngineError(str(refused)) from refused
                time.sleep(self.wait(tries, refused))

    def wait(self, tries: int, refused: Refused) -> float:
        """Seconds until the next try: what the server asks for, else doubling, with jitter."""
        if refused.wait_seconds is None:
            backoff: float = self.backoff_seconds * 2.0 ** (tries - 1)
            return min(backoff, MAX_WAIT_SECONDS) * random.uniform(0.75, 1.25)
        if refused.wait_seconds > MAX_WAIT_SECONDS:
            raise EngineError(
                f"{refused} (it asks to wait {refused.wait_seconds:.0f} seconds)"
            ) from refused
        return refused.wait_seconds

    def once(self, body: Mapping[str, Any]) -> Messages:
        """The messages of one try; gives back whether the server said that these are all."""
        key = self.key()
        headers = {"Accept": "text/event-stream"}
        headers |= {"Authorization": f"Bearer {key}"} if key else {}
        with (
            self.faults(),
            self.client.stream("POST", self.url, json=dict(body), headers=headers) as response,
        ):
            if response.status_code != 200:
                raise self.refusal(response, key)
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind == "application/json":
                yield self.decoded(capped(response, MAX_BODY, self.url), key)
                return True
            if kind == "text/event-stream":
                return (yield from self.stream(response, key))
            raise EngineError(
                f"{self.url} answers with {kind or 'no content type'}, not with a stream of "
                "events: check base_url; does it end in /v1?"
            )

    @contextmanager
    def faults(self) -> Iterator[None]:
        """What goes wrong on the way becomes an error that can be tried again."""
        try:
            yield
        except httpx.TimeoutException as error:
            raise Refused(
                f"{self.url} said nothing for {self.timeout_seconds:g} seconds: is the server "
                "busy? raise timeout_seconds, or use a smaller model"
            ) from error
        except (httpx.ConnectError, httpx.ProxyError) as error:
            raise Refused(
                f"cannot connect to {self.url} ({error}): is the server running?"
            ) from error
        except httpx.TransportError as error:
            raise Refused(
                f"{self.url} broke off in the middle ({error}): try again, or look at the "
                "server's log"
            ) from error
        except (httpx.DecodingError, httpx.InvalidURL) as error:
            raise EngineError(f"{self.url} cannot be read ({error}): check base_url") from error

    def stream(self, response: httpx.Response, key: str) -> Messages:
        """The data of each server-sent event up to [DONE]; gives back whether that came."""
        for line in lines(response, self.url):
            field, _, value = line.partition(b":")
            if field != b"data":
                continue
            value = value.strip()
            if value == b"[DONE]":
                return True
            if value:
                yield self.decoded(value, key)
        return False

    def decoded(self, data: bytes, key: str) -> dict[str, Any]:
        try:
            message = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise EngineError(
                f"{self.url} sent something that is not JSON: check base_url, or look at the "
                "server's log"
            ) from error
        if not isinstance(message, dict):
            raise EngineError(
                f"{self.url} sent a JSON {type(message).__name__} where the protocol has an "
                "object: is it OpenAI-compatible?"
            )
        if message.get("error"):
            raise EngineError(f"{self.url} reports: {told(message, key)}; look at the server's log")
        return message

    def refusal(self, response: httpx.Response, key: str) -> EngineError:
        """The error for an answer that is not 200."""
        status = response.status_code
        try:
            said = told(json.loads(capped(response, MAX_ERROR, self.url)), key)
        except (ValueError, RecursionError, EngineError):
            said = response.reason_phrase or "no reason given"
        cure = CURES.get(status, "look at the server's log").replace("${key}", f"${self.key_env}")
        message = f"{self.url} answers {status} ({said}): {cure}"
        if status in AGAIN:
            return Refused(message, retry_after(response.headers.get("retry-after")))
        return EngineError(message)


def told(message: Any, key: str) -> str:  # noqa: ANN401 - JSON
    """What a server says about an error, short, on one line, and never with the key in it."""
    found = message.get("error", message) if isinstance(message, dict) else message
    if isinstance(found, dict):
        found = found.get("message") or found.get("detail") or found
    text = " ".join(str(found).split())
    return (text.replace(key, "…") if key else text)[:300]


def retry_after(value: str | None) -> float | None:
    """Seconds, from a number of them or a date; None when there is neither."""
    if value is None:
        return None
    try:
        return max(float(value), 0.0) if float(value) < float("inf") else None
    except ValueError:
        pass
    try:
        date = email.utils.parsedate_to_datetime(value)
        return max(date.timestamp() - time.time(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return None


def lines(response: httpx.Response, url: str) -> Iterator[bytes]:
    """Lines as they come, parted at line feeds only: JSON may hold other kinds of break."""
    rest, total = bytearray(), 0
    for chunk in response.iter_bytes():
        total += len(chunk)
        first, *others = chunk.split(b"\n")
        rest += first
        for other in others:
            yield bytes(rest)
            rest = bytearray(other)
        if total > MAX_BODY or len(rest) > MAX_LINE:
            raise too_large(url)
    yield bytes(rest)


def capped(response: httpx.Response, most: int, url: str) -> bytes:
    data = bytearray()
    for chunk in response.iter_bytes():
        data += chunk
        if len(data) > most:
            raise too_large(url)
    return bytes(data)


def too_large(url: str) -> EngineError:
    return EngineError(
        f"{url} sends more than {MAX_BODY // 2**20} MiB for one reply, or {MAX_LINE // 2**20} MiB "
        "in one line: is it the right address? lower decoding.max_new_tokens otherwise"
    )
