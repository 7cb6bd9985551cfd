"""Replies below one another in a terminal: who, how, how long it took, and what was said."""

import shutil
from collections.abc import Sequence

from tertulia.agent import Reply
from tertulia.cli._flow import folded
from tertulia.cli._terminal import cells, one_line, padded, paint, safe
from tertulia.cli.compare.cells import Cell, Presets, Side
from tertulia.conversation import Conversation, Plan

GAP = "  "
NARROWEST = 28
"""Terminal cells of the last column; with fewer, a reply stands below its row."""

FIGURES = ("seconds", "tokens")


class Table:
    """Rows as they come: every column but the last has its width beforehand."""

    def __init__(self, talk: Conversation, columns: Sequence[Side], presets: Presets) -> None:
        self.talk, self.paint = talk, paint()
        self.names = max(cells(one_line(name)) for name in ("who", *(c.name for c in columns)))
        self.presets = max(map(len, ("preset", *presets))) if presets else 0
        whole = shutil.get_terminal_size().columns
        left = cells(self.columns("", "", *FIGURES))
        self.below = whole - left < NARROWEST
        self.indent = " " * (4 if self.below else left)
        self.width = max(whole - len(self.indent), NARROWEST)

    def head(self, seed: int) -> str:
        """The turn that is answered, and the columns' names."""
        last = [f"{each.speaker}: {each.text}" for each in self.talk.turns[-1:]]
        turn = folded(safe("".join(last) or "(no turn yet)"), self.width + len(self.indent))
        titles = self.columns("who", "preset", *FIGURES) + f"{self.talk.agent}, seed {seed}"
        return "\n".join((*turn, "", self.paint(one_line(titles), "bold")))

    def row(self, cell: Cell) -> str:
        """One answer; what is to be known beside it stands below, dimmed."""
        reply = cell.reply
        seconds = f"{cell.reply_seconds:.2f}" if reply else "-"
        tokens = str((reply and reply.completion.completion_tokens) or "-")
        left = self.columns(one_line(cell.side.name), cell.preset, seconds, tokens)
        lines = self.styled(spoken(reply)) if reply else self.styled(cell.error, "red")
        for note in notes(cell, self.talk):
            lines += self.styled(note, "dim")
        if not self.below:
            left += lines.pop(0)
        return "\n".join((left.rstrip(), *(f"{self.indent}{line}" for line in lines)))

    def styled(self, text: str, *styles: str) -> list[str]:
        return [self.paint(line, *styles) for line in folded(safe(text), self.width)]

    def columns(self, name: str, preset: str, seconds: str, tokens: str) -> str:
        shown = [padded(name, self.names)]
        shown += [preset.ljust(self.presets)] if self.presets else []
        shown += [seconds.rjust(len(FIGURES[0])), tokens.rjust(len(FIGURES[1]))]
        return GAP.join(shown) + GAP


def spoken(reply: Reply) -> str:
    """What was said, a picture in words behind it."""
    image = f" [picture: {reply.image}]" if reply.image else ""
    return f"{reply.text}{image}" or "(nothing)"


def notes(cell: Cell, talk: Conversation) -> list[str]:
    """What is to be known of a reply beside what it says, each on one line."""
    reply = cell.reply
    if reply is None:
        return []
    found = [f"plan: {planned(reply.plan)}"] if reply.plan != talk.plan else []
    if reply.dropped:
        found.append(f"forgotten: the oldest {len(reply.dropped)} of {len(talk.turns)} turns")
    if reply.prompt.unsupported:
        found.append(f"without effect: {', '.join(reply.prompt.unsupported)}")
    if reply.all_dropped:
        found.append("every candidate broke a ranker's rule")
    return [one_line(each) for each in found]


def planned(plan: Plan) -> str:
    return "; ".join(filter(None, (plan.goal, plan.skill, plan.explanation)))
