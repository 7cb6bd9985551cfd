"""Words in the lines of a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.cli._flow import Flow, beside, fitted, flowed, folded
from tertulia.cli._terminal import cells

WORDS = "How much is a loaf of bread, please, and how much are 빵 두 개?"


def test_a_line_is_broken_at_blanks_and_goes_on_indented() -> None:
    assert flowed("one two three four", 10, used=4, indent="  ") == "one\n  two\n  three\n  four"


def test_where_there_is_no_terminal_nothing_is_broken() -> None:
    assert flowed("one two three\nfour", 0, indent="  ") == "one two three\n  four"


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_what_comes_in_pieces_is_broken_as_what_comes_whole(size: int) -> None:
    flow, whole = Flow(20, 6, "  "), flowed(WORDS, 20, 6, "  ")
    pieces = [WORDS[n : n + size] for n in range(0, len(WORDS), size)]
    assert "".join(map(flow.feed, pieces)) + flow.rest() == whole


def test_a_word_is_written_as_soon_as_it_is_whole() -> None:
    flow = Flow(20)
    assert [flow.feed(piece) for piece in ("ele", "phants a", "re ")] == ["", "elephants", " are"]


@given(st.text("ab 빵日\n", max_size=60), st.integers(6, 30), st.integers(0, 8))
def test_no_line_is_wider_than_the_terminal_and_no_letter_is_lost(
    text: str, columns: int, used: int
) -> None:
    told = flowed(text, columns, used, "  ")
    first, *others = told.split("\n")
    assert cells(first) <= max(columns - used, 0) or used > 2 and " " not in first
    assert all(cells(line) <= columns for line in others)
    assert "".join(told.split()) == "".join(text.split())


def test_a_row_of_a_table_goes_on_below_its_last_column() -> None:
    table = "/end   leave the talk\n/help  this list, or one command in full"
    assert fitted(table, 24) == (
        "/end   leave the talk\n/help  this list, or one\n       command in full"
    )


def test_a_last_column_without_room_stands_below_the_others() -> None:
    assert fitted("/counterfactual FIELD=VALUE  the last reply again", 24) == (
        "/counterfactual\n  FIELD=VALUE\n    the last reply again"
    )


def test_a_numbered_text_goes_on_below_its_first_word() -> None:
    assert fitted("  1. one two three", 12) == "  1. one two\n     three"


@pytest.mark.parametrize(
    ("text", "width", "rows"),
    [
        ("one two three", 8, ["one two", "three"]),
        ("one two", 7, ["one two"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("영화 봤어? 응", 10, ["영화 봤어?", "응"]),
        ("日本語です", 4, ["日本", "語で", "す"]),
        ("a\n\nb", 4, ["a", "", "b"]),
    ],
)
def test_lines_are_folded_by_the_width_a_terminal_gives_them(
    text: str, width: int, rows: list[str]
) -> None:
    assert folded(text, width) == rows


def test_texts_side_by_side_keep_to_their_columns() -> None:
    assert beside("a b c d e f g", "h", 13) == ["a b c | h", "d e f | ", "g     | "]


def test_texts_side_by_side_keep_to_their_columns_in_any_script() -> None:
    assert beside("빵 하나", "h", 13) == ["빵    | h", "하나  | "]
