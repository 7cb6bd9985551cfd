"""The page of a talk: whatever was said is text, nothing is fetched or run, branches are folded."""

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tertulia import interchange
from tertulia.conversation import Conversation, Direction, LoreEntry, Persona, Plan
from tertulia.store import WholeTalk
from tests.interchange.talks import FERRY, SCENE, stored, talk

VECTORS = json.loads(
    (Path(__file__).parents[1] / "studio" / "vectors.json").read_text(encoding="utf-8")
)
WORDS = [text for kind in VECTORS.values() for text in kind]
OURS = {
    *("html", "head", "meta", "title", "style", "body", "main", "section", "h1", "p", "article"),
    *("details", "summary", "dl", "dt", "dd", "span", "footer"),
}


@dataclass
class Read(HTMLParser):
    """The tags and attributes of a page, and its text."""

    tags: set[str] = field(default_factory=set)
    attributes: set[tuple[str, str]] = field(default_factory=set)
    open: list[str] = field(default_factory=list)
    deepest: int = 0
    text: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}
        if tag != "meta":
            self.open.append(tag)
        self.deepest = max(self.deepest, len(self.open))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def page(*talks: WholeTalk) -> tuple[str, Read]:
    pieces, _ = interchange.exported("html", talks)
    text = "".join(pieces)
    read = Read()
    read.feed(text)
    read.close()
    assert read.open == []
    return text, read


def said(words: str) -> WholeTalk:
    """A talk in which everything that can be said says these words."""
    scene = Conversation(
        agent=words,
        user=f"{words}.",
        direction=Direction(
            situation=words,
            instruction=words,
            personas=(Persona(words, (words,)),),
            knowledge=(words,),
            memory=(words,),
            lore=(LoreEntry(content=words, keys=(words,)),),
        ),
    )
    plan = Plan(goal=words, skill=words, explanation=words)
    turns = (
        stored(1, None, scene.user, words, scene=scene, image=words),
        stored(2, 1, words, words, scene=scene, plan=plan, image=words, rating=1, note=words),
        stored(3, 1, words, words, scene=scene, plan=plan),
        stored(4, 3, scene.user, words, scene=scene),
    )
    return replace(talk(*turns, active=2, scene=scene), title=words)


@pytest.mark.parametrize("words", WORDS)
def test_hostile_words_are_only_ever_text(words: str) -> None:
    text, read = page(said(words))
    assert read.tags <= OURS
    names = {name for name, _ in read.attributes}
    assert names <= {"lang", "charset", "http-equiv", "content", "name", "class", "dir"}
    assert not re.search("[\u202a-\u202e\u2066-\u2069\0]", text)


def test_what_was_said_can_be_read_on_the_page() -> None:
    _, read = page(said("<b>you & me</b>"))
    assert read.text.count("<b>you & me</b>") > 10


def test_the_policy_allows_the_style_sheet_and_nothing_else() -> None:
    text, read = page(FERRY)
    style = text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert ("content", policy) in read.attributes
    assert "url(" not in style and "@import" not in style and "http" not in style


def test_what_else_was_said_is_folded_with_all_that_followed() -> None:
    text, _ = page(FERRY)
    fold = re.search(r'<details class="others">.*?</details>', text, re.DOTALL)
    assert fold
    places = [fold[0].index(words) for words in ("No idea.", "Look again.", "Nine o&#x27;clock")]
    assert places == sorted(places)
    assert "bd" not in re.sub("<[^>]*>", " ", text).split()


def test_turns_that_were_taken_back_stand_at_the_end() -> None:
    text, _ = page(replace(FERRY, active=None))
    assert "1 turn said after this and taken back" in text and "Is that our ferry?" in text


def test_a_direction_that_changes_is_told_where_it_does() -> None:
    wet = SCENE.directed(replace(SCENE.direction, situation="It rains."))
    text, _ = page(
        talk(stored(1, None, "Friend", "Hi."), stored(2, 1, "Cosmo", "Wet.", scene=wet), active=2)
    )
    assert text.index("Hi.") < text.index("The direction is another") < text.index("It rains.")


def test_branches_upon_branches_do_not_nest_the_page() -> None:
    turns = [stored(1, None, "Friend", "0")]
    for number in range(2, 2000):
        turns.append(stored(number, number - 1 - (number % 2), "Cosmo", str(number)))
    _, read = page(talk(*turns, active=1999))
    assert read.deepest < 12


def test_several_talks_are_one_page_and_none_is_an_empty_one() -> None:
    text, read = page(FERRY, FERRY, FERRY)
    assert text.count("<section>") == 3 and "<title>Talks</title>" in text
    assert "section" not in page()[1].tags
