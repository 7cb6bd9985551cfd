"""ShareGPT's shape, as LLaMA-Factory and axolotl read it: a list of who and what, a talk a line.

    {"conversations": [{"from": "system", "value": "…"}, {"from": "human", "value": "hey"},
                       {"from": "gpt", "value": "Hello."}], "direction": "{\\"agent\\": …}"}

The active path, worded as a chat model is asked (_messages.py), and the direction as in `messages`.
Taken, too: one JSON list of such rows, `conversation` for the key, `system` beside it, and the
older names of the sides (user, assistant, chatgpt, bot).
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

ABOUT = "ShareGPT rows for fine-tuning (LLaMA-Factory, axolotl), with the direction"
SUFFIX = ".jsonl"
MEDIA = "application/jsonl"
SIGN = re.compile(r'(?<!\\)"conversations?"\s*:\s*\[')
HOLDS = _messages.HOLDS
NAMES = {"system": "system", "user": "human", "assistant": "gpt"}


def write(talks: Iterable[WholeTalk], report: Report) -> Iterator[str]:
    """A line a talk; a talk in which nobody spoke has none."""
    for said, direction in _messages.written(talks, report):
        rows = [{"from": NAMES[each.role], "value": each.text} for each in said]
        yield line({"conversations": rows, "direction": direction}, report)


def read(source: Source, report: Report, moments: Iterator[datetime]) -> Iterator[WholeTalk]:
    """Raises InterchangeError for a row that has no conversations."""
    for place, found in source.values():
        told = table(found, place)
        key = "conversations" if "conversations" in told else "conversation"
        unread(told, (key, "direction", "system"), "", report)
        rows = fitted(told.get(key), list, f"{place}: {key}")
        said = [message(table(e, at), at, report) for at, e in _messages.numbered(rows, place)]
        if system := text(told, "system", place, ""):
            said.insert(0, Said("system", system))
        yield _messages.talk(told, said, Growing(Conversation(), next(moments), place), report)


def message(told: Mapping[str, Any], place: str, report: Report) -> Said:
    unread(told, ("from", "value"), "conversations.", report)
    return Said(text(told, "from", place), text(told, "value", place, ""))
