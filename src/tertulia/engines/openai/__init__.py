"""Any OpenAI-compatible endpoint: chat messages, or the exact prompt as text, streamed over httpx.

What goes over the wire is what the standard has: temperature, top_p, max_tokens, n, seed, stop,
logprobs. Settings beyond it are refused unless `extra` says that this server understands them; a
server's own defaults for what `extra` leaves out (llama.cpp: top_k 40, min_p 0.05) stay on.
A request is tried again only while nothing of its reply has been heard.
"""

import math
import re
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from tertulia.decoding import Decoding
from tertulia.engines import Completion, Engine, Event, Finished, Piece
from tertulia.engines.openai.choices import Choice, heard
from tertulia.engines.openai.connection import Connection
from tertulia.errors import ConfigError, EngineError
from tertulia.prompt import Prompt

APIS = {"chat": "/chat/completions", "completions": "/completions"}
STANDARD = frozenset(("temperature", "top_p", "candidates", "seed", "stop"))
EXTRA: Mapping[str, tuple[str, ...]] = {
    "top_k": ("top_k",),
    "min_p": ("min_p",),
    "repetition_penalty": ("repetition_penalty", "repeat_penalty"),
    "no_repeat_ngram": ("no_repeat_ngram_size",),
    "min_new_tokens": ("min_tokens",),
}
"""Fields of Decoding beyond the standard, and the names under which servers take them: vLLM and
text-generation-inference; the second of two is llama.cpp's, which takes the first three."""

SENT_STOPS = 4
"""OpenAI takes no more stop strings; all of them are watched for here as well."""

