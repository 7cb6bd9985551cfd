"""A stranger's file, read line by line within limits: UTF-8, JSON without tricks, places told."""

import json
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedIOBase, RawIOBase
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, NoReturn

from tertulia.config import shown
from tertulia.errors import InterchangeError

MAX_FILE_BYTES = 1024**3
MAX_LINE_BYTES = 64 * 1024**2
"""A talk of ten thousand turns, each with a record of how it came about, has about 20 MB."""

MAX_PARTS = 8_000_000
"""Brackets and commas of one line: 64 MB of `[],[],` would be gigabytes of empty lists."""

MAX_DEPTH = 40
"""A kept reply is eight levels deep at the most."""


Given = Path | BufferedIOBase | RawIOBase | Iterable[str]


@dataclass(frozen=True, slots=True)
class Source:
    """A path, a file opened in binary, or lines, and how to name it in messages."""

    given: Given
    where: str

    def lines(self) -> Iterator[tuple[str, str]]:
        """(place, line) of every line that is not blank, without its end.

        Raises InterchangeError for a file that cannot be read, is too large, has a line that is
        too long, or is not UTF-8.
        """
        read = 0
        with self.opened() as pieces:
            for number, piece in enumerate(pieces, start=1):
                place = f"{self.where} line {number}"
                read += len(piece)
                if read > MAX_FILE_BYTES:
                    raise InterchangeError(
                        f"{self.where} is larger than {MAX_FILE_BYTES // 1024**2} MB, the most "
                        "that is read: split it"
                    )
                text = decoded(piece, place)
                text = text.removeprefix("\ufeff") if number == 1 else text
                if text.strip():
                    yield place, text

    @contextmanager
    def opened(self) -> Iterator[Iterable[bytes | str]]:
        try:
            if isinstance(self.given, Path):
                with self.given.open("rb") as file:
                    yield self.bounded(file)
            elif isinstance(self.given, (BufferedIOBase, RawIOBase)):
                yield self.bounded(self.given)
            else:
                yield self.given
        except (OSError, ValueError) as error:
            if isinstance(error, InterchangeError):
                raise
            reason = getattr(error, "strerror", None) or error
            raise InterchangeError(
                f"{self.where} cannot be read: {reason}; give a file that can be"
            ) from error

    def bounded(self, file: BufferedIOBase | RawIOBase) -> Iterator[bytes]:
        number = 0
        while line := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(line) > MAX_LINE_BYTES:
                raise InterchangeError(
                    f"{self.where} line {number} is longer than {MAX_LINE_BYTES // 1024**2} MB, "
                    "the most that is read: give JSON lines, a talk a line, such as "
                    "`jq -c '.[]'` makes of one list"
                )
            yield line

    def values(self) -> Iterator[tuple[str, Any]]:
        """(place, value) of JSON lines, or of one JSON text, or of each value in its list.

        Raises InterchangeError for what is no JSON, see `value`.
        """
        lines = self.lines()
        first = next(lines, None)
        if first:
            check_parts(first[1], first[0])
        if first and is_cut(first[1]):
            found = whole(*first, lines)
            several = found if isinstance(found, list) else [found]
            yield from ((f"{self.where} talk {n}", each) for n, each in enumerate(several, start=1))
        elif first:
            yield from ((place, value(text, place)) for place, text in chain([first], lines))


def is_cut(text: str) -> bool:
    """Whether a line is the beginning of a JSON text of several lines, or a whole list."""
    if text.lstrip().startswith("["):
        return True
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.pos >= len(text.rstrip())
    except (RecursionError, ValueError):
        pass
    return False


def whole(place: str, first: str, rest: Iterator[tuple[str, str]]) -> Any:  # noqa: ANN401 - any JSON
    """The value of a text of several lines, within the limits of one line."""
    texts, size = [first], len(first)
    for _, text in rest:
        texts.append(text)
        size += len(text) + 1
        if size > MAX_LINE_BYTES:
            raise InterchangeError(
                f"{place}: one JSON text of more than {MAX_LINE_BYTES // 1024**2} MB, the most "
                "that is read: give JSON lines, a talk a line, such as `jq -c '.[]'` makes"
            )
    return value("\n".join(texts), place)


def decoded(piece: bytes | str, place: str) -> str:
    if isinstance(piece, str):
        return piece.removesuffix("\n").removesuffix("\r")
    try:
        return piece.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise InterchangeError(
            f"{place} is not UTF-8 (byte {error.start + 1} is 0x{piece[error.start]:02x}): "
            "save the file as UTF-8"
        ) from error


def value(text: str, place: str) -> Any:  # noqa: ANN401 - any JSON value
    """A JSON value; refused are keys given twice, NaN, infinities and deep nesting."""

    check_parts(text, place)

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            # Sorted, for an object may have a million keys.
            keys = sorted(key for key, _ in pairs)
            twice = next(key for key, after in pairwise(keys) if key == after)
            raise InterchangeError(
                f"{place}: key {shown(twice)} stands twice in one object: keep one"
            )
        return found

    def refused(constant: str) -> NoReturn:
        raise InterchangeError(f"{place}: {constant} is not JSON: leave it out, or write null")

    def finite(number: str) -> float:
        found = float(number)
        return found if math.isfinite(found) else refused(number[:20])

    try:
        found = json.loads(text, object_pairs_hook=once, parse_constant=refused, parse_float=finite)
    except InterchangeError:
        raise
    except RecursionError as error:
        raise too_deep(place) from error
    except ValueError as error:
        raise InterchangeError(f"{place} is not JSON: {error}; mend it there") from error
    if is_deep(found):
        raise too_deep(place)
    return found


def check_parts(text: str, place: str) -> None:
    parts = sum(map(text.count, "[{,"))
    if parts > MAX_PARTS:
        raise InterchangeError(f"{place} has {parts} values, more than {MAX_PARTS}: split it")


def is_deep(found: object) -> bool:
    level = [found]
    for _ in range(MAX_DEPTH):
        inner = [value for each in level for value in inside(each)]
        if not inner:
            return False
        level = inner
    return True


def inside(found: object) -> Iterator[object]:
    """The containers directly inside a value."""
    parts = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    return (part for part in parts if isinstance(part, (dict, list)))


def too_deep(place: str) -> InterchangeError:
    return InterchangeError(f"{place} is nested deeper than {MAX_DEPTH} levels: no talk is")
