"""Files made to harm: each is a CardError, at once and in little memory."""

import base64
import io
import random
import stat
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia import cards
from tertulia.cards import charx, png
from tertulia.errors import CardError, TertuliaError
from tests.cards.made import ANA, as_charx, as_json, as_png, big_picture, card, text_chunk, zipped

PICTURE = as_png(("ccv3", card()))
END = png.plain()[-12:]
LONG = {"keys": ["k"] * 9, "content": "c" * 3_800}


def refused(content: bytes, message: str) -> None:
    with pytest.raises(CardError, match=message):
        cards.read(content, "ana.png")


@pytest.mark.parametrize("cut", [9, 20, 33, 100, len(PICTURE) - 1])
def test_a_picture_that_is_cut_off_is_refused(cut: int) -> None:
    refused(PICTURE[:cut], "ends before")


def test_a_chunk_that_says_it_is_two_gigabytes_is_refused() -> None:
    refused(png.plain()[:-12] + struct.pack(">I", 2**31) + b"tEXtccv3", "says it has 2147483648 by")


def test_a_wrong_checksum_is_refused() -> None:
    at = PICTURE.index(b"tEXt") + 20
    refused(PICTURE[:at] + bytes([PICTURE[at] ^ 1]) + PICTURE[at + 1 :], r"damaged \(checksum\)")


def test_endless_chunks_are_refused() -> None:
    refused(png.SIGNATURE + png.written(b"tIME", b"") * 30_000 + END, "more than 20000 chunks")


def test_what_is_no_base64_is_refused() -> None:
    for junk in (b"!!!!", b"e30", b"e30==A", b"\xff\xfe"):
        refused(as_png(extra=text_chunk("ccv3", junk)), "is no base64")


def test_a_huge_picture_is_never_decoded() -> None:
    bomb = big_picture(50_000, 50_000)
    found = cards.read(bomb + text_chunk("ccv3", base64.b64encode(as_json(card()))) + END)
    assert found.name == "Ana"


def test_a_card_in_a_picture_that_is_too_large_is_not_even_unpacked() -> None:
    refused(as_png(extra=text_chunk("ccv3", b"A" * (13 << 20))), "larger than 8 MB")


def test_a_zip_of_very_many_files_is_refused_before_it_is_listed() -> None:
    many = zipped({"card.json": b"{}", **{str(n): b"" for n in range(5_000)}})
    refused(many, "more than 200 files")


NAMES = ["../a", "a/../../b", "/etc/passwd", "C:/a", "..\\a", "C:\\a", "a\\..\\..\\b"]


@pytest.mark.parametrize("name", NAMES)
def test_a_path_that_leads_out_is_refused(name: str) -> None:
    refused(as_charx(card(), **{name: b"x"}), "leads out of the file's own folder")


