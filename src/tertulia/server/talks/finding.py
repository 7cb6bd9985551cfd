"""The talks and turns that a request names, as they are in the store."""

import re

from tertulia.errors import NotKept
from tertulia.server.doors.refusals import Refusal
from tertulia.server.talks.shapes import LARGEST
from tertulia.store import Store, StoredTurn, TalkId, TurnId

TALK = re.compile(r"[\w-]{1,64}", re.ASCII)


def talk_id(text: str) -> TalkId:
    """An id as the address has it; raises Refusal for what can be none."""
    if not TALK.fullmatch(text):
        raise Refusal(404, "no talk has such an id: list them at /tertulia/talks", code="not_found")
    return TalkId(text)


def turn_id(text: str) -> TurnId:
    """An id as the address has it; raises Refusal for what can be none."""
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and 0 < int(text) <= LARGEST):
        raise Refusal(404, "no turn has such a number", code="not_found")
    return TurnId(int(text))


def one(store: Store, id: TalkId, number: TurnId) -> StoredTurn:
    """A turn of this talk; raises NotKept for one of another."""
    found = store.turn(number)
    if found.talk != id:
        raise NotKept(f"the talk {id} has no turn {number}: give one of its own")
    return found


def end(store: Store, id: TalkId, parent: int | None, given: bool) -> TurnId | None:
    """The turn that a new one answers: the parent that is given, else the end of the path."""
    if given:
        return None if parent is None else one(store, id, TurnId(parent)).id
    active = store.path(id, light=True)
    return active[-1].id if active else None


def path_to(store: Store, id: TalkId, last: TurnId | None) -> tuple[StoredTurn, ...]:
    """The turns up to one, the first turn first; raises NotKept for one that is out of sight."""
    path = () if last is None else store.path_to(last, light=True)
    if any(each.hidden for each in path):
        raise NotKept(f"the turn {last} of the talk {id} is hidden: restore it first")
    return path
