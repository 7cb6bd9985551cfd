"""A talk as chat messages and back: the same messages that a chat model is asked with.

The words are those of the chat_template format: the direction in one system text, a picture as
`[Image: …]` on the last line of its turn, names before the words where more than two speak. So what
a model is trained on is what it will be asked.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from tertulia import formats, scene
from tertulia.config import fitted, shown
from tertulia.conversation import Conversation, Plan, Turn
from tertulia.errors import InterchangeError
from tertulia.formats.chat_template import ChatTemplate
from tertulia.formats.chat_template.messages import IMAGE, OPENING, Author, attempts
from tertulia.interchange import Report
from tertulia.interchange._growing import Growing, header, named, table
from tertulia.interchange._lines import SURROGATE
from tertulia.interchange._tree import Tree, tally
from tertulia.store import WholeTalk

PICTURE = f"{IMAGE} "
ROLES = {
    **dict.fromkeys(("assistant", "gpt", "model", "bot", "chatgpt"), "agent"),
    **dict.fromkeys(("user", "human"), "user"),
    **dict.fromkeys(("system", "developer"), "system"),
}
"""What messages and ShareGPT files call a side -> which it is; others speak for themselves."""

HOLDS = frozenset(("names", "plan", "turns.image", *Conversation().direction.__dataclass_fields__))
"""Parts of a talk that survive, in the words or in the row's `direction`."""


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a row.

    role  as the row has it
    name  as the row has it; empty for none
    """

    role: str
    text: str
    name: str = ""


@cache
def spoken() -> ChatTemplate:
    found = formats.load("chat_template")
    assert isinstance(found, ChatTemplate)
    return found


def messages(conversation: Conversation) -> list[Said]:
    """System text first where anything is directed; the plan, if there is one, at the end."""
    author = Author(spoken().safe)
    return [Said(e.role, e.text) for e in next(attempts(conversation, author, "role"))]


def prompt(before: Conversation) -> list[Said]:
    """What a chat model is asked with there; trainers want a message, if nobody has spoken yet."""
    return messages(before) or [Said("user", OPENING)]


def reply(said: Turn) -> Said:
    """What the agent says, as a message."""
    spans = Author(spoken().safe).told(said, "", spoken().text, False)
    return Said("assistant", "".join(span.text for span in spans))


def columns(said: Iterable[Said]) -> list[dict[str, str]]:
    """Messages as OpenAI and Hugging Face write them."""
    return [{"role": each.role, "content": each.text} for each in said]


def direction(conversation: Conversation) -> str:
    """Names, direction and plan as JSON in a text: one column of one type, whatever is in it."""
    told = scene.table(replace(conversation, turns=()))
    del told["turns"]
    return json.dumps(told, ensure_ascii=False)


def numbered(rows: list[Any], place: str) -> Iterator[tuple[str, Any]]:
    """(place, message) of each."""
    return ((f"{place}: message {number}", each) for number, each in enumerate(rows, start=1))


def written(talks: Iterable[WholeTalk], report: Report) -> Iterator[tuple[list[Said], str]]:
    """(messages, direction) of each talk's active path; a talk in which nobody spoke has none."""
    for talk in talks:
        tree = Tree(talk)
        tally(tree, HOLDS, report)
        blurred(tree.conversation, report)
        if tree.path:
            yield messages(tree.conversation.planned(Plan())), direction(tree.conversation)
        else:
            report.lose("talks without turns")


def blurred(talk: Conversation, report: Report) -> None:
    """Reports what messages change: names before words, line breaks, half characters."""
    if len(talk.cast) > 2:
        labelled = sum(turn.speaker != talk.agent for turn in talk.turns)
        report.lose("turns.speaker", labelled)
        report.lose("turns.text", labelled)
    pictures = [turn.image for turn in talk.turns if turn.image]
    report.lose("turns.image", sum(picture_of(shared(told)) != told for told in pictures))
    texts = [*pictures, *(turn.text for turn in talk.turns)]
    report.lose("surrogates", sum(len(SURROGATE.findall(text)) for text in texts))


def shared(text: str) -> str:
    return Author(spoken().safe).shared(text, "").text


def picture_of(shared: str) -> str:
    return spoken().neutral.undo(shared.replace("\n  ", "\n"))


def talk(
    row: Mapping[str, Any], said: Iterable[Said], growing: Growing, report: Report
) -> WholeTalk:
    """The talk of a row; ours, with a direction of its own, is read as it was written."""
    ours = row.get("direction") is not None
    listed = list(said)
    if ours:
        growing.scene = header(row["direction"], f"{growing.place}: direction")
    else:
        growing.scene = sides(listed)
    for place, each in enumerate(listed):
        if ROLES.get(each.role) == "system":
            if not (ours and place == 0):
                instruct(growing, each.text)
            continue
        growing.add(turn(each, growing.scene, ours), plan=Plan())
    return growing.whole()


def sides(said: list[Said]) -> Conversation:
    """The names that the two sides go by in a row; the usual ones where it has none."""
    found = {"agent": "", "user": ""}
    for each in said:
        side = ROLES.get(each.role, "")
        if side in found and each.name and not found[side]:
            found[side] = each.name
    return named(found["agent"], found["user"], Conversation())


def instruct(growing: Growing, text: str) -> None:
    """A system text is an instruction; a later one is added to it from there on."""
    direction = growing.scene.direction
    told = "\n\n".join(filter(None, (direction.instruction, text)))
    growing.scene = growing.scene.directed(replace(direction, instruction=told))


def turn(said: Said, talk: Conversation, ours: bool) -> Turn:
    side = ROLES.get(said.role)
    speaker = {"agent": talk.agent, "user": talk.user}.get(side or "", said.role or talk.user)
    if side == "user" and said.name not in ("", talk.agent):
        speaker = said.name
    if not ours:
        return Turn(speaker, said.text)
    text, mark, image = said.text.partition(PICTURE)
    if not mark or not image.endswith("]"):
        return Turn(speaker, spoken().neutral.undo(said.text))
    text = spoken().neutral.undo(text.removesuffix("\n"))
    return Turn(speaker, text, picture_of(image.removesuffix("]")))


def content(found: object, place: str, path: str, report: Report) -> str:
    """What a message says: a text, or the texts among its parts; null for a call of a tool."""
    if found is None:
        return ""
    if isinstance(found, str):
        return found
    if not isinstance(found, list):
        raise InterchangeError(f"{place} is {shown(found)}, must be a text or a list of parts")
    return "\n".join(parts(found, place, path, report))


def parts(found: list[Any], place: str, path: str, report: Report) -> Iterator[str]:
    for number, part in enumerate(found):
        if isinstance(part, str):
            yield part
            continue
        told = table(part, f"{place}[{number}]")
        if isinstance(told.get("text"), str):
            yield told["text"]
        else:
            report.lose(f"{path}.{fitted(told.get('type') or 'part', str, place)}")
