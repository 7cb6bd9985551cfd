"""A line of JSON that any reader takes: UTF-8 without half characters, no breaks but its end."""

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tertulia.interchange import Report

SURROGATE = re.compile("[\ud800-\udfff]")
BREAK = re.compile("[\x85\u2028\u2029]")
"""Legal inside a JSON string, and the end of a line to some readers."""


def line(row: object, report: "Report") -> str:
    """A row as one line. Half a surrogate pair, which no UTF-8 has, becomes U+FFFD."""
    told = json.dumps(row, ensure_ascii=False, allow_nan=False)
    told, halves = SURROGATE.subn("\N{REPLACEMENT CHARACTER}", told)
    if halves:
        report.lose("surrogates", halves)
    return BREAK.sub(lambda found: f"\\u{ord(found[0]):04x}", told) + "\n"
