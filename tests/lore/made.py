"""Lore entries and talks for the tests."""

from typing import Any

from tertulia import lore
from tertulia.conversation import Fired, LoreEntry, Turn


def entry(content: str = "Old.", *keys: str, **rest: Any) -> LoreEntry:
    return LoreEntry(content=content, keys=keys, **rest)


def exchanges(count: int, said: str = "castle") -> tuple[Turn, ...]:
    """So many turns of the user, each but the last answered by the agent."""
    turns = (Turn("User", said) if n % 2 == 0 else Turn("Agent", "Hm.") for n in range(2 * count))
    return tuple(turns)[:-1]


def due(entries: tuple[LoreEntry, ...], turns: tuple[Turn, ...], **rest: Any) -> dict[int, Fired]:
    return {each.entry: each for each in lore.fired(entries, turns, rest.pop("seed", 0), **rest)}


def states(asked: LoreEntry, turns: tuple[Turn, ...]) -> list[str]:
    """What became of an entry at each number of turns: why it was told, or held, or nothing."""
    found = []
    for n in range(1, len(turns) + 1):
        each = due((asked,), turns[:n]).get(0)
        found.append("" if each is None else each.held or each.by)
    return found
