"""A scene put back on its card: what changed is written, all else stays as it was."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tertulia import cards
from tertulia.cards import png
from tertulia.conversation import Conversation, Turn
from tertulia.errors import CardError
from tests.cards.made import ANA, as_charx, as_json, as_png, card, text_chunk

FILES = {
    "png": as_png(("ccv3", card()), extra=text_chunk("Title", b"kept")),
    "json": as_json(card()),
    "charx": as_charx(card(), **{"assets/other/a.lua": b"x", "app.json": b"{}"}),
    "v1": as_json(ANA),
    "v2": as_png(("chara", card("chara_card_v2"))),
}


def cast(found: cards.Card, **options: int) -> Conversation:
    return cards.scene(found, user="Bo", **options)[0]


@pytest.mark.parametrize("name", FILES)
def test_a_scene_that_nobody_changed_gives_the_card_itself(name: str) -> None:
    found = cards.read(FILES[name])
    for greeting in (0, 1):
        assert cards.changed(found, cast(found, greeting=greeting)) == (found, ())


@pytest.mark.parametrize("name", FILES)
def test_what_changed_is_written_and_unknown_fields_stay(name: str) -> None:
    found = cards.read(FILES[name])
    talk = cast(found)
    new = talk.directed(replace(talk.direction, situation="A storm."))
    made, missing = cards.changed(found, new)
    assert missing == () and (made.form, made.spec) == (found.form, found.spec)
    assert {**made.data} == {**found.data, "scenario": "A storm."}
    assert cast(made) == new


def test_macros_stay_where_nothing_changed() -> None:
    found = cards.read(as_json(card(description="{{roll:1000000}} bees")))
    talk = cast(found, seed=3)
    new = talk.directed(replace(talk.direction, instruction="Shout."))
    made, _ = cards.changed(found, new, seed=3)
    assert made.data["description"] == "{{roll:1000000}} bees"
    assert (made.data["system_prompt"], made.data["post_history_instructions"]) == ("Shout.", "")


def test_other_chunks_and_assets_stay() -> None:
    for name, asset in (("png", b"Title\0kept"), ("charx", b"assets/other/a.lua")):
        found = cards.read(FILES[name])
        talk = cast(found)
        made, _ = cards.changed(found, talk.directed(replace(talk.direction, situation="x")))
        assert asset in made.content
    kinds = [bytes(each.kind) for each in png.chunks(cards.read(FILES["png"]).content, "x")]
    assert kinds.count(b"tEXt") == 2


CHANGES: dict[str, Callable[[Conversation], Conversation]] = {
    "first_mes": lambda talk: replace(talk, turns=(Turn("Ana", "Go."),)),
    "mes_example": lambda talk: talk.directed(replace(talk.direction, memory=("Bo: a",))),
    "description": lambda talk: talk.directed(talk.direction.with_facts("Ana", ("she is old.",))),
    "character_book": lambda talk: talk.directed(replace(talk.direction, lore=())),
}


@pytest.mark.parametrize("name", CHANGES)
def test_each_part_can_change(name: str) -> None:
    found = cards.read(FILES["json"])
    new = CHANGES[name](cast(found))
    made, missing = cards.changed(found, new)
    assert cast(made) == new and missing == ()
    same = set(ANA) - {name, "personality"}
    assert all(made.data[each] == found.data[each] for each in same)


def test_a_new_name_takes_the_nickname_s_place() -> None:
    found = cards.read(as_json(card(nickname="Annie")))
    talk = cast(found)
    new = replace(talk, agent="Maria", turns=(), direction=replace(talk.direction, personas=()))
    made, _ = cards.changed(found, new)
    assert made.data["name"] == "Maria" and "nickname" not in made.data


def test_what_a_card_cannot_hold_is_told() -> None:
    found = cards.read(FILES["json"])
    _, missing = cards.changed(found, cast(found).said("Bo", "Hi."))
    assert missing == ("turns.1",)


def test_a_lorebook_alone_takes_no_scene() -> None:
    book = cards.read(as_json({"spec": "lorebook_v3", "data": {"entries": []}}))
    with pytest.raises(CardError, match="give the character's card"):
        cards.changed(book, Conversation())
