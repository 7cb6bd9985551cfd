"""Talks in the forms of other programs: written, read, and told what a form cannot hold.

A file on this shelf is one form. It has `ABOUT`, one line; `SUFFIX` and `MEDIA`, a file's ending
and media type; `HOLDS`, the parts of a talk (_tree.py names them) that survive being written;
`write(talks, report)`, which gives the file piece by piece; and, where it can also be read,
`SIGN`, a pattern found near the beginning of such a file, and `read(source, report, moments)`,
where moments are the times at which talks began that do not say when.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

from tertulia import registry
from tertulia.config import shown
from tertulia.errors import ConfigError, InterchangeError
from tertulia.interchange._source import Given, Source
from tertulia.interchange._tree import active_only, is_rated
from tertulia.store import WholeTalk

__all__ = ["Report", "about", "active_only", "exported", "forms", "guess", "imported", "is_rated"]

MOST_PATHS = 100
"""Paths that a report names: keys of a stranger's file are paths, and there may be millions."""

GUESSED_BYTES = 65536
"""The beginning of a file in which a form's sign is looked for."""


@dataclass(slots=True)
class Report:
    """What was written or read, and what could not be; complete when the file is.

    lost  path -> how often something was there that the form, or our store, cannot hold:
          "turns.rating" when writing, "messages.tool_calls" when reading
    """

    form: str
    talks: int = 0
    turns: int = 0
    lost: Counter[str] = field(default_factory=Counter)

    def lose(self, path: str, count: int = 1) -> None:
        """So many more things under this path were left out or changed."""
        if not count:
            return
        path = path[:80].encode("utf-8", "replace").decode()
        if path not in self.lost and len(self.lost) >= MOST_PATHS:
            path = "other keys"
        self.lost[path] += count

    def count(self, talk: WholeTalk) -> None:
        """One more talk was written or read."""
        self.talks += 1
        self.turns += len(talk.turns)

    def table(self) -> dict[str, Any]:
        """As JSON values, paths in order."""
        lost = dict(sorted(self.lost.items()))
        return {"form": self.form, "talks": self.talks, "turns": self.turns, "lost": lost}


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """A form, for lists of them."""

    name: str
    told: str
    suffix: str
    media: str
    reads: bool


def forms(*, reads: bool = False) -> tuple[str, ...]:
    """The names of all forms, or of those that can also be read."""
    names = registry.names(__name__)
    return tuple(name for name in names if not reads or about(name).reads)


def about(form: str) -> About:
    """Raises UnknownName, with the nearest, for no form."""
    module = registry.load(__name__, form)
    return About(
        name=form,
        told=module.ABOUT,
        suffix=module.SUFFIX,
        media=module.MEDIA,
        reads=hasattr(module, "read"),
    )


def exported(form: str, talks: Iterable[WholeTalk]) -> tuple[Iterator[str], Report]:
    """The talks in this form, piece by piece, and the report, complete once the pieces are.

    Raises UnknownName for no form.
    """
    module = registry.load(__name__, form)
    report = Report(form)
    return module.write(talks, report), report


def imported(
    form: str,
    source: Given,
    *,
    where: str = "",
    now: datetime | None = None,
) -> tuple[Iterator[WholeTalk], Report]:
    """The talks of a file in this form, one after another, and the report, complete afterwards.

    source  a file's path, a file opened in binary, or lines
    where   how to name it in messages
    now     when a talk began whose file does not say; this moment when left out

    Raises UnknownName for no form, InterchangeError for one that is only written; the iterator
    raises InterchangeError, with the line, at the first thing that is wrong.
    """
    module = registry.load(__name__, form)
    if not hasattr(module, "read"):
        names = ", ".join(forms(reads=True))
        raise InterchangeError(f"the form {form} is written only: forms to read are {names}")
    report = Report(form)
    where = where or (str(source) if isinstance(source, Path) else "the file")
    first = now or datetime.now(UTC)
    # A microsecond apart, so that the talks of a file stay in its order.
    moments = (first + timedelta(microseconds=number) for number in count())
    return _counted(module, Source(source, where), report, moments), report


def _counted(
    module: ModuleType, source: Source, report: Report, moments: Iterator[datetime]
) -> Iterator[WholeTalk]:
    try:
        for talk in module.read(source, report, moments):
            report.count(talk)
            yield talk
    except InterchangeError:
        raise
    except ConfigError as error:
        raise InterchangeError(str(error)) from error
    if not report.talks:
        raise InterchangeError(f"{source.where} holds no talk: is it {report.form}?")


def guess(beginning: bytes | str, where: str = "the file") -> str:
    """The form of a file that begins like this: the one whose sign comes first.

    Raises InterchangeError when it is none that can be read.
    """
    start = beginning[:GUESSED_BYTES]
    text = start if isinstance(start, str) else start.decode("utf-8", "replace")
    if not text.strip("\ufeff \t\r\n"):
        raise InterchangeError(f"{where} is empty: name a file of talks")
    found: list[tuple[int, str]] = []
    for name in forms(reads=True):
        sign: re.Pattern[str] = registry.load(__name__, name).SIGN
        if match := sign.search(text.removeprefix("\ufeff")):
            found.append((match.start(), name))
    if not found:
        names = ", ".join(forms(reads=True))
        raise InterchangeError(
            f"{where} begins with {shown(text[:40])}, which is none of the forms that are read: "
            f"name the form, one of {names}"
        )
    return min(found)[1]
