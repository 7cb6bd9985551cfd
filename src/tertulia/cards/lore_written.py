"""Lore entries -> the lorebook of a card, or a World Info file of SillyTavern.

What version 3 has no field for goes where SillyTavern keeps it, in `extensions`; conditions that it
has no field for either become decorators.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tertulia.cards.lore_fields import INSIDE, WORLD
from tertulia.conversation import LoreEntry

WHOLE_TALK = 1_000
"""The scan depth that is written for all turns, which cards have no word for."""

TAVERN_LOGIC = {"any": 0, "not_all": 1, "not_any": 2, "all": 3}
TAVERN_PLACE = 0
"""Before the character: the one place of World Info that needs nothing else said."""


LISTED = ("additional_keys", "exclude_keys")


def book(knowledge: Sequence[str], lore: Sequence[LoreEntry]) -> dict[str, Any]:
    """A lorebook: passages that are always known as constant entries, then the lore."""
    always = [LoreEntry(content=each, constant=True, name="knowledge") for each in knowledge]
    budget = min((each.budget for each in lore if each.budget), default=0)
    return {
        "entries": [
            entry_table(each, n, free=bool(budget) and not each.budget)
            for n, each in enumerate((*always, *lore))
        ],
        "recursive_scanning": any(each.recursive for each in lore),
        "extensions": {},
        **({"token_budget": budget} if budget else {}),
    }


def world_info(knowledge: Sequence[str], lore: Sequence[LoreEntry]) -> dict[str, Any]:
    """A World Info file of SillyTavern: its entries by their numbers.

    SillyTavern has recursion and the budget among its settings, and passes over them here.
    """
    found = book(knowledge, lore)
    tables = {str(n): in_world(each) for n, each in enumerate(found["entries"])}
    rest = ("recursive_scanning", "token_budget")
    return {"entries": tables, **{name: found[name] for name in rest if found.get(name)}}


def entry_table(entry: LoreEntry, number: int, free: bool = False) -> dict[str, Any]:
    """One entry with the fields of version 3; what it has beside goes where SillyTavern looks.

    free  the book has a budget, and the entry is not held to it
    """
    hidden = f"{{{{hidden_key:{entry.hidden}}}}}" if entry.hidden else ""
    return {
        "keys": shaped(entry, entry.keys),
        "content": "".join(decorated(entry)) + entry.content + hidden,
        "extensions": extensions(entry, free),
        "enabled": entry.enabled,
        "insertion_order": entry.order,
        "case_sensitive": entry.case_sensitive,
        "use_regex": entry.regex,
        "constant": entry.constant,
        "name": entry.name,
        "priority": entry.priority,
        "id": number,
        "comment": entry.name,
        "selective": entry.selective,
        "secondary_keys": shaped(entry, entry.secondary_keys),
    }


def extensions(entry: LoreEntry, free: bool) -> dict[str, Any]:
    """What SillyTavern keeps beside the fields of a card; timers and groups where there are any."""
    timed = {name: getattr(entry, name) for name in ("sticky", "cooldown", "delay")}
    grouped = {
        "group": ", ".join(entry.groups),
        "group_weight": entry.group_weight,
        "group_override": entry.group_priority,
        "use_group_scoring": entry.group_scoring,
    }
    return {
        "selectiveLogic": TAVERN_LOGIC[entry.logic],
        "probability": round(entry.probability * 100, 6),
        "useProbability": True,
        "match_whole_words": entry.whole_words,
        "scan_depth": entry.scan_depth or WHOLE_TALK,
        "exclude_recursion": not entry.recursive,
        "prevent_recursion": not entry.fires_others,
        **({"delay_until_recursion": entry.recursion_level} if entry.recursion_level else {}),
        **{name: turns for name, turns in timed.items() if turns},
        **(grouped if entry.groups else {}),
        **({"ignore_budget": True} if free else {}),
    }


def shaped(entry: LoreEntry, keys: Sequence[str]) -> list[str]:
    """Keys as cards write them: regular expressions between slashes."""
    flags = "" if entry.case_sensitive else "i"
    return [f"/{key}/{flags}" if entry.regex else key for key in keys]


def decorated(entry: LoreEntry) -> Iterator[str]:
    """The lines of an entry's conditions that have no other place."""
    lines = {
        **{name: ",".join(shaped(entry, held(entry, name))) for name in LISTED},
        "activate_only_after": entry.after_replies or "",
        "activate_only_every": entry.every_replies or "",
    }
    yield from (f"@@{name} {value}\n" for name, value in lines.items() if value)


def held(entry: LoreEntry, name: str) -> tuple[str, ...]:
    """Those keys that a decorator can hold: its values are parted by commas."""
    keys: tuple[str, ...] = getattr(entry, name)
    return tuple(each for each in keys if not set(each) & {",", "\n", "\r"})


def unheld(lore: Sequence[LoreEntry]) -> Iterator[str]:
    """Paths of what is left out of a lorebook."""
    for n, entry in enumerate(lore):
        for name in LISTED:
            if len(held(entry, name)) < len(getattr(entry, name)):
                yield f"lore.{n}.{name}"


def in_world(table: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of a lorebook with the names of World Info."""
    names = {theirs: ours for ours, theirs in {**WORLD, **INSIDE}.items()}
    plain = ("keys", "secondary_keys", "insertion_order", "case_sensitive")
    return {
        "uid": table["id"],
        **{names[name]: table[name] for name in plain},
        **{name: table[name] for name in ("comment", "content", "constant", "selective")},
        "disable": not table["enabled"],
        "position": TAVERN_PLACE,
        **{names[name]: each for name, each in table["extensions"].items()},
    }
