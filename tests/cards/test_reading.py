"""Reading card files: what they are, which card in them counts, and what is refused."""

import json

import pytest

from tertulia import cards
from tertulia.errors import CardError
from tests.cards.made import ANA, as_charx, as_json, as_png, card, text_chunk


@pytest.mark.parametrize(
    ("content", "form", "spec"),
    [
        (as_json(card()), "json", "chara_card_v3"),
        (as_json(card("chara_card_v2")), "json", "chara_card_v2"),
        (as_json(ANA), "json", "chara_card_v1"),
        (as_png(("ccv3", card())), "png", "chara_card_v3"),
        (as_png(("chara", card("chara_card_v2"))), "png", "chara_card_v2"),
        (as_charx(card()), "charx", "chara_card_v3"),
        (b"\xef\xbb\xbf " + as_json(card()), "json", "chara_card_v3"),
    ],
)
def test_a_card_is_known_by_its_bytes(content: bytes, form: str, spec: str) -> None:
    found = cards.read(content)
    assert (found.form, found.spec, found.name) == (form, spec, "Ana")


def test_of_two_versions_in_a_picture_the_newer_is_read() -> None:
    old, new = card("chara_card_v2", name="Old"), card(name="New")
    for texts in ((("chara", old), ("ccv3", new)), (("ccv3", new), ("chara", old))):
        found = cards.read(as_png(*texts))
        assert (found.name, found.keyword) == ("New", "ccv3")


def test_of_two_chunks_of_one_version_the_first_is_read_and_that_is_noted() -> None:
    found = cards.read(as_png(("ccv3", card(name="One")), ("ccv3", card(name="Two"))))
    assert found.name == "One" and found.notes == ("a second ccv3 chunk was not read",)


def test_the_keyword_may_be_in_capitals() -> None:
    assert cards.read(as_png(("Chara", card("chara_card_v2")))).name == "Ana"


def test_a_moving_picture_is_read_like_one_that_does_not_move() -> None:
    moving = text_chunk("acTL", b"", b"acTL") + text_chunk("fcTL", b"\0" * 20, b"fcTL")
    assert cards.read(as_png(("ccv3", card()), extra=moving)).name == "Ana"


def test_compressed_text_is_never_unpacked() -> None:
    bomb = text_chunk("ccv3", b"\0" + b"x" * 50, b"zTXt")
    assert cards.read(as_png(("chara", card("chara_card_v2")), extra=bomb)).notes == (
        "a ccv3 chunk of type zTXt was not read",
    )
    with pytest.raises(CardError, match=r"without a card in it \(a ccv3 chunk of type zTXt"):
        cards.read(as_png(extra=bomb))


@pytest.mark.parametrize("version", ["3.1", "10", 4])
def test_a_newer_version_is_warned_of_and_read(version: object) -> None:
    found = cards.read(as_json({**card(), "spec_version": version}))
    assert found.name == "Ana" and "newer than 3.0" in found.notes[0]


def test_an_unknown_spec_with_data_is_warned_of_and_read() -> None:
    found = cards.read(as_json(card("chara_card_v9")))
    assert found.name == "Ana" and "newer than this reader" in found.notes[0]


def test_an_older_version_is_read_without_a_warning() -> None:
    assert cards.read(as_json({**card(), "spec_version": "2.0"})).notes == ()


def test_a_lorebook_alone_is_a_card_without_a_character() -> None:
    book = {"spec": "lorebook_v3", "data": ANA["character_book"]}
    talk, _ = cards.scene(cards.read(as_json(book)), user="Bo")
    assert talk.agent == "Character" and talk.direction.lore[0].keys == ("honey",)


def test_the_world_info_of_sillytavern_is_read_as_a_lorebook() -> None:
    entry = {"uid": 0, "key": ["honey"], "keysecondary": ["dark"], "content": "Sweet.", "order": 3}
    entry |= {"disable": False, "selective": True, "selectiveLogic": 3, "probability": 40}
    book = {"entries": {"0": entry, "1": {**entry, "disable": True}}}
    first, second = cards.scene(cards.read(as_json(book)))[0].direction.lore
    assert (first.keys, first.secondary_keys, first.logic) == (("honey",), ("dark",), "all")
    assert (first.order, first.probability, first.enabled) == (3, 0.4, True)
    assert second.enabled is False


WRONG = {
    b"": "it begins with b''",
    b"\xff\xd8\xff\xe0": "give a PNG, APNG, JSON or CHARX file",
    b"[1]": "is no card",
    b"{}": "is no character card: neither a spec with data",
    b'{"name": "A"}': "is no character card",
    b'{"spec": "chara_card_v3", "data": []}': "is no character card",
    b'{"name": "A", "description": NaN}': "NaN is not JSON",
    b'{"name": "A"': "no JSON",
    b'{"name": "\xff"}': "is not UTF-8 (byte 10 is 0xff)",
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000: "nested too deep",
    b'{"n": ' + b"1" * 5_000 + b"}": "no JSON",
    b"{" + b" " * (8 << 20) + b"}": "more than the 8 MB",
    b'{"a": [' + b"[]," * 200_000 + b"1]}": "more than 300000 values",
    b'{"a": "' + b"x" * 5_000_000 + "\N{HONEYBEE}".encode() + b'"}': "too many: split the card",
    b"\0" * (20 * 1024 * 1024 + 1): "more than the 20 MB",
}


@pytest.mark.parametrize("content", WRONG, ids=lambda content: repr(content[:20]))
def test_what_is_no_card_is_told_with_its_cure(content: bytes) -> None:
    with pytest.raises(CardError) as caught:
        cards.read(content, "ana.card")
    assert str(caught.value).startswith("ana.card") and WRONG[content] in str(caught.value)


def test_fields_of_a_wrong_type_are_left_out_and_told() -> None:
    odd = card(description=3, scenario=None, alternate_greetings="one", tags={"a": 1}, first_mes=[])
    talk, report = cards.scene(cards.read(as_json(odd)))
    assert talk.direction.facts("Ana") == ("calm",) and talk.direction.situation == ""
    assert report.greetings == ("", "one")
    assert "description is 3, must be a string: left out" in report.notes


def test_a_lone_surrogate_in_a_card_becomes_a_replacement_character() -> None:
    content = json.dumps(card(description="a\ud800b")).encode()
    talk, _ = cards.scene(cards.read(content))
    assert talk.direction.facts("Ana")[0] == "a\ufffdb"
