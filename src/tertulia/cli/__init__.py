"""The command line: reads words, prints words, decides nothing. One verb per file.

The verb is the file's name; one that is a word of Python's own has a "_" behind it (`import_.py`).
A file (or folder) on this shelf has `HELP`, one line; `add(parser)`, which declares its arguments;
and `run(args)`, which does the work and gives the exit code: 0 done, 1 done but not all is well,
2 a mistake with its cure on stderr, 130 stopped by Ctrl-C. Whatever is slow to import is imported
inside `run`, so that `tertulia --help` answers at once.
"""

import argparse
import errno
import io
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from tertulia import __version__, registry
from tertulia.cli import _terminal
from tertulia.errors import TertuliaError, UnknownName

UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
ABOUT = "Conversations you can direct."
BEGIN = """\
begin with:
  tertulia chat small_talk   talk with the built-in model, in a scene, offline
  tertulia studio            the same on a page in the browser
  tertulia VERB --help       all about one verb
"""


class Parser(argparse.ArgumentParser):
    """argparse whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {_terminal.one_line(message)}; see {self.prog} --help\n")


def main(words: Sequence[str] | None = None) -> int:
    """Run `tertulia` with these words (the process's own by default); the exit code."""
    forgive_encodings()
    words = sys.argv[1:] if words is None else words
    try:
        args = parser(words).parse_args(words or ["--help"])
        code: int = args.run(args)
        sys.stdout.flush()
    except TertuliaError as error:
        print(f"tertulia: {_terminal.one_line(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader left (`| head`). Python would complain once more when it flushes at exit.
        silence()
        return 1
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        silence()
        reason = error.strerror
        print(f"tertulia: the output cannot be written ({reason}): make room", file=sys.stderr)
        return 1
    return code


def silence() -> None:
    """Nothing more goes to standard output, not even what Python flushes at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def parser(words: Sequence[str] = ()) -> Parser:
    """The whole grammar; only the verb that is asked for, when it is clear which, is imported."""
    top = Parser(
        prog="tertulia",
        description=ABOUT,
        epilog=BEGIN,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"tertulia {__version__}")
    verbs = top.add_subparsers(
        title="verbs", dest="verb", metavar="VERB", required=True, parser_class=Parser
    )
    known = {name.removesuffix("_"): name for name in registry.own(__name__)}
    asked = [word for word in words[:1] if not word.startswith("-")]
    if asked and asked[0] not in known:
        raise UnknownName(f"no verb {asked[0]!r}: {registry.nearest(asked[0], known)}")
    for name in asked or known:
        verb = registry.load(__name__, known[name])
        told = verbs.add_parser(name, help=verb.HELP, description=verb.HELP)
        verb.add(told)
        told.set_defaults(run=verb.run)
    return top


def forgive_encodings() -> None:
    """A character the terminal cannot show is escaped instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
