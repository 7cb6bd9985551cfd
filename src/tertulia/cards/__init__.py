"""Cards: characters of other programs, read from PNG, APNG, JSON and CHARX files, and written.

    card = cards.read(content, "ana.png")
    conversation, report = cards.scene(card, user="Bo")

Versions 1, 2 and 3 of the specification; where a picture holds both, version 3. A card keeps what
it came as, so that it is written out again byte for byte, with all that nobody here knows; a scene
that came from it goes back onto it. Lorebooks of their own are added to a scene, and put back:

    conversation, report = cards.added(cards.read(content, "world.json"), conversation)

Sources: malfoyslastname/character-card-spec-v2, kwaroran/character-card-spec-v3.
"""

from tertulia.cards.card import LOREBOOK, Card
from tertulia.cards.casting import EXAMPLES, scene
from tertulia.cards.changing import changed
from tertulia.cards.lorebooks import KINDS, added, of_lore, put_back
from tertulia.cards.reading import MAX_BYTES, read
from tertulia.cards.report import Part, Report
from tertulia.cards.writing import FORMS, Written, of_scene, written

__all__ = [
    "EXAMPLES",
    "FORMS",
    "KINDS",
    "LOREBOOK",
    "MAX_BYTES",
    "Card",
    "Part",
    "Report",
    "Written",
    "added",
    "changed",
    "of_lore",
    "of_scene",
    "put_back",
    "read",
    "scene",
    "written",
]
