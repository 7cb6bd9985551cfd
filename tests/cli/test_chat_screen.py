"""What a person sees: harmless, quiet, and nothing left unsaid."""

import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia import Conversation, Direction, scene
from tertulia.cli import _terminal
from tertulia.cli.chat.screen import Screen
from tests.cli.talking import SCENE, begun, screen, scripted


def test_a_reply_stands_behind_its_speakers_name() -> None:
    assert screen(begun(), "hi") == "Cosmo: One.\n"


def test_a_reply_is_shown_once_whether_streamed_or_ranked() -> None:
    assert screen(begun(agent=scripted(candidates=3)), "hi") == "Cosmo: One.\n"


def test_what_a_model_says_cannot_steer_the_terminal() -> None:
    shown = screen(begun(agent=scripted("\x1b[2Jgone \u202ebidi \x07")), "hi")
    assert shown == "Cosmo: \\x1b[2Jgone \\u202ebidi \\x07\n"


def test_further_lines_of_a_reply_cannot_pass_for_a_turn() -> None:
    shown = screen(begun(agent=scripted("Hm.\nFriend: I owe you.")), "hi")
    assert shown == "Cosmo: Hm.\n  Friend: I owe you.\n"


def test_names_and_scenes_are_made_safe_too() -> None:
    direction = Direction(situation="\x1b]0;title\x07")
    out = io.StringIO()
    talk = Conversation(agent="A\x1b[1m", user="B\nC", direction=direction)
    Screen(out).welcome(begun(talk.said("A\x1b[1m", "\x9b31m")))
    assert not set(out.getvalue()) & set("\x1b\x07\x9b")
    assert ", as B\\nC." in out.getvalue()


@given(st.text(st.characters()))  # lone surrogates included
def test_safe_text_holds_nothing_a_terminal_obeys(text: str) -> None:
    shown = _terminal.safe(text)
    kinds = {unicodedata.category(char) for char in shown if char not in "\n\u200c\u200d"}
    assert not kinds & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert "\n" not in _terminal.one_line(text)


@pytest.mark.parametrize(
    "text", ["Grüße, Zoë!", "你好", "नमस्ते", "👩‍👩‍👧", "می‌خواهم", "naïve – “quote”"]
)
def test_safe_text_leaves_every_script_as_it_is(text: str) -> None:
    assert _terminal.safe(text) == text


def test_a_cut_of_the_oldest_turns_is_told_when_it_begins() -> None:
    session = begun(agent=scripted(context_window=40))
    shown = screen(session, *("five words are said here" for _ in range(4)))
    assert shown.count("oldest turns no longer fit") == 1


def test_a_model_that_says_nothing_is_shown_to() -> None:
    assert screen(begun(agent=scripted("")), "hi") == "Cosmo: (nothing)\n"


def test_help_fits_a_terminal_of_a_hundred_columns() -> None:
    assert max(map(len, screen(begun(), "/help").splitlines())) <= 100


def test_the_welcome_tells_the_scene_who_is_who_and_where_help_is() -> None:
    out = io.StringIO()
    Screen(out).welcome(begun(SCENE))
    assert out.getvalue().splitlines() == [
        "Two friends meet in a park.",
        "You talk with Cosmo, as Friend. /help lists the commands, Ctrl-D ends the talk.",
    ]


def test_the_welcome_tells_you_who_you_are() -> None:
    out = io.StringIO()
    facts = SCENE.direction.with_facts("Friend", ("i paint.", "i am old."))
    Screen(out).welcome(begun(SCENE.directed(facts)))
    assert "You are Friend: i paint. i am old.\n" in out.getvalue()


def test_the_welcome_tells_a_shared_picture() -> None:
    out = io.StringIO()
    Screen(out).welcome(begun(SCENE.said("Friend", "Look!", image="a wet dog")))
    assert "Friend: Look!\n(shows a picture: a wet dog)\n" in out.getvalue()


def test_without_a_scene_the_welcome_names_those_that_can_be_played() -> None:
    out = io.StringIO()
    Screen(out).welcome(begun(Conversation()))
    assert all(name in out.getvalue() for name in scene.shipped())


def test_the_welcome_shows_the_latest_turns_of_a_long_talk() -> None:
    talk = SCENE
    for n in range(10):
        talk = talk.said("Cosmo" if n % 2 else "Friend", f"turn {n}")
    out = io.StringIO()
    Screen(out).welcome(begun(talk))
    assert "(4 earlier turns)\nFriend: turn 4\n" in out.getvalue()


def test_columns_are_as_wide_as_a_terminal_shows_them() -> None:
    assert _terminal.rows([("로자", "x"), ("Ana", "y")]) == "로자  x\nAna   y"
