"""Showing what happens: words for people, or one JSON object a reply."""

import json
import os
import sys
from typing import TYPE_CHECKING, TextIO

from tertulia.cli._flow import Flow, beside, fitted, flowed, width
from tertulia.cli._terminal import cells, hanging, one_line, paint, safe
from tertulia.cli.chat.directing import scenes
from tertulia.cli.chat.events import (
    Compared,
    Event,
    Note,
    Opening,
    Refused,
    Said,
    Shown,
    Stopped,
    Thought,
    Word,
)
from tertulia.cli.chat.looking import plan
from tertulia.conversation import Conversation
from tertulia.record import told

if TYPE_CHECKING:
    from tertulia.agent import Reply
    from tertulia.cli.chat.session import Session

SIGN = "…"
PLAIN_SIGN = "..."
INDENT = "  "
RECENT = 6
"""Turns of a scene that are shown when it is opened."""

NARROW = 60
"""Below so many columns two replies stand under each other, not side by side."""


class Screen:
    """Words for people. Everything that others wrote is made safe for a terminal.

    A reply appears as it is made when there is one candidate; with several, a quiet sign stands
    until the best one is known. A terminal that cannot erase gets no sign.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self.out = out or sys.stdout
        self.paint = paint(self.out)
        self.is_terminal = self.out.isatty()
        self.can_erase = self.is_terminal and os.environ.get("TERM", "") not in ("", "dumb")
        self.sign = SIGN if shows(self.out, SIGN) else PLAIN_SIGN
        self.waiting = False
        self.speaker = ""
        self.streamed = ""
        self.flow = Flow(0)
        self.told_cut = False

    def show(self, event: Event) -> None:
        self.clear()
        match event:
            case Opening() | Thought() | Word() | Said():
                self.making(event)
            case Compared():
                self.compared(event)
            case Note():
                self.line(fitted(safe(event.text), self.columns))
            case Shown():
                self.line("".join(self.span(text, control) for text, control in event.spans))
            case Refused():
                self.refused(event)
            case Stopped():
                self.stopped(event)
        self.out.flush()

    def making(self, event: Opening | Thought | Word | Said) -> None:
        match event:
            case Opening():
                self.speaker = event.speaker
                self.streamed = ""
                self.wait()
            case Thought():
                self.quiet(f"({one_line(event.speaker)} thinks: {one_line(plan(event.plan))})")
                self.wait()
            case Word():
                self.word(event)
            case Said():
                self.said(event.reply)

    def welcome(self, session: "Session") -> None:
        """What a person sees first in a terminal: the scene, the turns so far, where help is."""
        talk = session.conversation
        if talk.direction.situation:
            situation = flowed(safe(talk.direction.situation), self.columns)
            self.line(self.paint(situation, "italic"))
        if facts := talk.direction.facts(talk.user):
            self.quiet(f"You are {one_line(talk.user)}: {one_line(' '.join(facts))}")
        if len(talk.turns) > RECENT:
            self.quiet(f"({len(talk.turns) - RECENT} earlier turns)")
        for turn in talk.turns[-RECENT:]:
            self.line(self.turn(turn.speaker, turn.text).rstrip())
            self.picture(turn.image)
        who = "" if talk.user == "You" else f", as {one_line(talk.user)}"
        sides = f"You talk with {one_line(talk.agent)}{who}."
        self.quiet(f"{sides} /help lists the commands, Ctrl-D ends the talk.")
        if talk == Conversation():
            self.quiet(f"Scenes to play: {', '.join(scenes())}; /scene NAME opens one.")

    def word(self, event: Word) -> None:
        text = event.text if self.streamed else event.text.lstrip()
        if text and not self.streamed:
            self.out.write(self.name(self.speaker))
            self.flow = Flow(self.columns, self.named(self.speaker), INDENT)
        self.out.write(self.flow.feed(safe(text)))
        self.streamed += text

    def said(self, reply: "Reply") -> None:
        """The rest of a line that was streamed, or the whole reply."""
        if not self.streamed or self.streamed.rstrip() != reply.text.rstrip():
            self.broken()
            self.line(self.turn(reply.speaker, reply.text or "(nothing)"))
        self.broken()
        self.picture(reply.image)
        if reply.all_dropped:
            self.quiet("(every candidate broke a rule; this is the least bad)")
        if reply.dropped and not self.told_cut:
            self.told_cut = True
            self.quiet("(from here on the oldest turns no longer fit; /why tells how many)")

    def picture(self, image: str) -> None:
        if image:
            self.quiet(f"(shows a picture: {hanging(image)})")

    def compared(self, event: Compared) -> None:
        heads = ("as it was:", f"{one_line(event.change)}:")
        texts = (
            hanging(event.first.text, "") or "(nothing)",
            hanging(event.second.text, "") or "(nothing)",
        )
        columns = self.columns or 80
        if columns < NARROW:
            for head, text in zip(heads, texts, strict=True):
                shown = flowed(text, columns, len(INDENT), INDENT)
                self.line(f"{self.paint(head, 'bold')}\n{INDENT}{shown}")
            return
        for row in beside(*heads, columns):
            self.line(self.paint(row, "bold"))
        for row in beside(*texts, columns):
            self.line(row)

    def span(self, text: str, control: bool) -> str:
        """Control tokens stand out by colour, or in ⟦ ⟧ where there is none."""
        if not control:
            return safe(text)
        return self.paint(safe(text), "reverse") if self.paint.colour else f"⟦{safe(text)}⟧"

    def refused(self, event: Refused) -> None:
        self.broken()
        self.out.flush()
        where = self.out if self.is_terminal else sys.stderr
        told = flowed(one_line(event.text), width(where), len(INDENT), INDENT)
        where.write(f"{self.paint('!', 'red', 'bold')} {told}\n")
        where.flush()

    def stopped(self, event: Stopped) -> None:
        self.broken()
        more = "; /again asks once more, /back takes your line back" if event.unanswered else ""
        self.quiet(f"(stopped{more})")

    def broken(self) -> None:
        """End a line that was being streamed."""
        if self.streamed:
            self.out.write(f"{self.flow.rest()}\n")
            self.streamed = ""

    @property
    def columns(self) -> int:
        """Where lines are broken; 0 for nowhere."""
        return width(self.out)

    def turn(self, speaker: str, text: str) -> str:
        """A turn behind its speaker's name; its further lines are indented, so that none of them
        can pass for a turn."""
        return self.name(speaker) + flowed(safe(text), self.columns, self.named(speaker), INDENT)

    def named(self, speaker: str) -> int:
        """The columns that the name before a turn takes."""
        return cells(f"{one_line(speaker)}: ")

    def name(self, speaker: str) -> str:
        return f"{self.paint(f'{one_line(speaker)}:', 'bold', 'cyan')} "

    def line(self, text: str) -> None:
        self.out.write(f"{text}\n")

    def quiet(self, text: str) -> None:
        self.line(self.paint(flowed(text, self.columns), "dim"))

    def clear(self) -> None:
        """Take the sign away, and the ^C that the terminal may have put behind it."""
        if self.waiting:
            self.out.write("\r\x1b[K")
            self.waiting = False

    def wait(self) -> None:
        if self.can_erase:
            self.out.write(self.paint(self.sign, "dim"))
            self.waiting = True


def shows(out: TextIO, text: str) -> bool:
    """Whether the stream's encoding has these letters."""
    try:
        text.encode(out.encoding or "utf-8")
    except (LookupError, UnicodeEncodeError):
        return False
    return True


class JsonScreen(Screen):
    """One object a reply on stdout; everything else that is worth saying on stderr."""

    def show(self, event: Event) -> None:
        match event:
            case Said(reply=reply) | Compared(second=reply):
                self.line(json.dumps(told(reply), allow_nan=False))
            case Note():
                print(safe(event.text), file=sys.stderr)
            case Shown():
                print("".join(self.span(*each) for each in event.spans), file=sys.stderr)
            case Refused():
                self.refused(event)
            case Stopped():
                print("(stopped)", file=sys.stderr)
            case _:
                return
        self.out.flush()

    def refused(self, event: Refused) -> None:
        print(f"! {one_line(event.text)}", file=sys.stderr)
