r"""Persona-Chat's text files, as ParlAI reads them: numbered lines, an exchange a line.

    1 your persona: i like cats.
    2 partner's persona: i row.
    3 hi there<TAB>hello !<TAB><TAB>hi|how are you|hello !
    4 what do you do

"your" persona is that of the one who answers, here the agent. Behind a reply stand, after an empty
reward, the candidates it was chosen from, itself the last: they are what else was said there. Who
answers without being spoken to answers `__SILENCE__`. A line break is `\n`, written out; a line
ends in a tab where nobody answers. Numbers begin again with each talk.

Text is changed, and reported, where it holds what makes the lines: tabs, `|`, carriage returns, a
typed backslash before an n, and blanks at its ends.

Source: FbDeprecatedDialogTeacher in parlai/core/teachers.py of facebookresearch/ParlAI.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from tertulia.config import shown
from tertulia.conversation import Conversation, Turn
from tertulia.errors import InterchangeError
from tertulia.interchange import Report
from tertulia.interchange._growing import Growing
from tertulia.interchange._lines import SURROGATE
from tertulia.interchange._source import Source
from tertulia.interchange._tree import Tree, tally
from tertulia.store import WholeTalk

ABOUT = "Persona-Chat's numbered lines (ParlAI), with candidates"
SUFFIX = ".txt"
MEDIA = "text/plain"
HOLDS = frozenset(("personas", "turns.alternatives"))
SIGN = re.compile(r"\A\s*1 (?=[^\n])")
SILENCE = "__SILENCE__"
YOURS, PARTNERS = "your persona: ", "partner's persona: "
LINE = re.compile(r"(\d{1,9})(?: (.*))?", re.DOTALL)
MAX_CANDIDATES = 10_000


def write(talks: Iterable[WholeTalk], report: Report) -> Iterator[str]:
    """A numbered block for each talk."""
    for talk in talks:
        tree = Tree(talk)
        tally(tree, HOLDS, report)
        if not tree.path:
            report.lose("talks without turns")
            continue
        told = [*facts(tree.conversation, report), *exchanges(tree, report)]
        for number, content in enumerate(told, start=1):
            yield f"{number} {content}\n"


def facts(talk: Conversation, report: Report) -> Iterator[str]:
    """The facts of both sides; those of others have no place."""
    for speaker, head in ((talk.agent, YOURS), (talk.user, PARTNERS)):
        for fact in talk.direction.facts(speaker):
            yield head + field(fact, "personas", report)
    others = [e for e in talk.direction.personas if e.speaker not in (talk.agent, talk.user)]
    report.lose("personas", len(others))


def exchanges(tree: Tree, report: Report) -> Iterator[str]:
    """What the user says and the agent answers; each alone where the other keeps silent."""
    agent = tree.conversation.agent
    asked: str | None = None
    for each in tree.path:
        said = field(each.turn.text, "turns.text", report)
        swipes = [
            field(other.turn.text, "turns.text", report)
            for other in tree.alternatives(each)
            if other.id != each.id
        ]
        if each.turn.speaker == agent:
            report.lose("turns.empty", int(not said and not swipes))
            report.lose("turns.alternatives", swipes.count(""))
            candidates = f"\t\t{'|'.join([*swipes, said])}" if swipes else ""
            yield f"{SILENCE if asked is None else asked}\t{said}{candidates}"
            asked = None
            continue
        report.lose("turns.alternatives", len(swipes))
        if asked is not None:
            yield f"{asked}\t"
        asked = said
    if asked is not None:
        yield f"{asked}\t"


def field(text: str, path: str, report: Report) -> str:
    """A text as it can stand between tabs; a change is reported."""
    told = SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)
    told = re.sub(r"\\(?=n)", "\\\\\N{WORD JOINER}", told)
    told = told.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ").replace("|", "¦")
    told = told.strip()
    if told == SILENCE:
        told = f"({told})"
    report.lose(path, int(told != text))
    return told.replace("\n", r"\n")


def read(source: Source, report: Report, moments: Iterator[datetime]) -> Iterator[WholeTalk]:
    """Raises InterchangeError for a line that is not numbered, or has more than four fields."""
    growing: Growing | None = None
    before = 0
    for place, text in source.lines():
        found = LINE.fullmatch(text)
        if not found:
            raise InterchangeError(
                f"{place} is {shown(text)}, must begin with its number, such as "
                "'1 your persona: i like cats.'"
            )
        number, content = int(found[1]), found[2] or ""
        if growing is None or number <= before:
            if growing:
                yield growing.whole()
            growing = Growing(Conversation(), next(moments), place)
        before, growing.place = number, place
        take(growing, content, report)
    if growing:
        yield growing.whole()


def take(growing: Growing, content: str, report: Report) -> None:
    """One line: a fact, as long as nobody has spoken, or an exchange."""
    talk = growing.scene
    fields = content.split("\t")
    for head, speaker in ((YOURS, talk.agent), (PARTNERS, talk.user)):
        if not growing.turns and len(fields) == 1 and content.startswith(head.strip()):
            known = talk.direction.facts(speaker)
            fact = plain(content.removeprefix(head.strip()))
            growing.scene = talk.directed(talk.direction.with_facts(speaker, (*known, fact)))
            return
    if len(fields) > 4:
        raise InterchangeError(
            f"{growing.place} has {len(fields)} fields between tabs, must have at most text, "
            "reply, reward and candidates"
        )
    exchange(growing, *[*fields, "", "", ""][:4], report=report)


def exchange(
    growing: Growing, asked: str, answered: str, reward: str, candidates: str, *, report: Report
) -> None:
    talk = growing.scene
    if asked != SILENCE:
        growing.add(Turn(talk.user, plain(asked)))
    if reward.strip():
        report.lose("reward")
    if not answered and not candidates:
        return
    others = [each for each in candidates.split("|") if each] if candidates else []
    if len(others) > MAX_CANDIDATES:
        raise InterchangeError(
            f"{growing.place}: {len(others)} candidates, more than {MAX_CANDIDATES}: take some out"
        )
    if answered in others:
        others.remove(answered)
    parent = growing.last
    for other in others:
        growing.beside(Turn(talk.agent, plain(other)), parent)
    growing.add(Turn(talk.agent, plain(answered)))


def plain(text: str) -> str:
    return text.strip().replace(r"\n", "\n")
