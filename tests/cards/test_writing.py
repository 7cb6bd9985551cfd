"""Cards out: the same bytes in the same form, and everything told that another cannot hold."""

import io
import json
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia import cards
from tertulia.cards import png
from tertulia.conversation import Conversation, Direction, LoreEntry, Persona, Plan, Turn
from tertulia.errors import CardError
from tests.cards.made import ANA, as_charx, as_json, as_png, card, text_chunk
from tests.test_scene import conversations

ODD = b'{ "spec":"chara_card_v3",\n"spec_version": "3.0", "data":{"name":"A\\u00e9","x": 1.50}}'


@pytest.mark.parametrize(
    "content",
    [
        as_png(("chara", card("chara_card_v2")), ("ccv3", card()), extra=text_chunk("Title", b"x")),
        as_png(("chara", ANA)) + b"bytes behind the end",
        as_charx(card(), **{"app.json": b"{}", "assets/other/code/a.lua": b"os.exit()"}),
        ODD,
        b"\xef\xbb\xbf" + as_json(card()),
    ],
)
def test_a_card_is_written_again_byte_for_byte(content: bytes) -> None:
    found = cards.read(content)
    assert cards.written(found, found.form).content == content
    assert cards.written(found, found.form).lost == ()


def test_the_json_inside_is_the_same_bytes_in_another_form() -> None:
    found = cards.read(ODD)
    again = cards.read(cards.written(found, "png").content)
    assert cards.written(again, "json").content == ODD and again.document["data"]["x"] == 1.5


def test_unknown_chunks_and_the_picture_stay_when_a_card_is_put_in() -> None:
    picture = as_png(("chara", card(name="Old")), extra=text_chunk("Title", b"kept")) + b"tail"
    made = png.with_card(picture, as_json(card(name="New")), "ccv3", "a picture")
    assert cards.read(made).name == "New" and made.endswith(b"tail")
    kinds = [bytes(each.kind) for each in png.chunks(made, "x")]
    assert kinds == [b"IHDR", b"tEXt", b"IDAT", b"tEXt", b"IEND"] or b"Title\0kept" in made
    assert made.count(b"chara\0") == 0 and b"Title\0kept" in made


def test_a_card_without_a_picture_gets_a_plain_one_and_that_is_told() -> None:
    made = cards.written(cards.read(as_json(card("chara_card_v2"))), "png")
    assert cards.read(made.content).keyword == "chara"
    assert made.lost == ("a plain picture was made for it",)


def test_a_picture_goes_into_a_charx_as_its_icon_and_out_again() -> None:
    picture = as_png(("ccv3", card()))
    zipped = cards.read(cards.written(cards.read(picture), "charx").content)
    [icon] = zipped.data["assets"]
    assert icon["uri"] == "embeded://assets/icon/images/main.png"
    back = cards.written(zipped, "png")
    assert back.lost == () and cards.read(back.content).data == zipped.data


def test_a_charx_says_which_assets_another_form_loses() -> None:
    found = cards.read(as_charx(card(), **{"assets/bg/images/a.png": b"x"}))
    assert cards.written(found, "json").lost == ("asset assets/bg/images/a.png",)


@pytest.mark.parametrize("document", [ANA, card("chara_card_v2")])
def test_older_cards_become_version_three_in_a_charx(document: dict[str, object]) -> None:
    made = cards.written(cards.read(as_json(document)), "charx")
    again = cards.read(made.content)
    assert again.spec == "chara_card_v3" and "is chara_card_v3 now" in made.lost[0]
    assert again.data["group_only_greetings"] == [] and again.data["x_later"] == ANA["x_later"]
    assert cards.scene(again)[0] == cards.scene(cards.read(as_json(document)))[0]


def test_a_charx_holds_nothing_but_the_card_and_its_picture() -> None:
    made = cards.written(cards.read(as_png(("ccv3", card()))), "charx").content
    names = zipfile.ZipFile(io.BytesIO(made)).namelist()
    assert names == ["card.json", "assets/icon/images/main.png"]


def test_a_lorebook_alone_is_json_only() -> None:
    book = cards.read(as_json({"spec": "lorebook_v3", "data": ANA["character_book"]}))
    for form in ("png", "charx"):
        with pytest.raises(CardError, match=r"write it as \.json"):
            cards.written(book, form)


def test_a_form_nobody_has_is_told() -> None:
    with pytest.raises(CardError, match="written as png, json, charx"):
        cards.written(cards.read(as_json(card())), "webp")


BOOK = (
    LoreEntry(content="Dark.", keys=("honey",), secondary_keys=("bee",), selective=True,
              logic="not_any", scan_depth=3, order=2, priority=5, name="Honey", recursive=True,
              probability=0.25, whole_words=True, hidden="wax", budget=90),
    LoreEntry(content="Old.", constant=True, enabled=False, fires_others=False, scan_depth=2,
              recursive=True, case_sensitive=True, budget=90),
)  # fmt: skip
SCENE = Conversation(
    agent="Ana",
    user="Bo",
    direction=Direction(
        situation="A hive.",
        instruction="Be brief.",
        personas=(Persona("Ana", ("she hums.", "she is forty.")),),
        memory=("They met.", "Bo: a\nAna: b"),
        lore=BOOK,
    ),
    turns=(Turn("Ana", "Mind the smoke."),),
)


def test_a_scene_becomes_a_card_and_the_same_scene_again() -> None:
    made, missing = cards.of_scene(SCENE)
    assert missing == () and made.spec == "chara_card_v3"
    for form in cards.FORMS:
        again = cards.read(cards.written(made, form).content)
        assert cards.scene(again, user="Bo")[0] == SCENE


def test_what_a_card_cannot_hold_of_a_scene_is_told() -> None:
    talk = Conversation(
        agent="Ana",
        user="Bo",
        direction=Direction(personas=(Persona("Bo", ("i row.",)),), knowledge=("Wax melts.",)),
        plan=Plan(goal="g"),
        turns=(Turn("Bo", "Hi."), Turn("Ana", "Hello.")),
    )
    made, missing = cards.of_scene(talk)
    assert missing == ("personas.Bo", "plan.goal", "turns.0", "turns.1")
    [entry] = made.data["character_book"]["entries"]
    assert entry["constant"] and entry["content"] == "Wax melts."


def test_a_new_card_has_every_field_that_version_three_requires() -> None:
    made, _ = cards.of_scene(Conversation())
    required = {"name", "description", "tags", "creator", "character_version", "mes_example"}
    required |= {"extensions", "system_prompt", "post_history_instructions", "first_mes"}
    required |= {"alternate_greetings", "personality", "scenario", "creator_notes"}
    assert set(made.data) == required | {"group_only_greetings"}
    assert made.document["spec_version"] == "3.0"


@given(conversations(st.text(max_size=12)))
@settings(max_examples=100, deadline=None)
def test_any_scene_becomes_a_card_that_can_be_read(talk: Conversation) -> None:
    made, _ = cards.of_scene(talk)
    assert json.loads(cards.written(made, "json").content)["data"]["name"] == talk.agent
    if len(" ".join(talk.agent.split())) > 0 and " ".join(talk.agent.split()) != "Reader":
        cards.scene(made, user="Reader")
