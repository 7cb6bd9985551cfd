"""The fields of a lore entry, as cards name them and as SillyTavern's World Info files do.

What timers, groups and levels mean is told in SillyTavern's documentation, "World Info"; the names
that a card keeps in `extensions` are those of its characters.js.
"""

from typing import Any

from tertulia.cards.decorators import Decorated
from tertulia.cards.document import Fields
from tertulia.conversation import FOREVER

WORLD = {
    "key": "keys", "keysecondary": "secondary_keys", "order": "insertion_order",
    "disable": "enabled", "caseSensitive": "case_sensitive",
}  # fmt: skip
"""SillyTavern's world-info names -> the cards'."""

INSIDE = {
    "selectiveLogic": "selectiveLogic", "matchWholeWords": "match_whole_words",
    "scanDepth": "scan_depth", "excludeRecursion": "exclude_recursion",
    "preventRecursion": "prevent_recursion", "probability": "probability",
    "useProbability": "useProbability", "delayUntilRecursion": "delay_until_recursion",
    "group": "group", "groupOverride": "group_override", "groupWeight": "group_weight",
    "useGroupScoring": "use_group_scoring", "sticky": "sticky", "cooldown": "cooldown",
    "delay": "delay", "ignoreBudget": "ignore_budget", "vectorized": "vectorized",
    "automationId": "automation_id", "triggers": "triggers", "position": "position",
    "matchPersonaDescription": "match_persona_description",
    "matchCharacterDescription": "match_character_description",
    "matchCharacterPersonality": "match_character_personality",
    "matchCharacterDepthPrompt": "match_character_depth_prompt",
    "matchScenario": "match_scenario", "matchCreatorNotes": "match_creator_notes",
}  # fmt: skip
"""The same, for those that a card keeps in `extensions`."""

BESIDE = (
    "vectorized",
    "automation_id",
    "triggers",
    *(n for n in INSIDE.values() if "match_" in n and n != "match_whole_words"),
)
"""What SillyTavern has beside these, and nothing here does."""

MAX_GROUPS = 16
LAST = -FOREVER
"""The priority of an entry that is to go first when there is no more room."""


def translated(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry with the cards' names, where it has those of a world-info file."""
    if "key" not in entry or "keys" in entry:
        return entry
    found = {WORLD.get(name, name): value for name, value in entry.items() if name not in INSIDE}
    if isinstance(entry.get("disable"), bool):
        found["enabled"] = not entry["disable"]
    inside = entry.get("extensions")
    found["extensions"] = {
        **(inside if isinstance(inside, dict) else {}),
        **{INSIDE[name]: value for name, value in entry.items() if name in INSIDE},
    }
    return found


def waits(entry: object) -> bool:
    """Whether an entry waits for recursion."""
    if not isinstance(entry, dict):
        return False
    inner = entry.get("extensions")
    more = inner if isinstance(inner, dict) else {}
    return bool(entry.get("delayUntilRecursion") or more.get("delay_until_recursion"))


def regexed(fields: Fields, more: Fields) -> bool:
    """Whether all keys are regular expressions, slashes or not."""
    return bool(fields.flag("use_regex")) and "selectiveLogic" not in more.table


def unread(fields: Fields, more: Fields, head: Decorated) -> list[str]:
    """What an entry asks for that has no place in a scene."""
    notes = [f"{each} is not taken" for each in head.ignored[:8]]
    notes += [f"{name} is not taken" for name in BESIDE if more.table.get(name)]
    chosen = fields.table.get("characterFilter")
    if isinstance(chosen, dict) and (chosen.get("names") or chosen.get("tags")):
        notes.append("characterFilter is not taken")
    if fields.table.get("position") or more.table.get("position"):
        notes.append("its place is where the family puts knowledge")
    return notes


def count(more: Fields, name: str) -> int:
    """A whole number from 0 to a million; 0 when it is not there."""
    return min(max(int(more.number(name) or 0), 0), FOREVER)


def probability(more: Fields, head: Decorated) -> float:
    """From per cent; 1 where it is not used."""
    given = more.number("probability")
    if given is None or more.flag("useProbability") is False:
        given = 100
    own = head.number("probability")
    return min(max(given if own is None else own, 0), 100) / 100


def ranked(fields: Fields, head: Decorated) -> dict[str, Any]:
    """Its order and priority: without a priority the order counts as one, as in version 3."""
    order = int(fields.number("insertion_order") or 0)
    given = first_of(head.number("priority"), fields.number("priority"), order)
    return {"order": order, "priority": LAST if head.any("ignore_on_max_context") else int(given)}


def grouped(more: Fields, notes: list[str]) -> dict[str, Any]:
    """The inclusion groups of an entry, separated by commas, and its chances in them."""
    names = [each.strip() for each in more.text("group").split(",", MAX_GROUPS)]
    if len(names) > MAX_GROUPS:
        notes.append(f"only its first {MAX_GROUPS} groups are taken")
    weight = more.number("group_weight")
    return {
        "groups": tuple(dict.fromkeys(filter(None, names[:MAX_GROUPS]))),
        "group_weight": 100 if weight is None else min(max(int(weight), 1), FOREVER),
        "group_priority": bool(more.flag("group_override")),
        "group_scoring": bool(more.flag("use_group_scoring")),
    }


def timers(more: Fields, head: Decorated) -> dict[str, Any]:
    """What an entry's firing has to do with the time: with turns, and with earlier firing."""
    kept, once = head.any("keep_activate_after_match"), head.any("dont_activate_after_match")
    replies = {
        "after_replies": head.number("activate_only_after"),
        "every_replies": head.number("activate_only_every"),
    }
    return {
        "sticky": FOREVER if kept else count(more, "sticky"),
        "cooldown": FOREVER if once else count(more, "cooldown"),
        "delay": count(more, "delay"),
        **{name: max(given or 0, 0) for name, given in replies.items()},
    }


def first_of(*values: Any) -> Any:  # noqa: ANN401 - the first that is given, of one type
    return next((each for each in values if each is not None), None)