BYTES_PER_TOKEN = 3
TOKENS_PER_MESSAGE = 4
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SEEDS = 2**63


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where the server is and what it understands.

    base_url         up to and with the version: "http://127.0.0.1:8080/v1"
    key_env          the name of the environment variable that holds the key; a local server that
                     needs none is asked without one
    api              "chat" sends Prompt.messages, "completions" sends Prompt.text as it is
    context_window   prompt plus reply in tokens; no server tells it
    timeout_seconds  without a byte from the server
    retries          further tries, before the first token only
    backoff_seconds  before the first of them; doubled each time, with jitter
    logprobs         ask for the log-probability of each token; some servers refuse
    include_usage    ask for token counts at the end of a stream; some servers refuse
    extra            fields of Decoding beyond the standard that this server understands
    """

    base_url: str
    model: str
    key_env: str = "OPENAI_API_KEY"
    api: str = "chat"
    context_window: int = 8192
    timeout_seconds: float = 60.0
    retries: int = 4
    backoff_seconds: float = 0.5
    logprobs: bool = False
    include_usage: bool = True
    extra: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # What is wrong may be a key pasted into the wrong field, so no message repeats it.
        if not re.fullmatch(r"https?://[^\s@?#/]+(/[^\s@?#]*)?", self.base_url):
            raise ValueError(
                "base_url must be http:// or https://, a host and a path, without a user, a "
                "password or a query: 'http://127.0.0.1:8080/v1'"
            )
        if not VARIABLE.fullmatch(self.key_env):
            raise ValueError(
                "key_env must be the name of an environment variable, such as OPENAI_API_KEY, and "
                "never the key itself"
            )
        if self.api not in APIS:
            raise ValueError(f"api is {self.api!r}, must be one of {', '.join(APIS)}")
        for name in self.extra:
            if name not in EXTRA:
                raise ValueError(f"extra names {name!r}, must be of {', '.join(EXTRA)}")
        for field in ("context_window", "timeout_seconds", "backoff_seconds"):
            if not 0 < getattr(self, field) < math.inf:
                raise ValueError(f"{field} is {getattr(self, field)}, must be above 0")
        if not 0 <= self.retries <= 20:
            raise ValueError(f"retries is {self.retries}, must be in [0, 20]")


class OpenAI(Engine):
    """One server, one model. Seeds are sent, and honoured as far as the server does."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.context_window = settings.context_window
        told = ("alternatives",) if settings.logprobs else ()
        self.honours = STANDARD.union(settings.extra, told)
        self.connection = Connection(
            url=settings.base_url.rstrip("/") + APIS[settings.api],
            key_env=settings.key_env,
            timeout_seconds=settings.timeout_seconds,
            retries=settings.retries,
            backoff_seconds=settings.backoff_seconds,
        )

    def count_tokens(self, prompt: Prompt) -> int:
        """An estimate on the safe side: a token for every three bytes, and four for a message.

        The server's tokenizer is not known here. English has about four bytes a token, so that
        the oldest turns are let go somewhat early rather than cut by the server in silence.
        """
        if self.settings.api == "completions":
            return math.ceil(len(encoded(prompt.text)) / BYTES_PER_TOKEN)
        texts = sum(len(encoded(each.text)) for each in prompt.messages)
        return math.ceil(texts / BYTES_PER_TOKEN) + TOKENS_PER_MESSAGE * len(prompt.messages)

    def events(self, prompts: Sequence[Prompt], decoding: Sequence[Decoding]) -> Iterator[Event]:
        began = time.perf_counter()
        bodies = [self.body(*each) for each in zip(prompts, decoding, strict=True)]
        for number, (prompt, each, body) in enumerate(zip(prompts, decoding, bodies, strict=True)):
            drawn = secrets.randbelow(2**31) if each.seed is None else each.seed
            seeded = replace(each, seed=drawn)
            yield from self.candidates(number, prompt, seeded, body, began)

    def candidates(
        self, number: int, prompt: Prompt, decoding: Decoding, body: dict[str, Any], began: float
    ) -> Iterator[Event]:
        """All candidates; what a server that ignores n leaves out is asked for one by one."""
        seed = decoding.seed or 0
        stops = tuple(dict.fromkeys((*prompt.stop, *decoding.stop)))
        done: set[int] = set()
        while missing := [n for n in range(decoding.candidates) if n not in done]:
            first = missing[0]
            wanted = 1 if first else decoding.candidates
            choices = [Choice(stops, began) for _ in range(wanted)]
            asked = {**body, "seed": (seed + first) % SEEDS}
            asked |= {"n": wanted} if wanted > 1 else {}
            for index, piece in self.pieces(asked, choices):
                if piece:
                    yield Piece(number, first + index, piece)
            for index, choice in enumerate(choices):
                if choice.finish:
                    done.add(first + index)
                    alone = sum(bool(each.finish) for each in choices) == 1
                    yield Finished(number, first + index, completion(choice, decoding, seed, alone))
            if first not in done:
                raise EngineError(
                    f"{self.connection.url} sent choices without the first one: it is not "
                    "OpenAI-compatible here; lower decoding.candidates to 1"
                )

    def pieces(
        self, body: Mapping[str, Any], choices: Sequence[Choice]
    ) -> Iterator[tuple[int, str]]:
        """(choice, text) as it comes over the wire, then what was held back."""
        where = self.connection.url

        def silent() -> bool:
            return not any(choice.begun for choice in choices)

        def whole() -> bool:
            begun = [choice for choice in choices if choice.started]
            return bool(begun) and all(choice.finish for choice in begun)

        with closing(self.connection.messages(body, silent, whole)) as messages:
            for message in messages:
                yield from heard(message, choices, where)
                if all(choice.stopped for choice in choices):
                    break
        for index, choice in enumerate(choices):
            if choice.started and not choice.finish:
                raise EngineError(
                    f"{where} ended a reply without saying why (finish_reason): try again, or "
                    "look at the server's log"
                )
            yield index, choice.end()

    def body(self, prompt: Prompt, decoding: Decoding) -> dict[str, Any]:
        """What is sent, but for n and seed."""
        settings = self.settings
        stops = list(dict.fromkeys((*prompt.stop, *decoding.stop)))[:SENT_STOPS]
        asked: dict[str, Any] = {
            "model": settings.model,
            "stream": True,
            "temperature": decoding.temperature,
            "top_p": decoding.top_p,
            "max_tokens": decoding.max_new_tokens,
            **self.asked(prompt),
            **self.probable(decoding.alternatives),
        }
        asked |= {"stop": stops} if stops else {}
        asked |= {"stream_options": {"include_usage": True}} if settings.include_usage else {}
        return asked | self.beyond(decoding)

    def beyond(self, decoding: Decoding) -> dict[str, Any]:
        """What only some servers know; sent when off, too, for a server has defaults of its own."""
        extra = self.settings.extra
        sent = {name: getattr(decoding, field) for field in extra for name in EXTRA[field]}
        # Unless it is told how far to look back, llama.cpp penalises the last 64 tokens only.
        return sent | ({"repeat_last_n": self.context_window} if "repeat_penalty" in sent else {})

    def asked(self, prompt: Prompt) -> dict[str, Any]:
        if self.settings.api == "completions":
            text = encoded(prompt.text).decode()
            return {"prompt": text}
        if not prompt.messages:
            raise ConfigError(
                "the chat api sends messages, and this format makes none: use the chat_template "
                'format, or set api = "completions" in the [engine] table'
            )
        messages = [
            {"role": each.role, "content": encoded(each.text).decode()} for each in prompt.messages
        ]
        return {"messages": messages}

    def probable(self, alternatives: int) -> dict[str, Any]:
        """How each api is asked for probabilities."""
        if not self.settings.logprobs:
            return {}
        if self.settings.api == "completions":
            return {"logprobs": max(alternatives, 1)}
        return {"logprobs": True, **({"top_logprobs": alternatives} if alternatives else {})}

    def close(self) -> None:
        self.connection.close()


def encoded(text: str) -> bytes:
    """UTF-8; a lone surrogate, which has none, as U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def completion(choice: Choice, decoding: Decoding, seed: int, alone: bool) -> Completion:
    """The candidate; token counts are known only for a choice that was alone in its response."""
    prompt, said = choice.usage
    most = decoding.alternatives
    likeliest = tuple(each.likeliest[:most] for each in choice.tokens) if most else ()
    texts = tuple(each.text for each in choice.tokens)
    return Completion(
        text=choice.text,
        logprobs=tuple(each.logprob for each in choice.tokens),
        alternatives=likeliest,
        texts=texts if any(texts) else (),
        finish="length" if choice.finish == "length" else "stop",
        prompt_tokens=prompt,
        completion_tokens=said if alone else len(choice.tokens) or None,
        seed=seed,
        first_seconds=choice.first_seconds,
        seconds=choice.seconds,
    )


def load(settings: Settings) -> OpenAI:
    return OpenAI(settings)
