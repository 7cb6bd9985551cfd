"""Chat messages as Hugging Face and OpenAI have them: JSON lines, a talk a line.

    {"messages": [{"role": "system", "content": "Situation: …"}, {"role": "user", "content": "…"},
                  {"role": "assistant", "content": "…"}], "direction": "{\\"agent\\": …}"}

The active path, worded as a chat model is asked (_messages.py). `direction` is the scene without
its turns, as JSON in a text, so that the column has one type in every row; trainers leave it alone.
Where it is there, it is what a reader goes by; elsewhere a system text is the instruction.

Source: "Dataset formats and types" of the TRL documentation, "conversational language modeling".
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from tertulia.config import fitted
from tertulia.conversation import Conversation
from tertulia.interchange import Report, _messages
from tertulia.interchange._growing import Growing, table, text, unread
from tertulia.interchange._lines import line
from tertulia.interchange._messages import Said
from tertulia.interchange._source import Source
from tertulia.store import WholeTalk

ABOUT = "chat messages for fine-tuning (TRL, OpenAI), with the direction"
SUFFIX = ".jsonl"
MEDIA = "application/jsonl"
SIGN = re.compile(r'(?<!\\)"messages"\s*:\s*\[')
HOLDS = _messages.HOLDS


def write(talks: Iterable[WholeTalk], report: Report) -> Iterator[str]:
    """A line a talk; a talk in which nobody spoke has none."""
    for said, direction in _messages.written(talks, report):
        yield line({"messages": _messages.columns(said), "direction": direction}, report)


def read(source: Source, report: Report, moments: Iterator[datetime]) -> Iterator[WholeTalk]:
    """Raises InterchangeError for a line that has no messages."""
    for place, found in source.values():
        told = table(found, place)
        unread(told, ("messages", "direction"), "", report)
        rows = fitted(told.get("messages"), list, f"{place}: messages")
        said = [message(table(e, at), at, report) for at, e in _messages.numbered(rows, place)]
        yield _messages.talk(told, said, Growing(Conversation(), next(moments), place), report)


def message(told: Mapping[str, Any], place: str, report: Report) -> Said:
    unread(told, ("role", "content", "name"), "messages.", report)
    words = _messages.content(told.get("content"), f"{place}.content", "messages.content", report)
    return Said(text(told, "role", place), words, text(told, "name", place, ""))
