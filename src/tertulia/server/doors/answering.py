"""Answers that are JSON: texts as they are, and nothing that JSON cannot hold."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse


class Answer(JSONResponse):
    """A JSON answer that nobody in between keeps; half characters of old talks are escaped."""

    def __init__(
        self, content: object, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(content, status, {**(headers or {}), "Cache-Control": "no-store"})

    def render(self, content: Any) -> bytes:  # noqa: ANN401 - as Starlette declares it
        return written(content).encode()


def written(content: object) -> str:
    """JSON on one line; escaped where it holds what UTF-8 cannot."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text
