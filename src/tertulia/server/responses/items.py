"""The input of a response as turns and instructions."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tertulia.conversation import Conversation, Turn
from tertulia.server.doors.refusals import invalid
from tertulia.server.openai import messages
from tertulia.server.openai.shapes import INSTRUCTING
from tertulia.server.responses.shapes import PARTS, Item, ResponseAsked
from tertulia.server.scenes import directing

SIDES = {"user": "user", "assistant": "agent"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """What one request adds to a talk.

    told   what system and developer items say, which stays with the talk
    turns  said now, oldest first
    items  the same as the client gets them back, one for each that is a message
    """

    told: tuple[str, ...]
    turns: tuple[Turn, ...]
    items: tuple[dict[str, Any], ...]


def header(before: Conversation | None, direction: Mapping[str, Any] | None) -> Conversation:
    """Names, direction and plan of the talk, with the request's fields over those it had."""
    kept = {} if before is None else directing.header(before)
    kept.pop("plan", None)
    return messages.directed({**kept, **(direction or {})})


def heard(asked: ResponseAsked, header: Conversation) -> Input:
    """The input, said by the sides of the talk; raises Refusal for what is no text."""
    given = asked.input
    if isinstance(given, str):
        given = [Item(role="user", content=given)]
    told: list[str] = []
    turns: list[Turn] = []
    items: list[dict[str, Any]] = []
    for n, item in enumerate(given):
        where = f"input[{n}]"
        if item.type == "reasoning":
            continue
        said, role = text(item, where), item.role or "user"
        items.append(listed(role, said, n))
        if role in INSTRUCTING:
            told.append(said)
        else:
            turns.append(Turn(speaker(item, role, header, where), said))
    return Input(told=tuple(filter(None, told)), turns=tuple(turns), items=tuple(items))


def text(item: Item, where: str) -> str:
    """What an item says."""
    if item.type != "message":
        raise invalid(
            f"{where}.type is {item.type[:40]!r}, which cannot be honoured: only messages are read",
            f"{where}.type",
            "unsupported_value",
        )
    for name in ("role", "content"):
        if getattr(item, name) is None:
            raise invalid(
                f"{where}.{name} is missing", f"{where}.{name}", "missing_required_parameter"
            )
    if isinstance(item.content, str):
        return item.content
    for n, part in enumerate(item.content or ()):
        if part.type not in PARTS or part.text is None:
            raise invalid(
                f"{where}.content[{n}] is no text: these models read text only",
                f"{where}.content[{n}]",
                "unsupported_value",
            )
    return "\n".join(part.text or "" for part in item.content or ())


def speaker(item: Item, role: str, header: Conversation, where: str) -> str:
    """Who says an item; nobody may speak in the name of the other side."""
    side = SIDES[role]
    other = header.agent if side == "user" else header.user
    name = item.name or (header.user if side == "user" else header.agent)
    if name == other:
        raise invalid(
            f"{where}.name is {name!r}, which is the other side's: give another",
            f"{where}.name",
            "invalid_value",
        )
    return name


def listed(role: str, said: str, n: int) -> dict[str, Any]:
    """An item of the input as GET …/input_items gives it."""
    kind = "output_text" if role == "assistant" else "input_text"
    part: dict[str, Any] = {"type": kind, "text": said}
    if role == "assistant":
        part |= {"annotations": [], "logprobs": []}
    return {
        "id": f"msg_in_{n}",
        "type": "message",
        "status": "completed",
        "role": role,
        "content": [part],
    }


def instructed(header: Conversation, *told: str) -> Conversation:
    """The talk with more instructions before its own."""
    own = header.direction.instruction
    whole = "\n".join([*filter(None, told), own]).strip("\n")
    return header.directed(replace(header.direction, instruction=whole))
