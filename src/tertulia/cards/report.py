"""The report: where each part of a card went, and what was left where it was."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tertulia.cards.macros import Draw


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a card.

    part  its path in the card: "description", "character_book.entries[3]"
    to    where it went in the scene: "situation", "personas.Ana", "lore[3]"; empty for a part that
          stays in the card alone
    note  what was done to it, or why it was left
    """

    part: str
    to: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of a card.

    parts      every part, known and unknown
    notes      what is odd about the card, and what could not be taken
    greetings  all opening turns it offers; the number of the one that was taken is `greeting`
    draws      what chance gave, by `seed`; the same seed gives the same scene
    unknown    macros that stand in the scene as text
    """

    name: str
    spec: str
    form: str
    parts: tuple[Part, ...]
    notes: tuple[str, ...]
    greetings: tuple[str, ...]
    greeting: int
    creator_notes: str
    seed: int
    draws: tuple[Draw, ...]
    unknown: tuple[str, ...]

    def missed(self, unsupported: Iterable[str]) -> tuple[Part, ...]:
        """The parts that went where a family takes nothing.

        unsupported  paths as Prompt.unsupported has them
        """
        paths = tuple(unsupported)
        return tuple(each for each in self.parts if within(each.to, paths))

    def table(self) -> Mapping[str, Any]:
        """The report as plain JSON values."""
        return asdict(self)


def within(place: str, paths: Iterable[str]) -> bool:
    """Whether a place in the scene is one of these paths or inside one."""
    return any(place == path or place.startswith((f"{path}.", f"{path}[")) for path in paths)
