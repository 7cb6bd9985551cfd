"""Macros: what stands for each, that draws come again, and that nothing grows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.cards.macros import Filler


def filled(text: str, seed: int = 1, original: str | None = None) -> str:
    return Filler("Ana", "Bo", seed).fill(text, "description", original)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{char}} and {{user}}", "Ana and Bo"),
        ("{{CHAR}} {{User}} {{ char }}", "Ana Bo Ana"),
        ("<BOT> <char> <User>", "Ana Ana Bo"),
        ("a{{// silent {{char}} }}b", "ab"),
        ("a{{comment: c}}b{{hidden_key: d}}c", "abc"),
        ("{{reverse:Hello}}", "olleH"),
        ("a{{newline}}b{{noop}}", "a\nb"),
        ("{{random:one}} {{pick:one}}", "one one"),
        ("{{random::a, b}}", "a, b"),
        (r"{{random:a\, b}}", "a, b"),
        ("{{roll:1}} {{ROLL:D1}} {{roll:3d1+2}} {{roll:2d1-5}} {{roll d1}}", "1 1 5 -3 1"),
        ("{{random:{{char}},{{char}}}}", "Ana"),
        ("{{original}}", "{{original}}"),
        ("{{mystery}} {{roll:x}} {{roll:0}} {{roll:1001d6}}",) * 2,
        ("{{ {{char}}", "{{ Ana"),
        ("}} {{", "}} {{"),
        ("{a} {{}} {{:}}", "{a} {{}} {{:}}"),
        ("{{{char}}}", "{{{char}}}"),
        ("{{char}", "{{char}"),
    ],
)
def test_a_macro_stands_for(text: str, said: str) -> None:
    assert filled(text) == said


def test_the_original_is_what_the_caller_says() -> None:
    assert filled("{{Original}}, then", original="First") == "First, then"


def test_a_draw_comes_again_with_its_seed_and_is_recorded() -> None:
    filler = Filler("Ana", "Bo", 7)
    text = "{{roll:2d6}} {{random:a,b,c}}"
    said = filler.fill(text, "scenario")
    assert said == Filler("Ana", "Bo", 7).fill(text, "scenario")
    assert [each.result for each in filler.draws] == said.split(" ")
    assert {each.path for each in filler.draws} == {"scenario"}
    assert len({filled("{{roll:1000000}}", seed) for seed in range(9)}) == 9


def test_one_field_s_draws_do_not_depend_on_another_field() -> None:
    one, other = Filler("Ana", "Bo", 7), Filler("Ana", "Bo", 7)
    one.fill("{{roll:6}}{{roll:6}}", "description")
    assert one.fill("{{roll:999999}}", "scenario") == other.fill("{{roll:999999}}", "scenario")


def test_a_pick_is_the_same_wherever_it_stands() -> None:
    filler = Filler("Ana", "Bo", 3)
    options = ",".join(map(str, range(100)))
    said = {filler.fill(f"{{{{pick:{options}}}}}", path) for path in ("a", "b", "c")}
    assert len(said) == 1


def test_dice_stay_within_their_sides() -> None:
    assert {filled("{{roll:d6}}", seed) for seed in range(200)} == set("123456")


def test_unknown_macros_are_told_once() -> None:
    filler = Filler("Ana", "Bo", 0)
    filler.fill("{{weekday}} {{weekday}} {{getvar::x}}", "a")
    assert list(filler.unknown) == ["weekday", "getvar::x"]


def test_what_a_macro_gives_is_not_read_again() -> None:
    filler = Filler("{{user}}", "{{roll:6}}", 0)
    assert filler.fill("{{char}} {{user}} {{random:{{char}}}}", "a") == (
        "{{user}} {{roll:6}} {{user}}"
    )


def test_hidden_words_are_kept_for_the_lore() -> None:
    filler = Filler("Ana", "Bo", 0)
    assert filler.fill("Stone.{{hidden_key: moat, {{char}} }}", "a") == "Stone."
    assert filler.hidden == ["moat, Ana"]


pieces = st.sampled_from(
    ["{{", "}}", "{", "}", "char", "random:", "a,b", "::", "//", "roll:d6", " "]
)


@given(st.lists(pieces | st.text(max_size=4), max_size=30).map("".join))
@settings(max_examples=300, deadline=None)
def test_any_text_is_filled_and_stays_small(text: str) -> None:
    said = filled(text)
    assert said == filled(text) and len(said) <= 3 * len(text) + 3
    assert "{" in text or "<" in text or said == text
