"""A scene put back on the card it came from: what the scene changed is written, the rest stays.

The card is cast again and compared, part by part, with the scene. A part that is still the same
keeps the card's own words, macros in them and all; fields that nobody here knows are not touched.
"""

import json
from dataclasses import replace
from typing import Any

from tertulia.cards import charx, png
from tertulia.cards.card import LOREBOOK, V1, Card
from tertulia.cards.casting import scene
from tertulia.cards.reading import read
from tertulia.cards.writing import of_scene
from tertulia.conversation import Conversation
from tertulia.errors import CardError


def changed(
    card: Card, conversation: Conversation, *, seed: int = 0
) -> tuple[Card, tuple[str, ...]]:
    """The card with what the scene changed, in the same form, and what it cannot hold, as paths.

    seed  that it was imported with: drawn macros are then known again as the card's own words

    Without a change it is the card itself. Raises CardError for a lorebook alone.
    """
    if card.spec == LOREBOOK:
        raise CardError("a lorebook alone has no character: give the character's card")
    fresh, missing = of_scene(conversation)
    was, greeting = cast(card, conversation, seed)
    new = differing(was, conversation)
    if greeting:
        missing = tuple(each for each in missing if each != "turns.0")
        new.pop("first_mes", None)
    if not new:
        return card, missing
    gone = {"nickname"} if "name" in new else set()
    gone |= {name for name in new if name not in fresh.data}
    data = {name: each for name, each in card.data.items() if name not in gone}
    data |= {name: fresh.data[name] for name in new if name in fresh.data}
    document = data if card.spec == V1 else {**card.document, "data": data}
    text = json.dumps(document, ensure_ascii=False, indent=2)
    return rewritten(card, text.encode("utf-8", "surrogatepass")), missing


def cast(card: Card, conversation: Conversation, seed: int) -> tuple[Conversation, bool]:
    """The card's scene with the opening that the conversation has, and whether it has one of them.

    Examples are taken as memory, as the import does by itself.
    """
    said = conversation.turns[0].text if conversation.turns else ""
    user = conversation.user
    for greeting in range(len(card.greetings)):
        found, _ = scene(card, user=user, greeting=greeting, seed=seed)
        if found.turns and found.turns[0].text == said:
            return found, True
    return scene(card, user=user, seed=seed)[0], False


def differing(was: Conversation, now: Conversation) -> dict[str, None]:
    """The fields of a card whose part of the scene is not what it was."""
    before, after = was.direction, now.direction
    same: dict[tuple[str, ...], bool] = {
        ("name",): was.agent == now.agent,
        ("description", "personality"): before.facts(was.agent) == after.facts(now.agent),
        ("scenario",): before.situation == after.situation,
        ("system_prompt", "post_history_instructions"): before.instruction == after.instruction,
        ("first_mes",): was.turns[:1] == now.turns[:1],
        ("mes_example",): before.memory == after.memory,
        ("character_book",): before.lore == after.lore and not after.knowledge,
    }
    return {name: None for names, equal in same.items() if not equal for name in names}


def rewritten(card: Card, text: bytes) -> Card:
    """The card's file with this JSON in it, all else in it as it was."""
    where = "the card"
    match card.form:
        case "png":
            content = png.with_card(card.content, text, card.keyword, where)
        case "charx":
            names = charx.names(card.content, where)
            content = charx.packed({charx.CARD: text, **members(card, names, where)})
        case _:
            content = text
    return replace(read(content, where), notes=card.notes)


def members(card: Card, names: tuple[str, ...], where: str) -> dict[str, bytes]:
    """The other files of a CHARX. Raises CardError when they unpack to more than it may hold."""
    left = charx.MAX_UNPACKED
    found: dict[str, Any] = {}
    for name in names:
        found[name] = charx.member(card.content, name, left, where)
        left -= len(found[name])
    return found
