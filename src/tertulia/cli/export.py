"""`tertulia export`: kept talks as a file in the form of another program, or as a page."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tertulia.cli import _terminal

if TYPE_CHECKING:
    from tertulia.interchange import Report
    from tertulia.store import Store, TalkId, WholeTalk

HELP = "kept talks as a file: training data, SillyTavern, a page"
EVERYTHING = 2**31 - 1


def add(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of the verb."""
    parser.add_argument("talk", nargs="*", metavar="TALK",
                        help="ids, or their starts or ends; all talks when left out")  # fmt: skip
    parser.add_argument("--search", default="", metavar="WORDS", help="only talks that hold these")
    parser.add_argument("--form", default="", metavar="FORM",
                        help="jsonl (the default: whole talks, nothing lost) or another; "
                        "--forms lists them")  # fmt: skip
    parser.add_argument("--forms", action="store_true", help="list the forms")
    parser.add_argument("-o", "--output", default="-", metavar="FILE",
                        help="the file, - (the default) for stdout")  # fmt: skip
    parser.add_argument("--force", action="store_true", help="overwrite FILE")
    parser.add_argument("--rated", action="store_true", help="only talks in which a turn is rated")
    parser.add_argument("--active-only", action="store_true",
                        help="only the active path of each, not what else was said")  # fmt: skip
    parser.add_argument("--json", action="store_true",
                        help="what the form could not hold as one JSON object, on stderr when the "
                        "file goes to stdout")  # fmt: skip
    parser.add_argument("--store", metavar="FILE|URL", help="another store of talks")


def run(args: argparse.Namespace) -> int:
    """Writes the file, then tells what it could not hold."""
    from tertulia import interchange
    from tertulia.store import Store

    if args.forms:
        print(listed(args.json))
        return 0
    form = args.form or ("html" if args.output.endswith(".html") else "jsonl")
    interchange.about(form)
    with Store.open(args.store) as store:
        chosen = ids(store, args.talk, args.search)
        pieces, report = interchange.exported(form, whole(store, chosen, args))
        written(args.output, pieces, args.force)
    told = json.dumps(report.table()) if args.json else summed(report, args.output)
    print(told, file=sys.stderr if args.output == "-" or not args.json else sys.stdout)
    return 0


def listed(as_json: bool) -> str:
    """The forms, and which can be read."""
    from tertulia import interchange

    found = [interchange.about(name) for name in interchange.forms()]
    if as_json:
        keys = ("name", "told", "suffix", "media", "reads")
        return json.dumps([{key: getattr(each, key) for key in keys} for each in found])
    head = ("form", "import", "what it is")
    rows = [(each.name, "yes" if each.reads else "no", each.told) for each in found]
    return _terminal.rows([head, *rows])


def ids(store: "Store", named: list[str], search: str) -> "list[TalkId]":
    """The talks that are meant, oldest first; raises ConfigError when there is none."""
    from tertulia.errors import ConfigError

    if named and search:
        raise ConfigError("ids of talks and --search: give one of them")
    if named:
        return list(dict.fromkeys(store.summary(each).id for each in named))
    found = [each.id for each in reversed(store.talks(EVERYTHING, search))]
    if not found:
        told = f"no talk holds {search!r}" if search else "no talk is kept yet"
        raise ConfigError(f"{told}: `tertulia logs` lists those there are")
    return found


def whole(
    store: "Store", chosen: "list[TalkId]", args: argparse.Namespace
) -> "Iterator[WholeTalk]":
    """The talks, one at a time, as they are wanted."""
    from tertulia import interchange

    for id in chosen:
        talk = store.whole(id)
        if args.rated and not interchange.is_rated(talk):
            continue
        yield interchange.active_only(talk) if args.active_only else talk


def written(target: str, pieces: Iterable[str], force: bool) -> None:
    """To stdout as it is made; a file is whole or it is not there."""
    from tertulia.cli.chat import filing
    from tertulia.errors import InterchangeError

    encoded = (piece.encode() for piece in pieces)
    if target == "-":
        sys.stdout.flush()
        sys.stdout.buffer.writelines(encoded)
        sys.stdout.buffer.flush()
        return
    try:
        filing.put(Path(target), encoded, force)
    except FileExistsError as error:
        raise InterchangeError(f"{target} is there already: add --force to overwrite it") from error
    except (OSError, ValueError) as error:
        if isinstance(error, InterchangeError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise InterchangeError(
            f"{target} cannot be written ({reason}): choose another place"
        ) from error


def summed(report: "Report", target: str) -> str:
    """What was written, and what of it the form could not hold, for people."""
    told = [f"{report.talks} talk{'' if report.talks == 1 else 's'} as {report.form}"]
    if target != "-":
        told[0] += f" in {_terminal.one_line(target)}"
    lost = report.table()["lost"]
    if lost:
        told.append("not in it, or changed:")
        told += [f"  {_terminal.one_line(path)}: {count}" for path, count in lost.items()]
    return "\n".join(told)