def test_a_link_is_refused() -> None:
    file = io.BytesIO(as_charx(card()))
    with zipfile.ZipFile(file, "a") as archive:
        link = zipfile.ZipInfo("assets/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    refused(file.getvalue(), "is a link")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_cards_of_one_name_are_refused() -> None:
    file = io.BytesIO(as_charx(card()))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("card.json", "{}")
    refused(file.getvalue(), "two files of one name")


def test_an_encrypted_file_is_refused() -> None:
    content = bytearray(as_charx(card()))
    at = content.index(b"PK\x01\x02")
    content[at + 8] |= 1
    refused(bytes(content), "is encrypted")


def test_a_zip_bomb_is_refused_by_what_it_says_and_by_what_it_is() -> None:
    bomb = zipped({"card.json": b" " * (7 << 20)})
    refused(bomb, "packed more than 100 times smaller")
    # The same bomb with a header that lies: the real size shows only while it is unpacked.
    lying = bytearray(bomb)
    for mark, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = lying.index(mark) + place
        lying[at : at + 4] = struct.pack("<I", 4_000)
    refused(bytes(lying), "cannot be read|unpacks to more")


def test_a_card_of_too_much_json_is_refused_while_it_is_unpacked() -> None:
    noise = random.Random(0).randbytes(5 << 20).hex().encode()
    refused(zipped({"card.json": noise}, zipfile.ZIP_STORED), "unpacks to more than 8388608 bytes")


def test_assets_that_would_unpack_to_too_much_are_refused() -> None:
    content = bytearray(as_charx(card(), a=b"x"))
    at = content.rindex(b"PK\x01\x02")
    content[at + 20 : at + 28] = struct.pack("<II", 3_000_000, 250_000_000)
    refused(bytes(content), "more than 200 MB unpacked")


def test_other_ways_of_packing_are_refused() -> None:
    for packing in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        refused(zipped({"card.json": as_json(card())}, packing), "another way than deflate")


def test_a_zip_without_a_card_is_told() -> None:
    refused(zipped({"CARD.json": b"{}"}), "no card.json at its root")


def test_assets_are_named_and_never_fetched() -> None:
    asset = {"type": "icon", "uri": "http://127.0.0.1:1/a.png", "name": "main", "ext": "png"}
    _, report = cards.scene(cards.read(as_json(card(assets=[asset]))))
    [part] = [each for each in report.parts if each.part == "assets"]
    assert part.to == "" and "none is fetched" in part.note


def test_a_name_that_would_grow_the_scene_is_refused() -> None:
    for name in ("x" * 300, "{{char}}" * 40):
        with pytest.raises(CardError, match="200 at most"):
            cards.scene(cards.read(as_json(card(name=name))))


def test_macros_cannot_multiply() -> None:
    with pytest.raises(CardError, match="more than 20000 macros"):
        cards.scene(cards.read(as_json(card(description="{{char}}" * 30_000))))
    with pytest.raises(CardError, match="more than 1000 draws"):
        cards.scene(cards.read(as_json(card(description="{{roll:6}}" * 2_000))))


def test_a_name_that_is_a_macro_is_put_in_once() -> None:
    talk, _ = cards.scene(cards.read(as_json(card(name="{{char}}{{char}}", scenario="{{char}}"))))
    assert talk.direction.situation == "{{char}}{{char}}"


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
def test_the_worst_cards_are_read_in_little_memory(tmp_path: Path) -> None:
    # Files at the limits, in a process of their own whose memory is looked at.
    bee = "\N{HONEYBEE}"
    worst = {
        "wide": as_json({"name": "A", "description": bee * 2_000_000}),
        "mixed": as_json({"name": "A", "description": bee + "x" * 4_000_000}),
        "flat": b'{"name":"A","description":"","x":[' + b"{}," * 149_000 + b"{}]}",
        "lines": as_json({"name": "A", "description": "xy\n" * 2_000_000}),
        "examples": as_json({"name": "A", "mes_example": "<START>a" * 1_000_000}),
        "braces": as_json({"name": "A", "description": "}}" * 4_000_000}),
        "lore": as_json(card(character_book={"entries": [LONG] * 2_000})),
    }
    code = (
        "import re, sys\nfrom pathlib import Path\nfrom tertulia import cards, errors\n"
        "def most(): return int(re.search('VmHWM: *(.*) kB', status.read_text())[1])\n"
        "status = Path('/proc/self/status')\n"
        "for file in sys.argv[1:]:\n"
        "    content = Path(file).read_bytes()\n"
        "    Path('/proc/self/clear_refs').write_text('5')\n"
        "    before = most()\n"
        "    try: cards.scene(cards.read(content))\n"
        "    except errors.CardError: pass\n"
        "    print(most() - before)\n"
    )
    files = [tmp_path / name for name in worst]
    for file, content in zip(files, worst.values(), strict=True):
        file.write_bytes(content)
    done = subprocess.run([sys.executable, "-c", code, *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    grown = dict(zip(worst, map(int, done.stdout.split()), strict=True))
    assert max(grown.values()) < 64 * 1024, grown


seeds = st.sampled_from(
    [
        PICTURE,
        as_png(("chara", card("chara_card_v2"))),
        as_json(card()),
        as_json(ANA),
        as_charx(card(), **{"assets/icon/images/main.png": png.plain()}),
    ]
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good card with bytes cut out, put in, or changed."""
    content = bytearray(draw(seeds))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(content)))
        junk = draw(
            st.binary(max_size=8) | st.sampled_from([b"{{", b"\0", b"PK\x01\x02", b'"', b"["])
        )
        content[at : at + draw(st.integers(0, 30))] = junk
    return bytes(content)


@given(damaged() | st.binary(max_size=200))
@settings(max_examples=400, deadline=None)
def test_any_bytes_are_a_card_or_a_card_error(content: bytes) -> None:
    try:
        cards.scene(cards.read(content))
    except TertuliaError as error:
        assert isinstance(error, CardError) and str(error)


@given(st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_chunk_around_a_card_is_walked_or_refused(junk: bytes) -> None:
    try:
        cards.read(as_png(("ccv3", card()), extra=junk))
    except CardError:
        pass
    assert cards.read(as_png(("ccv3", card()), extra=png.written(b"teSt", junk))).name == "Ana"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
names = st.sampled_from([*ANA, "nickname", "assets", "group_only_greetings", "extensions"])
inner = st.sampled_from(
    ["keys", "content", "extensions", "enabled", "insertion_order", "use_regex", "selective"]
    + ["secondary_keys", "constant", "priority", "comment", "case_sensitive", "position"]
)
entries = st.dictionaries(inner, values | st.lists(st.text(max_size=6), max_size=3), max_size=8)
books = st.fixed_dictionaries(
    {"entries": st.lists(entries, max_size=4) | values},
    optional={"scan_depth": values, "token_budget": values, "recursive_scanning": values},
)


@given(st.dictionaries(names, values, max_size=8), books | values, st.integers(0, 3))
@settings(max_examples=300, deadline=None)
def test_any_json_in_the_fields_is_a_scene_or_a_card_error(
    changes: dict[str, object], book: object, greeting: int
) -> None:
    from tertulia import scene

    content = as_json(card(**{**changes, "character_book": book})).replace(b"Infinity", b"1")
    try:
        talk, report = cards.scene(cards.read(content), user="Bo", greeting=greeting)
    except CardError:
        return
    assert scene.read(scene.to_json(talk), "x.json") == talk == scene.read(scene.to_toml(talk), "x")
    assert report.table()


def test_a_member_of_another_zip_is_not_unpacked_for_nothing(tmp_path: Path) -> None:
    content = as_charx(card(), **{"assets/icon/images/main.png": zlib.compress(b"x")})
    assert charx.names(content, "x") == ("assets/icon/images/main.png",)
    assert list(tmp_path.iterdir()) == []
