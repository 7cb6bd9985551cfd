"""The lines that are no turns: `/goal`, `/why`, … and the dispatch of every line."""

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tertulia.cli.chat import directing, filing, looking, replaying
from tertulia.cli.chat.events import Event, Note
from tertulia.cli.chat.session import Session
from tertulia.errors import UnknownName

Obey = Callable[[Session, str], Iterator[Event]]


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    usage    how it is typed, its name first
    told     what it does, in one line
    obey     does it; the text behind the name is given, "!" first when the name ended in one
    more     what else there is to know
    choices  what may stand behind the name, for completion
    """

    usage: str
    told: str
    obey: Obey
    more: str = ""
    choices: Callable[[], tuple[str, ...]] = tuple

    @property
    def name(self) -> str:
        return self.usage.split(" ")[0].removeprefix("/").removesuffix("[!]")


def answer(session: Session, line: str) -> Iterator[Event]:
    """What happens for one line: a command, COSMO's [RESET] and [END], or a turn."""
    if line in PUBLISHED:
        return COMMANDS[PUBLISHED[line]].obey(session, "")
    if line.startswith("//"):
        return session.say(line[1:])
    if line.startswith("/"):
        return obeyed(session, line[1:])
    return session.say(line) if line.strip() or session.picture else iter(())


def obeyed(session: Session, line: str) -> Iterator[Event]:
    name, _, rest = line.partition(" ")
    mark = "!" if name.endswith("!") else ""
    found = command(name.removesuffix("!"))
    if mark and found.name not in FORCED:
        raise UnknownName(
            f"/{name}: only {' and '.join(f'/{each}!' for each in FORCED)} take a '!'"
        )
    yield from found.obey(session, f"{mark}{rest.strip()}")


def command(name: str) -> Command:
    """The command of that name; raises UnknownName with the nearest one."""
    known = {**COMMANDS, **{alias: COMMANDS[name] for alias, name in ALIASES.items()}}
    if name not in known:
        close = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
        hint = f"did you mean /{close[0]}? " if close else ""
        raise UnknownName(
            f"no command /{name}: {hint}/help lists them; to say a text with a leading slash, "
            "type two of them"
        )
    return known[name]


def helped(session: Session, rest: str) -> Iterator[Event]:
    """All commands, or one in full."""
    if not rest:
        yield Note(f"{looking.table([(each.usage, each.told) for each in ALL])}\n{FOOT}")
        return
    found = command(rest.removeprefix("/"))
    yield Note("\n".join(filter(None, (f"{found.usage}: {found.told}", found.more))))


def ended(session: Session, rest: str) -> Iterator[Event]:
    session.over = True
    return iter(())


CLEARS = "Without a text it shows what holds now; - clears it."
LISTED = "Without a text it lists them; a text adds one; -2 takes out the second, - takes out all."
ALL = (
    Command(
        "/help [COMMAND]",
        "this list, or one command in full",
        helped,
        choices=lambda: tuple(COMMANDS),
    ),
    Command(
        "/scene [NAME|FILE]",
        "all directions as they stand; or begin another scene",
        directing.scene,
        "The talk so far stays in the store.",
        directing.scenes,
    ),
    Command("/situation [TEXT]", "the scene, in the third person", directing.situation, CLEARS),
    Command("/instruction [TEXT]", "what the agent is to do or be", directing.instruction, CLEARS),
    Command(
        "/persona [[NAME:] FACT]",
        "facts about a speaker, the agent if no name is given",
        directing.persona,
        f"{LISTED} Any speaker may be named: /persona Ana: i have two cats.",
    ),
    Command("/knowledge [TEXT]", "passages the reply may draw on", directing.knowledge, LISTED),
    Command("/memory [TEXT]", "what was said or done in earlier talks", directing.memory, LISTED),
    Command(
        "/goal [N|TEXT]",
        "what the next reply is to achieve",
        directing.goal,
        f"N picks one of the eleven action codes, which /goal lists. {CLEARS}",
        directing.goals,
    ),
    Command(
        "/skill [NAME]",
        "the conversational skill of the next reply",
        directing.skill,
        "/skill lists all 39; - clears it.",
        directing.skills,
    ),
    Command(
        "/explanation [TEXT]",
        "why the next reply does so, in the first person",
        directing.explanation,
        CLEARS,
    ),
    Command(
        "/picture [WORDS]",
        "share a picture, told in words, with your next line",
        directing.picture,
        f"An empty line shares it alone. {CLEARS}",
    ),
    Command(
        "/think on|off",
        "the agent plans each reply itself, or not",
        directing.think,
        "What you pin with /goal, /skill and /explanation is kept; the agent fills the rest.",
        lambda: ("on", "off"),
    ),
    Command(
        "/why",
        "how the last reply came about: plan, candidates, scores, tokens, times",
        looking.why,
    ),
    Command("/prompt", "exactly what the model saw for it, control tokens marked", looking.prompt),
    Command(
        "/again",
        "another reply, with another seed; the old one stays in the store",
        replaying.again,
        "It follows the directions as they are now.",
    ),
    Command(
        "/back",
        "take back the last exchange",
        replaying.back,
        "It stays in the store, as a branch.",
    ),
    Command(
        "/swap",
        "you become the other side",
        replaying.swap,
        "An instruction stays with the side it was given to. If it is the model's turn then, "
        "it speaks.",
    ),
    Command(
        "/self [N]",
        "the two sides talk N turns, 4 if not said; Ctrl-C stops them",
        replaying.self_talk,
    ),
    Command(
        "/counterfactual FIELD=VALUE",
        "the last reply again, with one direction changed",
        replaying.counterfactual,
        replaying.FIELDS_HELP,
        replaying.fields,
    ),
    Command(
        "/save[!] FILE",
        "the scene with its turns, as .toml or .json",
        filing.save,
        "/save! overwrites a file that is there.",
    ),
    Command(
        "/load FILE|ID",
        "begin with a scene file, or a kept talk, and its turns",
        directing.load,
        "`tertulia logs` lists the ids. The talk so far stays in the store.",
        directing.files,
    ),
    Command(
        "/export[!] FILE|-",
        "the talk as .jsonl, messages (.json) or text (.txt, -)",
        filing.export,
        filing.EXPORT_HELP,
    ),
    Command(
        "/reset", "forget the turns, keep the directions; [RESET] does the same", replaying.reset
    ),
    Command("/end", "leave; [END] and Ctrl-D do the same", ended),
)
COMMANDS: dict[str, Command] = {each.name: each for each in ALL}
ALIASES = {"quit": "end", "exit": "end", "q": "end", "?": "help", "undo": "back", "retry": "again"}
FORCED = ("save", "export")
PUBLISHED = {"[RESET]": "reset", "[END]": "end"}
"""COSMO's console: these exact lines, case and all."""

FOOT = """\
A line that starts with // says a text with a leading slash.
The agent speaks first when the last turn is yours already, or a plan waits in an empty scene."""
