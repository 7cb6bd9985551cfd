"""Cards out: byte for byte in the form they came in; in another, with what it cannot hold told.

A scene becomes a new card of version 3. PNG needs a picture: the card's own, or a plain grey one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tertulia.cards import charx, lore_written, png
from tertulia.cards.card import LOREBOOK, V1, V2, V3, Card
from tertulia.cards.document import Fields
from tertulia.cards.reading import read
from tertulia.conversation import Conversation
from tertulia.errors import CardError

FORMS = ("png", "json", "charx")
ICON = "assets/icon/images/main.png"
MAX_PICTURE = 20 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Written:
    """The bytes of a file, and what of the card is not in it."""

    content: bytes
    lost: tuple[str, ...] = ()


def written(card: Card, form: str) -> Written:
    """The card as a file of that form, one of FORMS.

    Raises CardError for a form that cannot hold it.
    """
    if form == card.form:
        return Written(card.content)
    match form:
        case "json":
            return Written(card.json, lost(card))
        case "png":
            return as_png(card)
        case "charx":
            return as_charx(card)
    raise CardError(f"no form {form!r}: a card is written as {', '.join(FORMS)}")


def as_png(card: Card) -> Written:
    if card.spec == LOREBOOK:
        raise CardError("a lorebook alone has no picture form: write it as .json")
    picture = icon(card)
    content = png.with_card(
        picture or png.plain(),
        card.json,
        "chara" if card.spec in (V1, V2) else "ccv3",
        "the picture",
    )
    told = [f"asset {name}" for name in others(card) if name != icon_name(card)]
    return Written(content, (*told, *(() if picture else ("a plain picture was made for it",))))


def as_charx(card: Card) -> Written:
    """A zip with the card as version 3 and its picture as the main icon."""
    if card.spec == LOREBOOK:
        raise CardError("a lorebook alone has no CHARX form: write it as .json")
    document = upgraded(card)
    members: dict[str, bytes] = {}
    if card.form == "png":
        members[ICON] = card.content
        document["data"] = with_icon(document["data"])
    told = [] if card.spec == V3 else [f"it was {card.spec} and is {V3} now"]
    text = json.dumps(document, ensure_ascii=False, indent=2)
    content = text.encode("utf-8", "surrogatepass")
    return Written(charx.packed({charx.CARD: content, **members}), (*told, *lost(card, icon=False)))


def upgraded(card: Card) -> dict[str, Any]:
    """The card's object as version 3, its unknown fields kept."""
    if card.spec not in (V1, V2):
        return dict(card.document)
    given = {"group_only_greetings": [], **card.data}
    if card.spec == V1:
        given = {**blank(), **given}
    rest = {} if card.spec == V1 else card.document
    return {**rest, "spec": V3, "spec_version": "3.0", "data": given}


def with_icon(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data whose main icon, where it was the picture itself, is the packed one."""
    main = {"type": "icon", "uri": f"embeded://{ICON}", "name": "main", "ext": "png"}
    given = data.get("assets")
    if not isinstance(given, list) or not given:
        return {**data, "assets": [main]}
    kept = [main if isinstance(each, dict) and is_own_icon(each) else each for each in given]
    return {**data, "assets": kept}


def is_own_icon(asset: Mapping[str, Any]) -> bool:
    return (
        asset.get("type") == "icon"
        and asset.get("uri") == "ccdefault:"
        and asset.get("name") == "main"
    )


def lost(card: Card, icon: bool = True) -> tuple[str, ...]:
    """What stands beside the JSON and has no place in a JSON file."""
    if card.form == "charx":
        return tuple(f"asset {name}" for name in others(card))
    if card.form == "png":
        extra = png.assets(card.content, "the picture")
        told = [f"{extra} assets in chunks of their own"] if extra else []
        return ("the picture", *told) if icon else tuple(told)
    return ()


def others(card: Card) -> tuple[str, ...]:
    return charx.names(card.content, "the card") if card.form == "charx" else ()


def icon_name(card: Card) -> str:
    """The name in a CHARX of its main icon, when that is a PNG; empty for none."""
    assets = card.data.get("assets")
    for asset in assets if isinstance(assets, list) else ():
        fields = Fields(asset if isinstance(asset, dict) else {})
        name = fields.text("uri").removeprefix("embeded://")
        if (fields.text("type"), fields.text("name")) == ("icon", "main") and name in others(card):
            return name
    return ""


def icon(card: Card) -> bytes:
    """The card's own picture; empty when it has none that is a whole PNG."""
    name = icon_name(card)
    if card.form != "charx" or not name:
        return b""
    picture = charx.member(card.content, name, MAX_PICTURE, "the card")
    if not picture.startswith(png.SIGNATURE):
        return b""
    for _ in png.chunks(picture, name):
        pass
    return picture


def blank() -> dict[str, Any]:
    """Every field that version 3 requires, empty."""
    texts = (
        *("name", "description", "creator", "character_version", "mes_example", "system_prompt"),
        *("post_history_instructions", "first_mes", "personality", "scenario", "creator_notes"),
    )
    lists: dict[str, Any] = {"tags": [], "alternate_greetings": [], "group_only_greetings": []}
    return {**dict.fromkeys(texts, ""), **lists, "extensions": {}}


def of_scene(conversation: Conversation) -> tuple[Card, tuple[str, ...]]:
    """A new card of version 3, and what of the scene it cannot hold, as paths."""
    direction, agent = conversation.direction, conversation.agent
    first = tuple(turn for turn in conversation.turns[:1] if turn.speaker == agent)
    data = {
        **blank(),
        "name": agent,
        "description": "\n".join(direction.facts(agent)),
        "scenario": direction.situation,
        "system_prompt": direction.instruction,
        "first_mes": first[0].text if first else "",
        "mes_example": "\n".join(f"<START>\n{each}" for each in direction.memory),
    }
    if direction.knowledge or direction.lore:
        data["character_book"] = lore_written.book(direction.knowledge, direction.lore)
    document = {"spec": V3, "spec_version": "3.0", "data": data}
    text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    content = text.encode("utf-8", "surrogatepass")
    return read(content, "the scene"), tuple(unheld(conversation, len(first)))


def unheld(conversation: Conversation, taken: int) -> list[str]:
    """Paths of the scene that no card has a place for."""
    direction = conversation.direction
    others = (each.speaker for each in direction.personas if each.facts)
    found = [f"personas.{name}" for name in dict.fromkeys(others) if name != conversation.agent]
    plan = conversation.plan
    found += [f"plan.{name}" for name in ("goal", "skill", "explanation") if getattr(plan, name)]
    found += ["turns.0.image"] if taken and conversation.turns[0].image else []
    found += lore_written.unheld(direction.lore)
    return found + [f"turns.{n}" for n in range(taken, len(conversation.turns))]
