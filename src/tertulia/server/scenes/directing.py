"""Scenes, headers and plans of requests as values; what is wrong in them is refused by its path."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tertulia import scene
from tertulia.config import shown
from tertulia.conversation import Conversation, Plan
from tertulia.errors import SceneError
from tertulia.server.doors.refusals import invalid


def whole(table: Mapping[str, Any], where: str = "scene") -> Conversation:
    """The conversation of a scene, its turns included; raises Refusal."""
    try:
        return scene.from_table(table, where)
    except SceneError as error:
        raise invalid(str(error), where, "invalid_value") from None


def over(talk: Conversation, table: Mapping[str, Any], where: str) -> Conversation:
    """The talk with these fields of a scene in the place of its own; raises Refusal."""
    if "turns" in table:
        raise invalid(
            f"{where}.turns is not taken here: turns are added one by one", f"{where}.turns"
        )
    return replace(whole({**header(talk), **table}, where), turns=talk.turns)


def planned(table: Mapping[str, Any], where: str = "plan") -> Plan:
    """The plan that a table describes; raises Refusal."""
    try:
        return scene.plan(table, where)
    except (SceneError, ValueError) as error:
        raise invalid(str(error), where, "invalid_value") from None


def spoken_by(talk: Conversation, speaker: str | None) -> Conversation:
    """The talk seen from the side whose turn it is; raises Refusal for anybody else.

    An instruction is the agent's alone, and so is the plan that waits for the agent's next turn.
    """
    if speaker is None or speaker == talk.agent:
        return talk
    if speaker != talk.user:
        raise invalid(
            f"speaker is {shown(speaker)}, must be one of the two sides: {shown(talk.agent)} or "
            f"{shown(talk.user)}",
            "speaker",
            "invalid_value",
        )
    other = talk.swapped().planned(Plan())
    return other.directed(replace(talk.direction, instruction=""))


def header(conversation: Conversation) -> dict[str, Any]:
    """The scene without its turns."""
    table = scene.table(replace(conversation, turns=()))
    del table["turns"]
    return table
