"""The comparison as one page: no script, nothing fetched, and what was said is only ever text."""

import base64
import hashlib
import html
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template

from tertulia import __version__
from tertulia.agent import Reply
from tertulia.cli._terminal import safe
from tertulia.cli.compare.cells import Cell
from tertulia.cli.compare.table import notes
from tertulia.conversation import Conversation, Direction, Turn
from tertulia.prompt import Span
from tertulia.rankers import Candidate

TEMPLATE = Path(__file__).with_name("page.html")
SHOWN_TURNS = 4
"""Of the talk; the earlier ones are folded away."""

COLOURS = {
    "situation": "situation",
    "instruction": "instruction",
    "personas": "personas",
    "knowledge": "knowledge",
    "memory": "memory",
    "plan": "plan-text",
    "turns": "turns",
    "agent": "names",
    "user": "names",
}
"""Class of a span by the first word of its field."""


def page(scene: str, talk: Conversation, cells: Sequence[Cell]) -> str:
    """The whole page. Its policy allows its own style sheet, by its hash, and nothing else."""
    template = TEMPLATE.read_text(encoding="utf-8")
    style = template.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    seed = next((each.reply.seed for each in cells if each.reply), None)
    told = "" if seed is None else f" The seed is {seed}."
    return Template(template).substitute(
        style_hash=f"sha256-{digest}",
        title=text(f"One turn, {counted(len(cells), 'answer')}"),
        lead=text(f"{talk.agent} answers {talk.user} in the scene {scene}.{told}"),
        talk=directed(talk) + spoken(talk),
        cells="\n".join(article(each, talk) for each in cells),
        footer=text(f"The answers were written by machines. Made with tertulia {__version__}."),
    )


def text(words: str) -> str:
    """Words as HTML text or attribute; what cannot be seen or reorders text is written out."""
    return html.escape(safe(words))


def counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def tag(name: str, content: str, css: str = "", *, auto: bool = False) -> str:
    """An element around content that is HTML already; auto for text in any direction."""
    attributes = f' class="{css}"' if css else ""
    attributes += ' dir="auto"' if auto else ""
    return f"<{name}{attributes}>{content}</{name}>"


def folded(title: str, content: str) -> str:
    return tag("details", tag("summary", text(title)) + content) if content else ""


def listed(rows: Iterable[tuple[str, str]]) -> str:
    found = [tag("dt", text(n)) + tag("dd", text(v), auto=True) for n, v in rows if v]
    return tag("dl", "".join(found)) if found else ""


def directed(talk: Conversation) -> str:
    """The direction, folded away; empty when there is none."""
    direction: Direction = talk.direction
    rows = [(name, getattr(direction, name)) for name in ("situation", "instruction")]
    rows += [(each.speaker, "\n".join(each.facts)) for each in direction.personas]
    rows += [(name, "\n".join(getattr(direction, name))) for name in ("knowledge", "memory")]
    rows += [(name, getattr(talk.plan, name)) for name in ("goal", "skill", "explanation")]
    return folded("Direction", listed(rows))


def spoken(talk: Conversation) -> str:
    early, late = talk.turns[:-SHOWN_TURNS], talk.turns[-SHOWN_TURNS:]
    return folded(counted(len(early), "earlier turn"), said(early)) + said(late)


def said(turns: Sequence[Turn]) -> str:
    return "".join(
        tag("p", tag("span", text(turn.speaker), "who") + tag("span", words(turn), "said"))
        for turn in turns
    )


def words(turn: Turn) -> str:
    image = f" {tag('span', text(f'[{turn.image}]'), 'picture')}" if turn.image else ""
    return tag("bdi", text(turn.text)) + image


def article(cell: Cell, talk: Conversation) -> str:
    """One answer, or why there is none."""
    head = tag("h2", text(cell.side.name), auto=True)
    how = (cell.preset, cell.side.model if cell.side.agent else "")
    if told := " · ".join(filter(None, how)):
        head += tag("p", text(told), "how")
    if cell.reply is None:
        return tag("article", head + tag("blockquote", text(cell.error)), "failed")
    reply = cell.reply
    parts = [head, tag("blockquote", words(reply.turn), auto=True)]
    parts += [tag("p", text(each), "note") for each in notes(cell, talk)]
    parts += [figures(cell, reply), ranked(reply), seen(reply)]
    return tag("article", "\n".join(filter(None, parts)))


def figures(cell: Cell, reply: Reply) -> str:
    """Times and counts; what the engine cannot tell is left out."""
    made = reply.completion
    rows = (
        ("reply", made.completion_tokens, "{} tokens"),
        ("made in", cell.reply_seconds, "{:.2f} s"),
        ("first word after", made.first_seconds or None, "{:.2f} s"),
        ("prompt", made.prompt_tokens, "{} tokens"),
        ("of them kept", made.cached_tokens or None, "{}"),
        ("opened in", cell.open_seconds, "{:.2f} s"),
    )
    found = (
        tag("div", tag("dt", text(name)) + tag("dd", text(form.format(value))))
        for name, value, form in rows
        if value is not None
    )
    return tag("dl", "".join(found), "figures")


def ranked(reply: Reply) -> str:
    """Every candidate with its scores, best first; empty for a single one without any."""
    names = [name for name, _ in reply.candidates[0].scores]
    if len(reply.candidates) == 1 and not names:
        return ""
    titles = ["candidate", *names, *(["sum"] if len(names) > 1 else [])]
    rows = [tag("tr", "".join(tag("th", text(each)) for each in titles))]
    rows += [tag("tr", row(each)) for each in reply.candidates]
    table = tag("div", tag("table", "".join(rows)), "wide")
    return folded(counted(len(reply.candidates), "candidate"), table)


def row(candidate: Candidate) -> str:
    values = [value for _, value in candidate.scores]
    values += [candidate.score] if len(values) > 1 else []
    scores = (f"{value:.3f}" if math.isfinite(value) else "dropped" for value in values)
    return tag("td", text(candidate.text), auto=True) + "".join(tag("td", each) for each in scores)


def seen(reply: Reply) -> str:
    """The exact prompt, coloured by where each part came from, under a key to the colours."""
    spans = reply.prompt.spans
    heads = dict.fromkeys(head(each) for each in spans if each.field)
    key = "".join(tag("span", text(each), COLOURS.get(each, "names")) for each in heads)
    control = tag("span", "control token", "control") if any(s.control for s in spans) else ""
    shown = tag("p", key + control, "key") + tag("pre", "".join(map(coloured, spans)))
    return folded("Exact prompt", shown) if spans else ""


def head(span: Span) -> str:
    return span.field.partition(".")[0]


def coloured(span: Span) -> str:
    if span.control:
        return tag("span", text(span.text), "control")
    if not span.field:
        return text(span.text)
    css = COLOURS.get(head(span), "names")
    return f'<span class="{css}" title="{text(span.field)}">{text(span.text)}</span>'
