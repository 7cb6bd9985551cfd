"""Messages and a `direction` object as a Conversation.

System and developer text is instruction, before that of the direction. A user's message is said by
`name`, or by the user's side; an assistant's by `name`, or by the agent's. The first name of a role
names its side where the direction does not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tertulia.conversation import Conversation, Turn
from tertulia.server.doors.refusals import invalid
from tertulia.server.openai.shapes import INSTRUCTING, Message
from tertulia.server.scenes.directing import whole

SIDES = {"assistant": "agent", "user": "user"}


def conversation(
    messages: Sequence[Message], direction: Mapping[str, Any], earlier: tuple[Turn, ...] = ()
) -> Conversation:
    """The talk that a chat request describes; raises Refusal with the field at fault.

    earlier  turns before the messages: those of a posted scene
    """
    texts = [text(each, f"messages[{n}]") for n, each in enumerate(messages)]
    given = directed({**named(messages), **direction})
    told = [t for each, t in zip(messages, texts, strict=True) if each.role in INSTRUCTING and t]
    instruction = "\n".join([*told, given.direction.instruction]).strip("\n")
    turns = tuple(
        Turn(speaker(each, given, f"messages[{n}].name"), texts[n])
        for n, each in enumerate(messages)
        if each.role in SIDES
    )
    directing = replace(given.direction, instruction=instruction)
    return replace(given, direction=directing, turns=(*earlier, *turns))


def named(messages: Sequence[Message]) -> dict[str, str]:
    """Names of the two sides, as far as messages tell them."""
    spoke = [(SIDES[each.role], each.name) for each in messages if each.role in SIDES]
    return {side: name for side, name in reversed(spoke) if name}


def directed(table: Mapping[str, Any]) -> Conversation:
    """The scene's fields, its turns left to the messages."""
    if "turns" in table:
        raise invalid("direction.turns is not taken: the turns are the messages", "direction.turns")
    return whole(table, "direction")


def text(message: Message, where: str) -> str:
    """What a message says; raises Refusal for what is not text."""
    if message.role in ("tool", "function"):
        raise invalid(
            f"{where}.role is {message.role!r}: these models call no tools; leave the message out",
            f"{where}.role",
            "unsupported_value",
        )
    for field in ("tool_calls", "function_call", "audio"):
        if (message.model_extra or {}).get(field):
            raise invalid(
                f"{where}.{field} cannot be honoured: leave it out",
                f"{where}.{field}",
                "unsupported_value",
            )
    if message.content is None:
        raise invalid(
            f"{where}.content is missing: give the text", f"{where}.content", "invalid_value"
        )
    if isinstance(message.content, str):
        return message.content
    for n, part in enumerate(message.content):
        if part.type != "text" or part.text is None:
            raise invalid(
                f"{where}.content[{n}] is no text: these models read text only",
                f"{where}.content[{n}]",
                "unsupported_value",
            )
    return "\n".join(part.text or "" for part in message.content)


def speaker(message: Message, talk: Conversation, where: str) -> str:
    """Who says a message; nobody may speak in the name of the other side."""
    side, other = SIDES[message.role], {"agent": "user", "user": "agent"}[SIDES[message.role]]
    name = message.name or str(getattr(talk, side))
    if name == getattr(talk, other):
        raise invalid(
            f"{where} is {name!r}, which is the {other}'s: a message of the role "
            f"{message.role!r} needs another name",
            where,
            "invalid_value",
        )
    return name
