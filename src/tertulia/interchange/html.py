"""A talk as one page to read, send and keep: no scripts, nothing fetched, only folds to open.

The active path stands open; what else was said at a place is folded below it, with all that
followed. Direction and plans are shown where they held. Whatever people and models wrote is only
ever text in it, and the page's own policy allows no more than its style sheet.
"""

import base64
import hashlib
import html
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from string import Template

from tertulia.conversation import Conversation, Plan
from tertulia.interchange import Report
from tertulia.interchange._tree import PARTS, Tree, is_agents, plan_of, tally, undirected
from tertulia.store import StoredTurn, TurnId, WholeTalk

ABOUT = "one page to read, without scripts"
SUFFIX = ".html"
MEDIA = "text/html"
HOLDS = frozenset(PARTS) - {"agent_file", "turns.reply", "turns.hidden"}
TEMPLATE = Path(__file__).with_name("page.html")
JOINERS = frozenset("\n\u200c\u200d")
UNSEEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
RATINGS = {1: "liked", -1: "not liked", 0: "neither liked nor disliked"}
QUOTED = 60
"""Letters of a turn that is only pointed at."""


def write(talks: Iterable[WholeTalk], report: Report) -> Iterator[str]:
    """One page of all the talks, one below another."""
    trees = (Tree(talk) for talk in talks)
    first = [tree for _, tree in zip(range(2), trees, strict=False)]
    head, foot = page("Talks" if len(first) != 1 else title(first[0]))
    yield head
    for tree in chain(first, trees):
        tally(tree, HOLDS, report)
        yield from section(tree)
    yield foot


def page(heading: str) -> tuple[str, str]:
    """What stands before and after the talks; the policy allows the style sheet, by its hash."""
    template = TEMPLATE.read_text(encoding="utf-8")
    style = template.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    head, _, foot = template.partition("$talks")
    footer = "What the agent says was written by a machine. Made with Tertulia."
    values = {"style_hash": f"sha256-{digest}", "title": text(heading), "footer": text(footer)}
    return Template(head).substitute(values), Template(foot).substitute(values)


def text(words: str) -> str:
    """Words as HTML text or attribute; what cannot be seen or reorders text is written out."""
    return html.escape("".join(map(seen, words)))


def seen(char: str) -> str:
    if char.isprintable() or char in JOINERS:
        return char
    if char == "\t":
        return "    "
    hidden = unicodedata.category(char) in UNSEEN
    return char.encode("unicode_escape").decode("ascii") if hidden else char


def tag(name: str, content: str, css: str = "", *, auto: bool = False) -> str:
    """An element around content that is HTML already; auto for text in any direction."""
    attributes = f' class="{css}"' if css else ""
    attributes += ' dir="auto"' if auto else ""
    return f"<{name}{attributes}>{content}</{name}>"


def folded(told: str, content: str, css: str = "") -> str:
    return tag("details", tag("summary", text(told)) + content, css) if content else ""


def counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def title(tree: Tree) -> str:
    talk = tree.talk
    return talk.title or f"{talk.header.agent} and {talk.header.user}"


def section(tree: Tree) -> Iterator[str]:
    """A talk: what directs it, then turn after turn, with the folds of what else was said."""
    talk = tree.talk
    times = f"{talk.created:%Y-%m-%d %H:%M} UTC, {counted(len(tree.path), 'turn')}"
    direction = tree.path[0].scene if tree.path else talk.header
    yield f"<section>{tag('h1', text(title(tree)), auto=True)}{tag('p', text(times), 'lead')}"
    if direction.direction.situation:
        yield tag("p", text(direction.direction.situation), "situation", auto=True)
    yield folded("Direction", directed(direction))
    for each in tree.path:
        if undirected(each.scene) != undirected(direction):
            direction = each.scene
            yield changed(direction)
        yield turn(each, tree)
        others = [other for other in tree.siblings(each) if other.id != each.id]
        yield beside(others, tree, "said here instead")
    if undirected(talk.header) != undirected(direction):
        yield changed(talk.header)
    last = tree.path[-1].id if tree.path else None
    yield beside(tree.answers.get(last, ()), tree, "said after this and taken back")
    yield "</section>\n"


def changed(direction: Conversation) -> str:
    return folded("The direction is another from here on", directed(direction), "changed")


def directed(talk: Conversation) -> str:
    """The direction as a list of names and texts; empty when there is none."""
    direction = talk.direction
    rows = [("Agent", talk.agent), ("User", talk.user)]
    rows += [("Situation", direction.situation), ("Instruction", direction.instruction)]
    rows += [(f"About {each.speaker}", "\n".join(each.facts)) for each in direction.personas]
    rows += [("Knowledge", "\n".join(direction.knowledge)), ("Memory", "\n".join(direction.memory))]
    rows += [(f"Lore: {', '.join(each.keys)}", each.content) for each in direction.lore]
    return listed(rows)


def listed(rows: Iterable[tuple[str, str]]) -> str:
    found = (tag("dt", text(n), auto=True) + tag("dd", text(v), auto=True) for n, v in rows if v)
    return tag("dl", "".join(found))


def turn(each: StoredTurn, tree: Tree, pointer: str = "") -> str:
    """One turn: who, the words, the picture, the plan, and what people thought of it."""
    mine = each.turn.speaker == tree.talk.header.agent
    said = tag("p", text(each.turn.speaker) + pointer, "who", auto=True)
    said += tag("p", text(each.turn.text), "said", auto=True) if each.turn.text else ""
    if each.turn.image:
        said += tag("p", text(f"[{each.turn.image}]"), "picture", auto=True)
    if is_agents(each):
        said += planned(plan_of(each))
    said += "".join(tag("p", text(note), "note", auto=True) for note in notes(each))
    return tag("article", said, "agent" if mine else "user") + "\n"


def planned(plan: Plan) -> str:
    """Goal and skill on one line; the explanation folded."""
    told = [f"goal: {plan.goal}" if plan.goal else "", f"skill: {plan.skill}" if plan.skill else ""]
    line = " · ".join(filter(None, told))
    shown = tag("p", text(line), "plan", auto=True) if line else ""
    why = tag("p", text(plan.explanation), auto=True) if plan.explanation else ""
    return shown + folded("Thought", why)


def notes(each: StoredTurn) -> Iterator[str]:
    if each.rating is not None:
        yield RATINGS[each.rating]
    if each.note:
        yield each.note
    if each.edited_from is not None:
        yield "edited"
    if each.status != "whole":
        yield each.status


def beside(others: Sequence[StoredTurn], tree: Tree, told: str) -> str:
    """The other answers to a turn, each with all that followed it, in one fold without nesting."""
    if not others:
        return ""
    shown: list[str] = []
    for other in others:
        shown.append(turn(other, tree))
        for later in following(other, tree):
            assert later.parent is not None
            asked = tree.by_id[later.parent].turn
            quoted = f"{asked.speaker}: {asked.text}"[:QUOTED].replace("\n", " ")
            shown.append(turn(later, tree, f" {tag('span', text(f'after “{quoted}”'), 'after')}"))
    return folded(f"{counted(len(others), 'turn')} {told}", "".join(shown), "others")


def following(turn: StoredTurn, tree: Tree) -> Iterator[StoredTurn]:
    """Everything below a turn, each after the one it answers."""
    ahead: list[TurnId] = [turn.id]
    while ahead:
        answers = tree.answers.get(ahead.pop(), ())
        yield from answers
        ahead += [each.id for each in answers]
