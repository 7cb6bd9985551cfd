"""`tertulia import`: talks from a file of ours or of another program, into the store."""

import argparse
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tertulia.cli import _terminal
from tertulia.cli._progress import Progress

if TYPE_CHECKING:
    from tertulia.interchange import Report
    from tertulia.store import TalkId

HELP = "talks from a file (SillyTavern, ShareGPT, …) into the store"
BEGINNING = 65536


def add(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of the verb."""
    parser.add_argument("file", metavar="FILE", help="the file, - for stdin")
    parser.add_argument("--form", default="", metavar="FORM",
                        help="its form, where it cannot be told from how it begins; "
                        "`tertulia export --forms` lists them")  # fmt: skip
    parser.add_argument("--dry", action="store_true",
                        help="only read it and tell what would be lost")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one JSON object at the end")
    parser.add_argument("--store", metavar="FILE|URL", help="another store of talks")


def run(args: argparse.Namespace) -> int:
    """Takes in every talk of the file, or none when something in it is wrong."""
    from tertulia import interchange
    from tertulia.store import Store

    source, where = opened(args.file)
    with source, Progress("reading", size(args.file)) as progress:
        form = args.form or interchange.guess(source.peek(BEGINNING), where)
        # How much comes on standard input nobody knows.
        watched = source if args.file == "-" else Watched(source, progress)
        talks, report = interchange.imported(form, watched, where=where)
        ids: tuple[TalkId, ...] = ()
        if args.dry:
            for _ in talks:
                pass
        else:
            with Store.open(args.store) as store:
                ids = store.adopt_all(talks)
    print(json.dumps({"talks": ids, "report": report.table()}) if args.json else told(ids, report))
    return 0


def opened(file: str) -> tuple[io.BufferedReader, str]:
    """The file, and its name for messages."""
    from tertulia.errors import InterchangeError

    if file == "-":
        return io.BufferedReader(sys.stdin.buffer, BEGINNING), "stdin"  # type: ignore[arg-type]
    try:
        return io.BufferedReader(io.FileIO(file), BEGINNING), file
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InterchangeError(f"{file} cannot be read: {reason}; give a file of talks") from error


def size(file: str) -> int:
    return Path(file).stat().st_size if file != "-" else 0


class Watched(io.BufferedIOBase):
    """A file whose reading is shown."""

    def __init__(self, file: io.BufferedReader, progress: Progress) -> None:
        self.file, self.progress = file, progress

    def readline(self, limit: int | None = -1, /) -> bytes:
        line = self.file.readline(-1 if limit is None else limit)
        self.progress("", len(line))
        return line


def told(ids: "tuple[TalkId, ...]", report: "Report") -> str:
    """The new talks, and what of the file has no place in them, for people."""
    many = f"{report.talks} talk{'' if report.talks == 1 else 's'}, {report.turns} turns"
    return "\n".join([f"{many} from {report.form}", *lines(ids, report)])


def lines(ids: "tuple[TalkId, ...]", report: "Report") -> Iterator[str]:
    yield from (f"  {id}" for id in ids)
    lost = report.table()["lost"]
    if lost:
        yield "in the file, and not taken in:"
        yield from (f"  {_terminal.one_line(path)}: {count}" for path, count in lost.items())
