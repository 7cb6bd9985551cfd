"""`tertulia card`: characters of other programs become scenes to play, and scenes become cards."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tertulia.cli import _terminal

if TYPE_CHECKING:
    Actions = argparse._SubParsersAction[argparse.ArgumentParser]

    from tertulia.agent import Agent
    from tertulia.cards import Card, Part, Report
    from tertulia.conversation import Conversation

HELP = "character cards: import, show, export"
EXAMPLES = ("memory", "turns", "leave")
FORMS = ("png", "json", "charx")
KINDS = ("lorebook_v3", "world_info")
WIDTH = 60


def add(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of the verb."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    take = added(actions, "import", "a card (PNG, APNG, JSON, CHARX) or a lorebook as a scene file")
    take.add_argument("file", metavar="FILE", help="the card, - for stdin")
    take.add_argument("-o", "--output", metavar="SCENE",
                      help="a .toml or .json file, - for stdout; FILE's name here and .toml when "
                      "left out")  # fmt: skip
    take.add_argument("--user", default="User", metavar="NAME", help="your name: {{user}}")
    take.add_argument("--greeting", type=int, default=0, metavar="N",
                      help="the opening turn: 0 the first, 1 the first alternative")  # fmt: skip
    take.add_argument("--seed", type=int, default=0, metavar="N", help="of {{random}} and the like")
    take.add_argument("--examples", choices=EXAMPLES, default="memory",
                      help="where example talks go; turns are forgotten first")  # fmt: skip
    take.add_argument("--into", metavar="SCENE",
                      help="add FILE's lorebook to this scene, nothing else of it")  # fmt: skip
    model = take.add_mutually_exclusive_group()
    model.add_argument("--agent", metavar="NAME", help="tell what this agent cannot take of it")
    model.add_argument("--format", metavar="NAME", help="tell what this dialect cannot take of it")
    take.add_argument("--force", action="store_true", help="overwrite SCENE")
    take.add_argument("--json", action="store_true", help="the report as one JSON object")
    show = added(actions, "show", "what is in a card")
    show.add_argument("file", metavar="FILE", help="the card, - for stdin")
    show.add_argument("--json", action="store_true", help="one JSON object, the whole card in it")
    give = added(actions, "export", "a card in another form, or a scene as a new card")
    give.add_argument("source", metavar="SOURCE", help="a card, a scene file or a shipped scene")
    give.add_argument("-o", "--output", required=True, metavar="CARD",
                      help="a .png, .json or .charx file")  # fmt: skip
    give.add_argument("--onto", metavar="OLD",
                      help="the card SOURCE came from: what is the same stays")  # fmt: skip
    give.add_argument("--lore", choices=KINDS,
                      help="only SOURCE's lore, as a lorebook of its own")  # fmt: skip
    give.add_argument("--seed", type=int, default=0, metavar="N", help="that OLD was imported with")
    give.add_argument("--force", action="store_true", help="overwrite CARD")


def added(actions: "Actions", name: str, told: str) -> argparse.ArgumentParser:
    return actions.add_parser(name, help=told, description=told)


def run(args: argparse.Namespace) -> int:
    """Imports, shows or exports; 1 when an imported card does not fit the agent that is named."""
    return {"import": taken, "show": shown, "export": given}[args.action](args)


def taken(args: argparse.Namespace) -> int:
    """Writes the scene, then tells the report."""
    from tertulia import cards, formats, scene
    from tertulia.assembly import open_agent

    card = cards.read(content(args.file), args.file)
    if args.into:
        talk, report = cards.added(card, scene.load(scene.find(args.into)), seed=args.seed)
    else:
        talk, report = cards.scene(
            card, user=args.user, greeting=args.greeting, seed=args.seed, examples=args.examples
        )
    taking: Mapping[str, Any] = {}
    if args.agent:
        taking = heard(open_agent(args.agent), talk, report)
    elif args.format:
        unsupported = formats.load(args.format).render(talk).unsupported
        taking = {"name": args.format, "missed": missed(report, unsupported)}
    path = target(args.file, args.output or args.into)
    text = scene.to_json(talk) if path.suffix == ".json" else scene.to_toml(talk)
    told = sys.stderr if str(path) == "-" else sys.stdout
    if str(path) == "-":
        sys.stdout.write(text)
    else:
        put(path, text.encode(), args.force)
    if args.json:
        table = {"path": str(path), **report.table(), **({"agent": taking} if taking else {})}
        print(json.dumps(table, indent=2), file=told)
    else:
        print("\n".join(lines(report, path, taking)), file=told)
    return 1 if taking.get("too_long") else 0


def content(file: str) -> bytes:
    """The bytes of a file, one more than a card may have at most."""
    from tertulia.cards import MAX_BYTES
    from tertulia.errors import CardError

    try:
        if file == "-":
            # None when the shell has closed it (`<&-`).
            stdin = getattr(sys.stdin, "buffer", None)
            return bytes(stdin.read(MAX_BYTES + 1)) if stdin else b""
        with Path(file).open("rb") as opened:
            return opened.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CardError(f"{file} cannot be read ({reason}): check the name") from error


def target(file: str, output: str | None) -> Path:
    """The scene file to write. Raises CardError for an ending that no scene has."""
    from tertulia.errors import CardError

    if output is None and file == "-":
        raise CardError("the card comes from stdin: say where its scene goes, with -o SCENE")
    path = Path(f"{Path(file).stem}.toml") if output is None else Path(output)
    if str(path) != "-" and path.suffix not in (".toml", ".json"):
        raise CardError(f"{path}: a scene's file ends in .toml or .json")
    return path


def put(path: Path, made: bytes, force: bool) -> None:
    """Writes a file as a whole, or raises CardError."""
    from tertulia.cli.chat import filing
    from tertulia.errors import CardError

    try:
        filing.put(path, made, force)
    except FileExistsError as error:
        raise CardError(f"{path} is there already: add --force to overwrite it") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CardError(f"{path} cannot be written ({reason}): choose another place") from error


def heard(agent: "Agent", talk: "Conversation", report: "Report") -> Mapping[str, Any]:
    """What an agent makes of the scene: the parts it cannot take, and whether it fits."""
    from tertulia.errors import PromptTooLong

    prompt = agent.format.render(talk)
    told = {"name": agent.name, "missed": missed(report, prompt.unsupported)}
    try:
        _, fitting = agent.fit(talk)
    except PromptTooLong as error:
        return {**told, "too_long": str(error)}
    used = agent.engine.count_tokens(fitting)
    window = agent.engine.context_window
    return {**told, "tokens": used, "context_window": window}


def missed(report: "Report", unsupported: Sequence[str]) -> list[str]:
    """The parts of the card that went where a family takes nothing; lore entries as one."""
    parts = report.missed(unsupported)
    return list(dict.fromkeys(part.part.partition(".entries[")[0] for part in parts))


def lines(report: "Report", path: Path, taking: Mapping[str, Any]) -> Iterator[str]:
    """The report, for people."""
    safe = _terminal.one_line
    kind = "lorebook" if report.spec in KINDS else f"{report.form.upper()} card"
    yield safe(f"{report.name}: a {kind}, {report.spec}")
    yield ""
    yield from table([part for part in report.parts if part.to])
    stays = [part for part in report.parts if not part.to]
    if stays:
        yield from ("", "Stays in the card:", *table(stays))
    offered = sum(bool(each.strip()) for each in report.greetings)
    if offered > 1:
        yield f"\nIt has {offered} openings; number {report.greeting} was taken (--greeting N)."
    if report.draws:
        yield f"\nLeft to chance, with seed {report.seed}:"
        yield from (
            safe(f"  {{{{{each.macro}}}}} in {each.path}: {each.result}") for each in report.draws
        )
    if report.unknown:
        named = ", ".join(f"{{{{{each}}}}}" for each in report.unknown)
        yield from ("", safe(f"Macros nobody here knows stand as text: {named}"))
    if report.notes:
        yield from ("", "Odd about it:", *(safe(f"  {each}") for each in report.notes))
    if report.creator_notes:
        yield f"\nIts creator says: {_terminal.hanging(report.creator_notes)}"
    if taking:
        yield from ("", *fits(taking))
    if str(path) != "-":
        yield from ("", safe(f"Written to {path}; play it: tertulia chat {path}"))


def fits(taking: Mapping[str, Any]) -> Iterator[str]:
    """What an agent makes of it, for people."""
    safe = _terminal.one_line
    name, lost = taking["name"], taking["missed"]
    yield safe(f"{name} cannot take: {', '.join(lost)}" if lost else f"{name} takes all of it.")
    if "too_long" in taking:
        yield safe(f"It does not fit {name}: {taking['too_long']}")
        yield "With --examples turns the example talks are forgotten first; with leave, left out."
    elif "tokens" in taking:
        yield safe(f"The prompt has {taking['tokens']} of {taking['context_window']} tokens.")


def table(parts: "list[Part]") -> Iterator[str]:
    """A line a part; lore entries of which the same is to be said are one line together."""
    rows = [(part.part, part.to, part.note) for part in parts if not part.to.startswith("lore")]
    notes = Counter(part.note for part in parts if part.to.startswith("lore"))
    for note, count in notes.items():
        rows.append(("1 lore entry" if count == 1 else f"{count} lore entries", "lore", note))
    for row in _terminal.rows([tuple(map(_terminal.one_line, row)) for row in rows]).split("\n"):
        yield f"  {row}".rstrip()


def shown(args: argparse.Namespace) -> int:
    """Prints a card's fields, or all of it as JSON."""
    from tertulia import cards

    card = cards.read(content(args.file), args.file)
    if args.json:
        told = {"name": card.name, "spec": card.spec, "form": card.form, "keyword": card.keyword}
        print(json.dumps({**told, "notes": card.notes, "card": card.document}, indent=2))
    else:
        print("\n".join(told_of(card)))
    return 0


