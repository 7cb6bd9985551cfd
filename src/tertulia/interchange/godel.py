"""GODEL's training rows: JSON lines, one for each reply of the agent, with all that led to it.

    {"Context": "hey EOS hello EOS how are you", "Knowledge": "…", "Response": "Fine."}

Turns are joined by ` EOS `, passages by a blank. What people typed is made harmless as the godel
format does it, since GODEL's train.py puts these texts into ` <|Knowledge|> … => ` as they are.
Rows that each go on where the last one ended are one talk when read; sides alternate backwards from
the reply, which is the agent's.

Source: scripts/downstream_tasks_converter.py and GODEL/datasets_loader of microsoft/GODEL.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from tertulia.conversation import Conversation, Turn
from tertulia.formats.godel import ARROW
from tertulia.interchange import Report
from tertulia.interchange._growing import Growing, table, text, unread
from tertulia.interchange._lines import SURROGATE, line
from tertulia.interchange._source import Source
from tertulia.interchange._tree import Tree, tally
from tertulia.store import WholeTalk

ABOUT = "GODEL's training rows: Context, Knowledge, Response for each reply"
SUFFIX = ".jsonl"
MEDIA = "application/jsonl"
SIGN = re.compile(r'(?<!\\)"(?:Context|Response)"\s*:\s*"')
HOLDS = frozenset(("knowledge",))
KEYS = ("Context", "Knowledge", "Response")
BETWEEN = " EOS "


def write(talks: Iterable[WholeTalk], report: Report) -> Iterator[str]:
    """A line a reply; words after the last one, and replies to nobody, have none."""
    for talk in talks:
        tree = Tree(talk)
        tally(tree, HOLDS, report)
        told = tree.conversation
        unheld(tree, report)
        context: list[str] = []
        for place, turn in enumerate(told.turns):
            said = safe(turn.text, report)
            if turn.speaker == told.agent:
                passages = tree.path[place].scene.direction.knowledge
                knowledge = " ".join(safe(each, report) for each in passages)
                row = {"Context": BETWEEN.join(context), "Knowledge": knowledge, "Response": said}
                yield line(row, report)
            context.append(said)


def unheld(tree: Tree, report: Report) -> None:
    """Reports what the shape blurs: bounds of passages, who speaks, turns without an answer."""
    talk = tree.conversation
    spoke = [turn.speaker == talk.agent for turn in talk.turns]
    last = max((n for n, mine in enumerate(spoke) if mine), default=-1)
    if last < 0:
        report.lose("talks without replies")
    passages = talk.direction.knowledge
    last_told = tree.path[last].scene.direction.knowledge if last >= 0 else ()
    whole = " ".join(last_told)
    report.lose("knowledge", int(passages != ((whole,) if whole else ())))
    report.lose("turns.unanswered", len(spoke) - 1 - last)
    pairs = zip(spoke, spoke[1:], strict=False)
    report.lose("turns.speaker", sum(one == other for one, other in pairs))
    if talk.turns[:1] and not talk.turns[0].text:
        report.lose("turns.text")


def safe(said: str, report: Report) -> str:
    if halves := len(SURROGATE.findall(said)):
        report.lose("surrogates", halves)
    return ARROW.make(said)


def read(source: Source, report: Report, moments: Iterator[datetime]) -> Iterator[WholeTalk]:
    """Raises InterchangeError for a row without a Response."""
    growing: Growing | None = None
    so_far = ""
    for place, found in source.values():
        row = table(found, place)
        unread(row, KEYS, "", report)
        context, knowledge = (text(row, key, place, "") for key in KEYS[:2])
        response = text(row, "Response", place)
        if growing is None or not continues(context, so_far):
            if growing:
                yield growing.whole()
            growing, added = Growing(Conversation(), next(moments), place), split(context)
        else:
            added = split(context[len(so_far) + len(BETWEEN) :]) if context != so_far else []
        informed(growing, ARROW.undo(knowledge))
        for turn in sided(added, growing.scene):
            growing.add(turn)
        growing.add(Turn(growing.scene.agent, ARROW.undo(response)))
        so_far = f"{context}{BETWEEN}{response}" if context else response
    if growing:
        yield growing.whole()


def continues(context: str, so_far: str) -> bool:
    """Whether a row goes on where the one before it ended."""
    return context == so_far or context.startswith(f"{so_far}{BETWEEN}")


def split(context: str) -> list[str]:
    return context.split(BETWEEN) if context else []


def sided(texts: list[str], talk: Conversation) -> Iterator[Turn]:
    """The turns before a reply; the last one is the user's."""
    for place, said in enumerate(texts):
        mine = (len(texts) - place) % 2 == 0
        yield Turn(talk.agent if mine else talk.user, ARROW.undo(said))


def informed(growing: Growing, knowledge: str) -> None:
    """The knowledge of a row holds for its reply and what comes with it."""
    passages = (knowledge,) if knowledge else ()
    direction = replace(growing.scene.direction, knowledge=passages)
    growing.scene = growing.scene.directed(direction)
