"""`tertulia logs`: past talks from the store, listed, shown, searched and exported."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tertulia.cli import _terminal
from tertulia.cli._flow import fitted, flowed, width

if TYPE_CHECKING:
    from tertulia.store import Store, StoredTurn, TalkSummary

HELP = "past talks: list, show, search, export"
WIDTH = 60
"""Letters of the last turn in a list."""


def add(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of the verb."""
    parser.add_argument("talk", nargs="?", metavar="ID", help="a talk's id, or its start or end")
    parser.add_argument("--search", default="", metavar="WORDS", help="only talks that hold these")
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="at most so many talks")
    parser.add_argument("--json", action="store_true", help="one JSON object a talk, a line each")
    parser.add_argument("--export", metavar="FILE",
                        help="write the talk ID as a scene (.toml, .json) to FILE, - for stdout; "
                        "`tertulia export` writes whole talks")  # fmt: skip
    parser.add_argument("--store", metavar="FILE|URL", help="another store of talks")


def run(args: argparse.Namespace) -> int:
    """Lists, shows or exports; nothing found is said on stderr."""
    from tertulia.errors import ConfigError
    from tertulia.store import Store

    if args.limit < 1:
        raise ConfigError(f"--limit is {args.limit}: give at least 1")
    if args.talk is not None and args.search:
        raise ConfigError("an ID and --search: give one of them")
    with Store.open(args.store) as store:
        one = args.talk is not None
        talks = (store.summary(args.talk),) if one else store.talks(args.limit, args.search)
        if args.export is not None:
            exported(args.export, one, store, talks)
        elif args.json:
            sys.stdout.writelines(lines(store, talks, with_turns=one))
        elif one:
            print(shown(store, talks[0]))
        elif talks:
            print(fitted(listed(talks), width()))
    if not talks:
        print("tertulia: no such talk kept yet; `tertulia chat` keeps each one", file=sys.stderr)
    return 0


def listed(talks: "tuple[TalkSummary, ...]") -> str:
    """One line a talk, the one that changed last on top."""
    head = ("id", "changed", "turns", "who", "last")
    return _terminal.rows([head, *map(row, talks)])


def row(talk: "TalkSummary") -> tuple[str, ...]:
    last = _terminal.one_line(talk.last)
    return (
        talk.id,
        f"{talk.changed.astimezone():%Y-%m-%d %H:%M}",
        str(talk.turns),
        _terminal.one_line(f"{talk.agent}, {talk.user}"),
        last if len(last) <= WIDTH else f"{last[: WIDTH - 1]}…",
    )


def shown(store: "Store", talk: "TalkSummary") -> str:
    """A talk along its active path, each reply with its number; alternatives are counted."""
    paint = _terminal.paint()
    told = [paint(f"{talk.id}  {talk.changed.astimezone():%Y-%m-%d %H:%M}", "bold")]
    if talk.situation:
        told.append(paint(flowed(_terminal.safe(talk.situation), width(), indent="  "), "dim"))
    beside = Counter(each.parent for each in store.tree(talk.id, light=True))
    for each in store.path(talk.id):
        notes = noted(each, beside[each.parent])
        told.append(f"{said(each, paint)}{paint(f'  ({notes})', 'dim') if notes else ''}")
    return "\n".join(told)


def noted(each: "StoredTurn", beside: int) -> str:
    """What there is to say of a turn besides its text.

    beside  how many turns answer the same turn, this one counted
    """
    notes = [
        f"turn {each.id}" if each.reply else "",
        f"1 of {beside}" if beside > 1 else "",
        each.status if each.status != "whole" else "",
        "edited" if each.edited_from else "",
        f"rated {each.rating:+d}" if each.rating else "",
    ]
    return ", ".join(filter(None, notes))


def said(each: "StoredTurn", paint: _terminal.Paint) -> str:
    turn = each.turn
    image = f" [picture: {_terminal.one_line(turn.image)}]" if turn.image else ""
    name = f"{_terminal.one_line(turn.speaker)}:"
    said = flowed(_terminal.safe(turn.text) + image, width(), _terminal.cells(name) + 1, "  ")
    return f"{paint(name, 'bold')} {said}"


def exported(target: str, is_one: bool, store: "Store", talks: "tuple[TalkSummary, ...]") -> None:
    """Writes the scene of one talk, as the file's ending says."""
    from tertulia import scene
    from tertulia.errors import ConfigError, StoreError

    kind = ".json" if target == "-" else Path(target).suffix
    if kind not in scene.SUFFIXES:
        raise ConfigError(
            f"--export {target}: end the name in .toml or .json; whole talks are written by "
            "`tertulia export -o FILE`"
        )
    if not is_one:
        raise ConfigError(
            f"--export {target}: a scene is one talk: give its ID, or all go by "
            "`tertulia export -o FILE`"
        )
    talk = store.conversation(talks[0].id)
    text = scene.to_toml(talk) if kind == ".toml" else scene.to_json(talk)
    if target == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
        return
    try:
        Path(target).write_bytes(text.encode())
    except (OSError, ValueError) as error:
        raise StoreError(f"--export {target}: {error}; give a file that can be written") from error


def lines(store: "Store", talks: "tuple[TalkSummary, ...]", *, with_turns: bool) -> Iterator[str]:
    """Each talk as one line of JSON in ASCII."""
    for talk in talks:
        table: dict[str, Any] = {
            "id": talk.id,
            "created": talk.created.isoformat(),
            "changed": talk.changed.isoformat(),
            "agent": talk.agent,
            "user": talk.user,
            "situation": talk.situation,
            "turns": talk.turns,
            "last": talk.last,
            "title": talk.title,
        }
        yield json.dumps(whole(store, talk) if with_turns else table) + "\n"


def whole(store: "Store", talk: "TalkSummary") -> dict[str, Any]:
    """All that is kept of a talk: the scene of its active path, and the tree of its turns."""
    from tertulia import scene

    return {
        "id": talk.id,
        "created": talk.created.isoformat(),
        "changed": talk.changed.isoformat(),
        "title": talk.title,
        "agent_file": store.agent(talk.id),
        "scene": scene.table(store.conversation(talk.id)),
        "path": [each.id for each in store.path(talk.id)],
        "tree": [branch(each) for each in store.tree(talk.id)],
    }


def branch(each: "StoredTurn") -> dict[str, Any]:
    from tertulia import scene

    direction = scene.table(each.scene)
    del direction["turns"]
    return {
        "id": each.id,
        "parent": each.parent,
        "created": each.created.isoformat(),
        "speaker": each.turn.speaker,
        "text": each.turn.text,
        "image": each.turn.image,
        "direction": direction,
        "reply": each.reply,
        "status": each.status,
        "edited_from": each.edited_from,
        "rating": each.rating,
        "note": each.note,
    }
