"""Commands that look at the last reply, and how scenes and plans are told."""

from collections.abc import Iterator, Sequence

from tertulia.agent import Reply
from tertulia.cli import _terminal
from tertulia.cli.chat.events import Event, Note, Shown
from tertulia.cli.chat.session import Exchange, Session
from tertulia.conversation import Conversation, Fired, LoreEntry, Plan
from tertulia.errors import ConfigError
from tertulia.planners import Unread
from tertulia.rankers import DROPPED, Candidate

LORE_SHOWN = 20
"""Entries of a lorebook that /scene lists; there may be two thousand."""

HELD = {
    "budget": ", over its budget",
    "group": ", another of its group came first",
    "cooldown": ", still cooling down",
    "delay": ", too early",
}
"""What held a lore entry back, for people."""


def why(session: Session, rest: str) -> Iterator[Event]:
    yield Note(reasons(latest(session).reply))


def prompt(session: Session, rest: str) -> Iterator[Event]:
    seen = latest(session).reply.prompt
    spans = tuple((span.text, span.control) for span in seen.spans)
    yield Shown((*spans, *((name, True) for name in seen.closing)))


def latest(session: Session) -> Exchange:
    """The last reply of this talk; raises ConfigError when none was made yet."""
    if session.last is None:
        raise ConfigError("no reply was made in this talk yet: say something first")
    return session.last


def reasons(reply: Reply) -> str:
    """Everything a Reply knows about itself, for people."""
    made = reply.completion
    cached = f", {made.cached_tokens} of them kept from before" if made.cached_tokens else ""
    lines = [
        f"plan: {plan(reply.plan)}",
        f"seed: {reply.seed}",
        f"prompt: {counted(made.prompt_tokens)}{cached}",
        f"reply: {counted(made.completion_tokens)}, first after {made.first_seconds:.2f} s, "
        f"last after {made.seconds:.2f} s",
        f"cut: {cut(reply)}",
    ]
    if isinstance(reply.plan, Unread):
        written = _terminal.one_line(reply.plan.written.raw)
        lines.insert(1, f"the planner wrote no plan: {written}")
    if reply.prompt.unsupported:
        lines.append(f"not taken by this model family: {', '.join(reply.prompt.unsupported)}")
    if reply.fired:
        lines.append(f"lore: {', '.join(map(fired, reply.fired))}")
    if reply.all_dropped:
        lines.append("every candidate broke a rule; the least bad was said")
    return "\n".join((*lines, *candidates(reply.candidates)))


def fired(each: Fired) -> str:
    """A lore entry that was due, and why it fired or did not."""
    why = f"{_terminal.one_line(each.key)!r} in a {each.by}" if each.key else each.by
    return f"{each.entry} ({why}{HELD.get(each.held, '')})"


def candidates(found: Sequence[Candidate]) -> list[str]:
    """How many there are and by what they are ranked; then each with its sum, and what adds up."""
    names = [name for name, _ in found[0].scores]
    ranked = f", by {' + '.join(names)}" if names else ""
    scores = [scored(each) for each in found]
    wide = max(map(len, scores))
    return [
        f"candidates: {len(found)}{ranked}",
        *(
            f"{n:3}. {told.ljust(wide)}{'  ' if told else ''}{said(each)}"
            for n, (told, each) in enumerate(zip(scores, found, strict=True), start=1)
        ),
    ]


def scored(each: Candidate) -> str:
    """The sum of the scores, and the scores when there are several."""
    if each.score == DROPPED or len(each.scores) < 2:
        return "" if not each.scores else score(each.score)
    return f"{score(each.score)} = {' '.join(score(value) for _, value in each.scores)}"


def said(each: Candidate) -> str:
    ending = "  (cut at its length limit)" if each.completion.finish == "length" else ""
    return f"{each.text}{ending}"


def score(value: float) -> str:
    return "dropped" if value == DROPPED else f"{value:+.2f}"


def counted(tokens: int | None) -> str:
    return "tokens unknown" if tokens is None else f"{tokens} tokens"


def cut(reply: Reply) -> str:
    if not reply.dropped:
        return "nothing"
    return (
        f"the {len(reply.dropped)} oldest turns, up to {_terminal.one_line(reply.dropped[-1].text)}"
    )


def plan(plan: Plan) -> str:
    """A plan on one line."""
    fields = {"goal": plan.goal, "skill": plan.skill, "because": plan.explanation}
    return "; ".join(f"{name}: {text}" for name, text in fields.items() if text) or "(none)"


def scene(conversation: Conversation) -> str:
    """All that directs a talk, and how many turns it has."""
    direction = conversation.direction
    lines = [f"{conversation.agent} (the model) talks with {conversation.user} (you)."]
    lines += [
        f"{n}: {text}" for n in ("situation", "instruction") if (text := getattr(direction, n))
    ]
    for speaker in conversation.cast:
        if facts := direction.facts(speaker):
            lines.append(f"{speaker}:{numbered(facts)}")
    for name in ("knowledge", "memory"):
        if texts := getattr(direction, name):
            lines.append(f"{name}:{numbered(texts)}")
    if direction.lore:
        lines.append(f"lore:{numbered(tuple(map(entry, direction.lore[:LORE_SHOWN])))}")
        if more := direction.lore[LORE_SHOWN:]:
            lines.append(f"  … and {len(more)} more")
    if conversation.plan:
        lines.append(f"next reply: {plan(conversation.plan)}")
    return "\n".join((*lines, f"turns: {len(conversation.turns)}"))


def entry(lore: LoreEntry) -> str:
    """A lore entry on one line: what brings it up, and the passage."""
    keys = "always" if lore.constant else ", ".join(lore.keys)
    return f"({_terminal.one_line(keys)}) {_terminal.one_line(lore.content)}"


def numbered(texts: Sequence[str]) -> str:
    """Numbered from 1, each on its own line; on the same line when there are none."""
    if not texts:
        return " (none)"
    return "".join(f"\n  {n}. {text}" for n, text in enumerate(texts, start=1))


def table(rows: Sequence[tuple[str, ...]]) -> str:
    return _terminal.rows(rows)