def told_of(card: "Card") -> Iterator[str]:
    paint = _terminal.paint()
    size = len(card.content)
    title = _terminal.one_line(f"{card.name}: {card.spec}, {card.form.upper()}, {size} bytes")
    yield paint(title, "bold")
    for note in card.notes:
        yield _terminal.one_line(f"odd: {note}")
    for key, value in card.data.items():
        if isinstance(value, str) and value:
            yield f"\n{paint(_terminal.one_line(key), 'bold')}\n  {_terminal.hanging(value)}"
        elif value:
            yield f"\n{paint(_terminal.one_line(key), 'bold')}\n  {_terminal.hanging(brief(value))}"
    if card.book is not None and not card.data:
        yield f"\n{_terminal.hanging(brief(card.book))}"


def brief(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def given(args: argparse.Namespace) -> int:
    """Writes a card, and tells what it cannot hold."""
    from tertulia import cards
    from tertulia.errors import CardError

    path = Path(args.output)
    form = path.suffix.lower().removeprefix(".")
    if form not in FORMS:
        raise CardError(f"{path}: a card's file ends in {', '.join(f'.{each}' for each in FORMS)}")
    card, missing = source(args)
    made = cards.written(card, form)
    put(path, made.content, args.force)
    print(_terminal.one_line(f"written to {path} ({len(made.content)} bytes)"))
    for each in (*missing, *made.lost):
        print(_terminal.one_line(f"not as it was: {each}"))
    return 0


def source(args: argparse.Namespace) -> "tuple[Card, tuple[str, ...]]":
    """The card in a file, or one from a scene, new or put onto an old one, with what it lacks."""
    from tertulia import cards, scene
    from tertulia.errors import CardError

    path = scene.find(args.source)
    found = content(str(path))
    if not is_scene(path, found):
        for name in (each for each in ("onto", "lore") if getattr(args, each) is not None):
            raise CardError(f"--{name} is for scenes, and {args.source} is a card: leave it out")
        return cards.read(found, str(path)), ()
    talk = scene.read(found, str(path))
    if args.onto is not None:
        old = cards.read(content(args.onto), args.onto)
        back = cards.put_back if old.spec == cards.LOREBOOK else cards.changed
        return back(old, talk, seed=args.seed)
    return cards.of_lore(talk, args.lore) if args.lore else cards.of_scene(talk)


def is_scene(path: Path, found: bytes) -> bool:
    """TOML, or JSON of which every key is one of a scene's."""
    from tertulia import scene

    if path.suffix == ".toml":
        return True
    if not found.lstrip().startswith(b"{") or len(found) > scene.MAX_BYTES:
        return False
    try:
        document = json.loads(found)
    except (ValueError, RecursionError):
        return False
    return set(document) <= set(scene.KEYS)
