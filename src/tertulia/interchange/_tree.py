"""A stored talk as a tree: its active path, what stands beside that, and what is in it at all."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from tertulia.conversation import Conversation, Plan
from tertulia.store import StoredTurn, TurnId, WholeTalk

if TYPE_CHECKING:
    from tertulia.interchange import Report


@dataclass(frozen=True)
class Tree:
    """A talk, hidden turns and all that answers them left out."""

    talk: WholeTalk

    @cached_property
    def turns(self) -> tuple[StoredTurn, ...]:
        """All that is not hidden, in the order kept: a turn stands after the one it answers."""
        seen: set[TurnId | None] = {None}
        found: list[StoredTurn] = []
        for each in self.talk.turns:
            if not each.hidden and each.parent in seen:
                seen.add(each.id)
                found.append(each)
        return tuple(found)

    @cached_property
    def answers(self) -> Mapping[TurnId | None, Sequence[StoredTurn]]:
        """Turn -> those that answer it; None -> those that begin the talk."""
        found: defaultdict[TurnId | None, list[StoredTurn]] = defaultdict(list)
        for each in self.turns:
            found[each.parent].append(each)
        return found

    @cached_property
    def by_id(self) -> Mapping[TurnId, StoredTurn]:
        return {each.id: each for each in self.turns}

    @cached_property
    def path(self) -> tuple[StoredTurn, ...]:
        """The active path, oldest first."""
        return self.up_to(self.talk.active)

    @cached_property
    def on_path(self) -> frozenset[TurnId]:
        return frozenset(each.id for each in self.path)

    @property
    def conversation(self) -> Conversation:
        """The active path under the direction as it stands."""
        return replace(self.talk.header, turns=tuple(each.turn for each in self.path))

    def before(self, turn: StoredTurn) -> Conversation:
        """The talk as it was when this turn was said: what stood before it, and its direction."""
        return replace(turn.scene, turns=tuple(e.turn for e in self.up_to(turn.parent)))

    def up_to(self, last: TurnId | None) -> tuple[StoredTurn, ...]:
        """The turns that end in this one, oldest first; none for one that is hidden."""
        found: list[StoredTurn] = []
        while last is not None and last in self.by_id:
            found.append(self.by_id[last])
            last = found[-1].parent
        return tuple(reversed(found))

    def siblings(self, turn: StoredTurn) -> Sequence[StoredTurn]:
        """What answers the same turn, this one too, in the order kept."""
        return self.answers[turn.parent]

    def alternatives(self, turn: StoredTurn) -> list[StoredTurn]:
        """This turn and what else the same speaker said here, in the order kept."""
        return [e for e in self.siblings(turn) if e.turn.speaker == turn.turn.speaker]

    def off_path(self) -> tuple[int, int]:
        """(alternatives of turns on the path, turns of further branches)."""
        beside = {other.id for each in self.path for other in self.alternatives(each)}
        beside -= self.on_path
        return len(beside), len(self.turns) - len(self.path) - len(beside)


def plan_of(turn: StoredTurn) -> Plan:
    """What the turn was to do: the plan its reply was made to, or else the one that was given."""
    told = (turn.reply or {}).get("plan")
    if not isinstance(told, Mapping):
        return turn.scene.plan
    texts = {key: told.get(key) for key in ("goal", "skill", "explanation")}
    return Plan(**{key: text for key, text in texts.items() if isinstance(text, str)})


def is_agents(turn: StoredTurn) -> bool:
    """Whether it was said by the side the model played at that moment."""
    return turn.turn.speaker == turn.scene.agent


def undirected(scene: Conversation) -> Conversation:
    return replace(scene, plan=Plan())


def some(test: Callable[[StoredTurn], object]) -> Callable[[Tree], int]:
    """Counts the turns of the path for which something is there."""
    return lambda tree: sum(bool(test(each)) for each in tree.path)


def directs(field: str) -> Callable[[Tree], int]:
    return lambda tree: int(bool(getattr(tree.talk.header.direction, field)))


NOBODY = Conversation()
PARTS: Mapping[str, Callable[[Tree], int]] = {
    "title": lambda tree: int(bool(tree.talk.title)),
    "created": lambda tree: 1,
    "agent_file": lambda tree: int(bool(tree.talk.agent or tree.talk.agent_name)),
    "names": lambda tree: int(
        (tree.talk.header.agent, tree.talk.header.user) != (NOBODY.agent, NOBODY.user)
    ),
    **{name: directs(name) for name in NOBODY.direction.__dataclass_fields__},
    "plan": lambda tree: int(bool(tree.talk.header.plan)),
    "turns.speaker": lambda tree: sum(
        each.turn.speaker not in (tree.talk.header.agent, tree.talk.header.user)
        for each in tree.path
    ),
    "turns.image": some(lambda each: each.turn.image),
    "turns.created": some(lambda each: True),
    "turns.direction": lambda tree: sum(
        undirected(each.scene) != undirected(tree.talk.header) for each in tree.path
    ),
    "turns.plan": some(lambda each: is_agents(each) and plan_of(each)),
    "turns.reply": some(lambda each: each.reply is not None),
    "turns.rating": some(lambda each: each.rating is not None),
    "turns.note": some(lambda each: each.note),
    "turns.edited_from": some(lambda each: each.edited_from is not None),
    "turns.status": some(lambda each: each.status != "whole"),
    "turns.alternatives": lambda tree: tree.off_path()[0],
    "turns.branches": lambda tree: tree.off_path()[1],
    "turns.hidden": lambda tree: len(tree.talk.turns) - len(tree.turns),
}
"""What a talk may hold besides the words on its active path -> how much of it is there."""


def tally(tree: Tree, held: frozenset[str], report: "Report") -> None:
    """Reports what is in the talk and not among the parts that a form holds."""
    report.count(tree.talk)
    for path, count in PARTS.items():
        if path not in held and (found := count(tree)):
            report.lose(path, found)


def active_only(talk: WholeTalk) -> WholeTalk:
    """The talk as if only its active path had ever been said."""
    path = Tree(talk).path
    kept = {each.id for each in path}
    turns = (replace(e, edited_from=e.edited_from if e.edited_from in kept else None) for e in path)
    return replace(talk, turns=tuple(turns), active=path[-1].id if path else None)


def is_rated(talk: WholeTalk) -> bool:
    """Whether somebody rated one of its turns, up or down."""
    return any(each.rating for each in Tree(talk).turns)
