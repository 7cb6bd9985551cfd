"""A talk that is being read: turns one after another, and beside them what else was said there."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tertulia import scene
from tertulia.config import fitted, shown
from tertulia.conversation import Conversation, Turn
from tertulia.errors import InterchangeError
from tertulia.interchange._source import value
from tertulia.store import StoredTurn, TalkId, TurnId, WholeTalk

if TYPE_CHECKING:
    from tertulia.interchange import Report

MAX_TURNS = 200_000
"""Of one talk, all branches counted."""

IMPORTED = TalkId("imported")


@dataclass
class Growing:
    """A talk as far as it has been read.

    scene  names, direction and plan from here on; the first one is how the talk began
    """

    scene: Conversation
    created: datetime
    place: str
    title: str = ""
    turns: list[StoredTurn] = field(default_factory=list)
    last: TurnId | None = None
    began: Conversation | None = None

    def add(self, turn: Turn, *, at: datetime | None = None, plan: Any = None) -> TurnId:  # noqa: ANN401
        """One more turn after the last; the talk goes on from it."""
        self.last = self.beside(turn, self.last, at=at, plan=plan)
        return self.last

    def beside(
        self,
        turn: Turn,
        parent: TurnId | None,
        *,
        at: datetime | None = None,
        plan: Any = None,  # noqa: ANN401
        edited_from: TurnId | None = None,
    ) -> TurnId:
        """A turn that answers the given one, without going on from it.

        Raises InterchangeError when the talk has too many.
        """
        self.began = self.began or self.scene
        if len(self.turns) >= MAX_TURNS:
            raise InterchangeError(
                f"{self.place}: more than {MAX_TURNS} turns in one talk, the most that is read: "
                "split it"
            )
        number = TurnId(len(self.turns) + 1)
        self.turns.append(
            StoredTurn(
                id=number,
                talk=IMPORTED,
                parent=parent,
                created=at or self.created,
                turn=turn,
                scene=self.scene if plan is None else replace(self.scene, plan=plan),
                reply=None,
                edited_from=edited_from,
            )
        )
        return number

    def whole(self) -> WholeTalk:
        """The talk, its active path ending in the last turn gone on from."""
        times = [self.created, *(each.created for each in self.turns)]
        return WholeTalk(
            id=IMPORTED,
            created=self.created,
            changed=max(times),
            title=self.title,
            agent_name="",
            agent="",
            scene=self.began or self.scene,
            header=self.scene,
            turns=tuple(self.turns),
            active=self.last,
        )


def table(found: object, place: str) -> Mapping[str, Any]:
    """A JSON object; raises InterchangeError for anything else."""
    if not isinstance(found, dict):
        raise InterchangeError(f"{place} is {shown(found)}, must be an object {{…}}")
    return found


def text(row: Mapping[str, Any], key: str, place: str, default: str | None = None) -> str:
    """A string of a row; null and a missing key give the default, where there is one."""
    found = row.get(key)
    if found is None and default is not None:
        return default
    if found is None:
        raise InterchangeError(f"{place} has no {key}: is it another form?")
    told: str = fitted(found, str, f"{place}: {key}")
    return told


def unread(row: Mapping[str, Any], known: tuple[str, ...], path: str, report: "Report") -> None:
    """Reports the keys of a row that nothing is made of, unless nothing is under them."""
    for key, found in row.items():
        if key not in known and found not in (None, False, "", [], {}):
            report.lose(f"{path}{key}")


def named(agent: str, user: str, directed: Conversation) -> Conversation:
    """The directed talk with these two names; an empty one keeps its own, equal ones are marked."""
    agent, user = agent or directed.agent, user or directed.user
    return replace(directed, agent=agent, user=user if user != agent else f"{user} (user)")


def header(found: object, place: str) -> Conversation:
    """The names, direction and plan of a row's `direction`: a scene's table, or its JSON."""
    if isinstance(found, str):
        found = value(found, place)
    return replace(scene.from_table(found, place), turns=())
