"""`tertulia replay`: a kept reply made again from all that it was made of, and compared."""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tertulia.cli import _terminal

if TYPE_CHECKING:
    from tertulia.agent import Agent, Reply
    from tertulia.conversation import Conversation, Turn
    from tertulia.rankers import Ranker
    from tertulia.store import StoredTurn

HELP = "make a kept reply again, and say whether it is the same"
MORE = """\
The number of a reply stands beside it in `tertulia logs ID`. It is made again
by the agent, under the direction and the plan, with the seed and the decoding that are kept
with it. Exit code 0: byte for byte the same; 1: it differs.
"""
OFFLINE = ("onnxruntime", "transformers", "ctranslate2", "scripted")
"""Engines that ask nobody else."""

AROUND = 30
"""Letters shown before the first difference."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A kept reply and the one made again.

    differs_at  the first letter that differs; None when they are equal
    reasons     why they may differ
    """

    turn: "StoredTurn"
    text: str
    differs_at: int | None
    reasons: tuple[str, ...]


def add(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of the verb."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = MORE
    parser.add_argument("turn", type=int, metavar="TURN", help="the number of a turn")
    parser.add_argument(
        "--agent", metavar="FILE|NAME", help="this agent instead of the one that is kept"
    )
    parser.add_argument("--store", metavar="FILE|URL", help="another store of talks")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(args: argparse.Namespace) -> int:
    """Makes the reply again and compares; 1 when it differs."""
    from contextlib import closing

    from tertulia.store import Store, TurnId

    with Store.open(args.store) as store:
        turn = store.turn(TurnId(args.turn))
        file = store.agent(turn.talk)
        earlier = () if turn.parent is None else store.path_to(turn.parent, light=True)
    kept = told(turn, file)
    agent = opened(kept, turn, args.agent)
    with closing(agent.engine):
        reply = again(agent, turn, earlier, kept)
        found = compared(turn, kept, heard(agent, reply, kept), bool(args.agent))
    print(json.dumps(table(found)) if args.json else shown(found, kept))
    return 0 if found.differs_at is None else 1


def told(turn: "StoredTurn", file: str) -> Mapping[str, Any]:
    """How the reply came about; raises ConfigError for a turn of which too little is kept.

    file  the agent file of the talk, for a reply that was kept without its own
    """
    from tertulia.errors import ConfigError

    if turn.reply is None:
        raise ConfigError(
            f"turn {turn.id} was said by {_terminal.one_line(turn.turn.speaker)}, not made by an "
            "agent: give the number of a reply"
        )
    kept = {**turn.reply, "agent_file": turn.reply.get("agent_file") or file}
    needed = ("agent_file", "decoding", "seed")
    lacking = [key for key in needed if kept.get(key) in (None, "")]
    if lacking:
        raise ConfigError(
            f"turn {turn.id} was kept without {' and '.join(lacking)}: it cannot be made again"
        )
    return kept


def opened(kept: Mapping[str, Any], turn: "StoredTurn", instead: str | None) -> "Agent":
    """The agent as it was when it made the reply; its plan is given, so it plans nothing."""
    from dataclasses import replace

    from tertulia import assembly, config
    from tertulia.decoding import Decoding

    where = f"the agent kept with turn {turn.id}"
    if instead is None:
        written = assembly.rewritten(kept["agent_file"], where)
        guarded(written, kept)
    else:
        written = assembly.written(instead)
    plain = {key: value for key, value in written.table.items() if key != "planner"}
    agent = assembly.assemble(plain, written.where)
    decoding = config.build(Decoding, kept["decoding"], f"decoding of turn {turn.id}")
    return replace(agent, decoding=decoding, rankers=ranked(agent, kept.get("rankers")))


def ranked(agent: "Agent", names: Sequence[str] | None) -> "tuple[Ranker, ...]":
    """The rankers of these names, which a request asked for; the agent's own without them."""
    from tertulia import rankers

    if names is None:
        return agent.rankers
    own = {each.name: each for each in agent.rankers}
    return tuple(
        own.get(name) or rankers.load(name, format=agent.format, engine=agent.engine)
        for name in names
    )


def guarded(written: Any, kept: Mapping[str, Any]) -> None:  # noqa: ANN401 - assembly.Written
    """Raises ConfigError for a kept agent that would ask somebody else.

    A talk may come from a stranger: the words and the key of this user go to no address that the
    talk names, unless an agent file of this user says the same.
    """
    from tertulia import assembly
    from tertulia.errors import ConfigError, TertuliaError

    away = sorted(set(engines(written.table)) - set(OFFLINE))
    if not away:
        return
    try:
        own = assembly.written(str(kept.get("agent") or ""))
    except TertuliaError:
        own = None
    if own is None or own.text != kept["agent_file"]:
        raise ConfigError(
            f"{written.where} runs on {', '.join(away)}, which sends the talk elsewhere, and no "
            "agent file here is the same: look at it (tertulia logs), and give --agent FILE"
        )


def engines(table: Mapping[str, Any]) -> Iterator[str]:
    """The engines that a table names: its own, and those inside its rankers."""
    engine = table.get("engine", {})
    yield str(engine.get("name") if isinstance(engine, Mapping) else engine)
    yield from named(table.get("rankers", []), inside=False)


def named(value: object, inside: bool) -> Iterator[str]:
    """The names of the tables inside the tables of a list."""
    if isinstance(value, Mapping):
        if inside and "name" in value:
            yield str(value["name"])
        for each in value.values():
            yield from named(each, inside=True)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for each in value:
            yield from named(each, inside)


def again(
    agent: "Agent", turn: "StoredTurn", earlier: "tuple[StoredTurn, ...]", kept: Mapping[str, Any]
) -> "Reply":
    """The reply, made of what is kept with it."""
    from dataclasses import replace

    from tertulia.conversation import Plan, Turn

    given = kept.get("plan") or {}
    plan = Plan(**{name: given.get(name, "") for name in ("goal", "skill", "explanation")})
    talk = replace(side(turn), turns=tuple(each.turn for each in earlier), plan=plan)
    if kept.get("continues"):
        agent = going_on(agent, Turn(**kept["continues"]))
    return agent.reply(talk, seed=kept["seed"])


def side(turn: "StoredTurn") -> "Conversation":
    """The scene from the side of the one who spoke; an instruction is the agent's alone."""
    from dataclasses import replace

    scene = turn.scene
    if turn.turn.speaker == scene.agent or turn.turn.speaker != scene.user:
        return scene
    return scene.swapped().directed(replace(scene.direction, instruction=""))


def going_on(agent: "Agent", turn: "Turn") -> "Agent":
    """The agent whose replies begin with the text of this turn."""
    from dataclasses import replace

    from tertulia.errors import MissingExtra

    try:
        from tertulia.server.making.continuing import Continued
    except ImportError as error:
        raise MissingExtra(
            "this reply goes on from a text, which is done by the server: "
            "pip install 'tertulia[serve]'"
        ) from error
    return replace(agent, format=Continued(agent.format, turn))


def heard(agent: "Agent", reply: "Reply", kept: Mapping[str, Any]) -> str:
    """The text of the candidate that was chosen, without what the model thought."""
    from tertulia.server.making.growing import opened as thinking

    chosen = reply.candidates[min(kept.get("chosen") or 0, len(reply.candidates) - 1)]
    if kept.get("thought") and thinking(agent.format, reply.prompt):
        return agent.format.parse(
            thinking(agent.format, reply.prompt) + chosen.completion.text
        ).text
    return chosen.text


def compared(turn: "StoredTurn", kept: Mapping[str, Any], text: str, is_another: bool) -> Compared:
    old, new = turn.turn.text, text
    if turn.status != "whole" and new.startswith(old.strip()):
        return Compared(turn, text, None, ())
    at = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), None)
    if at is None and len(old) != len(new):
        at = min(len(old), len(new))
    return Compared(turn, text, at, () if at is None else tuple(reasons(kept, is_another)))


