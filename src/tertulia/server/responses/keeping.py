"""Responses in the store: a talk's turns, each reply with the response that it was.

An id `resp_7_…` says under which turn the reply stands, so that nothing but the talk is kept.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from tertulia.config import shown
from tertulia.conversation import Conversation, Plan, Turn
from tertulia.errors import Conflict, NotKept
from tertulia.server.doors.refusals import Refusal
from tertulia.server.served import Served
from tertulia.store import Store, StoredTurn, TalkId, TurnId

ID = re.compile(r"resp_(\d{1,18})_[0-9a-f]{16}")
RESPONSE, INPUT = "response", "response_input"
"""Keys of a reply's record: the response object, and the items that were its input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """The stored talk that a request goes on from.

    header  its names, direction and plan, without turns
    turns   said so far on this branch
    end     the turn they end with; None for none
    """

    talk: TalkId
    header: Conversation
    turns: tuple[Turn, ...]
    end: TurnId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Where a reply will stand."""

    talk: TalkId
    parent: TurnId | None


def new_id(parent: TurnId | None) -> str:
    """An id nobody can guess, for a reply to this turn."""
    return f"resp_{parent or 0}_{secrets.token_hex(8)}"


def after_response(store: Store, id: str) -> Before:
    """The talk up to a response; raises Refusal when it is not kept."""
    turn = found(store, id, "previous_response_id")
    # Read anew, so that what somebody else wrote to the talk before this request is no conflict.
    store.path(turn.talk, light=True)
    path = store.path_to(turn.id, light=True)
    return Before(
        talk=turn.talk,
        header=store.header(turn.talk),
        turns=tuple(each.turn for each in path),
        end=turn.id,
    )


def after_talk(store: Store, id: str) -> Before:
    """The talk of that id along its active path; raises Refusal when there is none."""
    try:
        path = store.path(TalkId(id), light=True)
        header = store.header(TalkId(id))
    except NotKept as error:
        raise Refusal(404, str(error), param="conversation", code="not_found") from None
    turns = tuple(each.turn for each in path)
    return Before(talk=TalkId(id), header=header, turns=turns, end=path[-1].id if path else None)


def keep_input(
    store: Store, before: Before | None, header: Conversation, turns: Sequence[Turn], served: Served
) -> Kept:
    """What was said to the agent, on the disk before it answers."""
    if before is None:
        talk = store.begin(
            replace(header, turns=tuple(turns)), served.agent_file, agent_name=served.name
        )
        path = store.path(talk, light=True)
        return Kept(talk=talk, parent=path[-1].id if path else None)
    end = before.end
    for turn in turns:
        end = store.keep(before.talk, turn, conversation=header, parent=end)
    return Kept(talk=before.talk, parent=end)


def keep_reply(
    store: Store,
    kept: Kept,
    conversation: Conversation,
    header: Conversation,
    turn: Turn,
    made: Mapping[str, Any],
) -> TurnId:
    """The reply, whole or as far as it came.

    conversation  as the reply was asked for, this response's instructions among it
    header        as the talk goes on
    made          its record, with the response object and its input
    """
    keep = partial(
        store.keep,
        kept.talk,
        turn,
        conversation=replace(conversation, turns=()),
        parent=kept.parent,
        reply=made,
        then=header.planned(Plan()),
    )
    try:
        return keep()
    except Conflict:
        # Somebody else continued the talk: the reply is made, so it is kept beside their turns.
        store.path(kept.talk, light=True)
        return keep(activate=False)


def found(store: Store, id: str, param: str | None = None) -> StoredTurn:
    """The turn of a response; raises Refusal when it is not kept, or hidden."""
    missing = Refusal(
        404, f"no response {shown(id)} is kept here", param=param, code="response_not_found"
    )
    named = ID.fullmatch(id)
    if named is None:
        raise missing
    for turn in answers(store, int(named[1])):
        if (turn.reply or {}).get(RESPONSE, {}).get("id") == id and not turn.hidden:
            return turn
    raise missing


def answers(store: Store, parent: int) -> list[StoredTurn]:
    """The turns that answer a turn."""
    try:
        talk = store.turn(TurnId(parent)).talk
        beside = [each.id for each in store.tree(talk, light=True) if each.parent == parent]
        return [store.turn(each) for each in beside]
    except NotKept:
        return []
