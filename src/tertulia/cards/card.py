"""The card: one character as it came, nothing in it changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tertulia.cards.document import Fields

V1, V2, V3, LOREBOOK = "chara_card_v1", "chara_card_v2", "chara_card_v3", "lorebook_v3"
NEWEST = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A character card.

    form      "png", "json" or "charx"
    content   the whole file; writing the card in the same form gives exactly these bytes
    json      the JSON in it, byte for byte, with whatever fields nobody here knows
    document  the same as Python values; not to be changed
    spec      "chara_card_v1", "chara_card_v2", "chara_card_v3", "lorebook_v3", or a newer one
    keyword   of the chunk it stood in: "ccv3" or "chara"; empty where there is none
    notes     what is odd about the file
    """

    form: str
    content: bytes = field(repr=False)
    json: bytes = field(repr=False)
    document: Mapping[str, Any] = field(repr=False)
    spec: str
    keyword: str = ""
    notes: tuple[str, ...] = ()

    @property
    def data(self) -> Mapping[str, Any]:
        """The fields of the character; version 1 has them at the top. Empty for a lorebook."""
        if self.spec == LOREBOOK:
            return {}
        found = self.document if self.spec == V1 else self.document["data"]
        return found if isinstance(found, dict) else {}

    @property
    def book(self) -> Any:  # noqa: ANN401 - whatever JSON the card has there
        """The lorebook in it, as JSON; None where there is none."""
        if self.spec == LOREBOOK:
            return self.document.get("data", self.document)
        return self.data.get("character_book")

    @property
    def name(self) -> str:
        """The character's name on one line; a lorebook's own."""
        fields = Fields(self.book if self.spec == LOREBOOK else self.data)
        return " ".join(fields.text("name").split())

    @property
    def greetings(self) -> tuple[str, ...]:
        """first_mes, then the alternate greetings, macros as they stand; empty ones too."""
        fields = Fields(self.data)
        return (fields.text("first_mes"), *fields.texts("alternate_greetings"))