def reasons(kept: Mapping[str, Any], is_another: bool) -> Iterator[str]:
    """What may be another than it was when the reply was made."""
    from tertulia import __version__

    if is_another:
        yield "another agent was given with --agent"
    if kept.get("version") != __version__:
        yield f"it was made by tertulia {kept.get('version')}, this is {__version__}"
    yield "the weights, the engine's version or the kind of processor are others than they were"


def table(found: Compared) -> dict[str, Any]:
    return {
        "turn": found.turn.id,
        "talk": found.turn.talk,
        "status": found.turn.status,
        "equal": found.differs_at is None,
        "kept": found.turn.turn.text,
        "made": found.text,
        "differs_at": found.differs_at,
        "reasons": list(found.reasons),
    }


def shown(found: Compared, kept: Mapping[str, Any]) -> str:
    turn = found.turn
    which = f"turn {turn.id}, by {_terminal.one_line(str(kept.get('agent')))}"
    if found.differs_at is None:
        size = len(turn.turn.text.encode("utf-8", "surrogatepass"))
        part = "the same" if turn.status == "whole" else f"the same, as far as it was {turn.status}"
        return f"{which}: {part}, byte for byte ({size} bytes, seed {kept['seed']})"
    begin = max(found.differs_at - AROUND, 0)
    before = "…" if begin else ""
    lines = [
        f"{which}: differs from letter {found.differs_at + 1} on (seed {kept['seed']})",
        f"  kept: {before}{_terminal.one_line(turn.turn.text[begin:])}",
        f"  made: {before}{_terminal.one_line(found.text[begin:])}",
        *(f"  perhaps {reason}" for reason in found.reasons),
    ]
    return "\n".join(lines)
