"""The middle pane: everything that can be done to a talk, done with a mouse and with keys."""

from typing import Any

import pytest

from tests.studio.browsing import Studio
from tests.studio.talking import asked, awaited, begun, opened, press, said, until


def test_what_is_typed_is_said_and_answered(page: Any, studio: Studio) -> None:
    begun(page, studio)
    page.keyboard.type("Only a goat.")
    page.keyboard.press("Enter")
    awaited(page, "Hello there, friend.")
    assert said(page)[-2:] == ["Only a goat.", "Hello there, friend."]
    assert page.get_by_role("textbox", name="What Alex says").input_value() == ""
    assert page.evaluate("document.activeElement.id") == "say"


def test_a_reply_is_shown_while_it_is_said(page: Any, studio: Studio) -> None:
    begun(page, studio)
    studio.fake.held = True
    page.keyboard.press("Enter")
    page.locator(".making .said").get_by_text("Hello there,").wait_for()
    studio.fake.held = False
    awaited(page, "Hello there, friend.")


def test_a_screen_reader_is_told_whole_replies_and_no_pieces(page: Any, studio: Studio) -> None:
    begun(page, studio)
    studio.fake.held = True
    page.keyboard.type("Only a goat.")
    page.keyboard.press("Enter")
    page.locator(".making .said").get_by_text("Hello there,").wait_for()
    assert page.locator("#spoken").inner_text() == ""
    studio.fake.held = False
    page.locator("#spoken").get_by_text("Mrs. Hill: Hello there, friend.").wait_for()


def test_again_gives_alternatives_to_walk_through(page: Any, studio: Studio) -> None:
    begun(page, studio)
    press(page, "Again")
    awaited(page, "Hello there, friend.")
    assert page.get_by_label("alternative 2 of 2").count() == 1
    press(page, "Previous alternative")
    awaited(page, "Do you own any?")
    press(page, "Next alternative")
    awaited(page, "Hello there, friend.")


def test_an_edit_stands_beside_what_was_said(page: Any, studio: Studio) -> None:
    talk = begun(page, studio)
    press(page, "Edit", turn=1)
    page.get_by_role("textbox", name="The turn's text").fill("I hate animals.")
    page.get_by_role("button", name="Save beside").click()
    awaited(page, "I hate animals.")
    assert said(page) == ["Why do you want to work at the zoo?", "I hate animals."]
    assert page.get_by_text("edited").count() == 1
    assert [each["text"] for each in studio.fake.talks[talk]["turns"].values()].count(
        "I love animals."
    ) == 1  # fmt: skip


def test_an_edit_can_be_answered_at_once(page: Any, studio: Studio) -> None:
    begun(page, studio)
    press(page, "Edit", turn=1)
    page.get_by_role("textbox", name="The turn's text").fill("I hate animals.")
    page.get_by_role("button", name="Save, and let Mrs. Hill answer").click()
    awaited(page, "Hello there, friend.")


def test_a_branch_goes_on_from_a_turn_and_offers_how_it_went_on(page: Any, studio: Studio) -> None:
    begun(page, studio)
    press(page, "Branch", turn=1)
    page.get_by_text("How it went on before").wait_for()
    assert said(page)[-1] == "I love animals."
    page.keyboard.type("And plants.")
    page.keyboard.press("Alt+Enter")
    awaited(page, "And plants.")
    press(page, "Previous alternative")
    awaited(page, "Do you own any?")


def test_a_deleted_turn_comes_back_by_undo(page: Any, studio: Studio) -> None:
    begun(page, studio)
    press(page, "Delete", turn=1)
    page.get_by_text("were deleted").wait_for()
    assert said(page) == ["Why do you want to work at the zoo?"]
    page.get_by_role("button", name="Undo", exact=True).click()
    awaited(page, "Do you own any?")
    assert len(said(page)) == 3


def test_after_a_delete_the_focus_is_on_the_turn_before(page: Any, studio: Studio) -> None:
    begun(page, studio)
    press(page, "Delete")
    until(page, "document.activeElement.innerText?.includes('I love animals.')")


def test_a_turn_is_continued(page: Any, studio: Studio) -> None:
    begun(page, studio)
    press(page, "Continue this turn")
    awaited(page, "Do you own any? Hello there, friend.")
    assert asked(studio, "/replies")[-1]["continue"]


def test_a_turn_is_rated_and_the_rating_taken_back(page: Any, studio: Studio) -> None:
    talk = begun(page, studio)
    good = page.locator("[data-turn]").last.get_by_role("button", name="Good")
    press(page, "Good")
    until(page, "document.querySelector('.last [aria-pressed=true]')")
    assert [each["rating"] for each in studio.fake.talks[talk]["turns"].values()][-1] == 1
    good.click()
    until(page, "!document.querySelector('.last .tools [aria-pressed=true]')")
    assert [each["rating"] for each in studio.fake.talks[talk]["turns"].values()][-1] == 0
    press(page, "Bad")
    until(page, "document.querySelector('.last [aria-pressed=true]')")
    assert [each["rating"] for each in studio.fake.talks[talk]["turns"].values()][-1] == -1


def test_the_person_speaks_as_the_other_side(page: Any, studio: Studio) -> None:
    begun(page, studio)
    page.get_by_role("button", name="Speak as Mrs. Hill").click()
    page.get_by_role("textbox", name="What Mrs. Hill says").fill("You are hired.")
    page.keyboard.press("Alt+Enter")
    awaited(page, "You are hired.")
    assert asked(studio, "/turns")[-1]["speaker"] == "Mrs. Hill"
    assert not asked(studio, "/replies")


def test_several_agents_answer_side_by_side_and_one_is_taken(page: Any, studio: Studio) -> None:
    studio.fake.lines = ["From the first.", "From the second."]
    begun(page, studio)
    page.get_by_text("Answered by mini").click()
    page.get_by_role("checkbox", name="godel").check()
    page.keyboard.press("Escape")
    page.get_by_role("textbox", name="What Alex says").fill("A goat.")
    page.keyboard.press("Enter")
    page.get_by_text("Choose how it goes on").wait_for()
    page.locator(".choice").nth(1).wait_for()
    assert page.locator(".choice .said").all_inner_texts() == [
        "From the first.",
        "From the second.",
    ]
    page.get_by_role("button", name="Take this one").nth(1).click()
    awaited(page, "From the second.")
    assert asked(studio, "/replies")[-1]["agents"] == ["mini", "godel"]


def test_a_picture_is_shared_in_words(page: Any, studio: Studio) -> None:
    begun(page, studio)
    page.get_by_role("button", name="Share a picture, in words").click()
    page.get_by_label("What the picture shows").fill("a goat in a red coat")
    page.get_by_role("textbox", name="What Alex says").press("Enter")
    awaited(page, "Hello there, friend.")
    figure = page.locator("[data-turn] figure")
    assert figure.inner_text().endswith("a goat in a red coat")
    assert asked(studio, "/turns")[-1]["image"] == "a goat in a red coat"


def test_a_goal_and_a_skill_direct_the_next_reply_only(page: Any, studio: Studio) -> None:
    begun(page, studio)
    page.get_by_text("Next reply", exact=True).click()
    codes = page.get_by_role("group", name="Action codes").get_by_role("button")
    assert codes.count() == 11
    page.get_by_role("button", name="ask about hobbies").click()
    page.get_by_role("combobox", name="Skill").select_option("Empathy")
    page.get_by_role("textbox", name="Because").fill("he is shy")
    for _ in range(2):
        page.get_by_role("textbox", name="What Alex says").press("Enter")
        awaited(page, "Hello there, friend.")
        until(page, "!document.querySelector('.making')")
    first, second = asked(studio, "/replies")
    plan = {"goal": "ask about hobbies.", "skill": "Empathy", "explanation": "he is shy"}
    assert first["plan"] == plan
    assert "plan" not in second


def test_a_goal_in_ones_own_words_can_be_kept(page: Any, studio: Studio) -> None:
    begun(page, studio)
    page.get_by_text("Next reply", exact=True).click()
    page.get_by_role("textbox", name="Goal, in your words").fill("offer the job")
    page.get_by_label("keep for the replies after it").check()
    for _ in range(2):
        before = len(said(page))
        page.get_by_role("textbox", name="What Alex says").press("Enter")
        until(page, f"document.querySelectorAll('[data-turn]').length > {before}")
    assert [each["plan"]["goal"] for each in asked(studio, "/replies")] == ["offer the job"] * 2


def test_self_play_steps_from_side_to_side(page: Any, studio: Studio) -> None:
    studio.fake.lines = ["One.", "Two.", "Three.", "Four."]
    begun(page, studio)
    page.get_by_role("button", name="Self-play between the two sides").click()
    page.get_by_label("Alex played by").select_option("godel")
    page.get_by_role("button", name="Step: Alex").click()
    awaited(page, "One.")
    page.get_by_role("button", name="Step: Mrs. Hill").click()
    awaited(page, "Two.")
    page.get_by_label("Turns to play").fill("2")
    page.get_by_role("button", name="Play", exact=True).click()
    awaited(page, "Four.")
    made = [(each["speaker"], each["agents"]) for each in asked(studio, "/replies")]
    assert made == [("Alex", ["godel"]), ("Mrs. Hill", ["mini"])] * 2


@pytest.mark.parametrize("how", ["mouse", "keys"])
def test_the_focus_is_never_lost_while_a_reply_is_made_again(
    page: Any, studio: Studio, how: str
) -> None:
    begun(page, studio)
    studio.fake.held = True
    if how == "mouse":
        press(page, "Again")
    else:
        page.get_by_role("textbox", name="What Alex says").press("Escape")
        page.keyboard.press("k")
        page.keyboard.press("r")
    page.locator(".making .said").get_by_text("Hello there,").wait_for()
    until(page, "document.activeElement.matches('.making')")
    studio.fake.held = False
    awaited(page, "Hello there, friend.")
    until(page, "document.activeElement.matches('.turn.last')")


def test_typing_goes_on_while_a_reply_streams(page: Any, studio: Studio) -> None:
    begun(page, studio)
    studio.fake.held = True
    page.keyboard.type("Only a goat.")
    page.keyboard.press("Enter")
    page.locator(".making .said").get_by_text("Hello there,").wait_for()
    page.keyboard.type("And a")
    page.keyboard.press("Enter")
    page.get_by_text("What you wrote stays here.").wait_for()
    studio.fake.held = False
    awaited(page, "Hello there, friend.")
    page.keyboard.type(" dog.")
    say = page.get_by_role("textbox", name="What Alex says")
    assert say.input_value() == "And a dog."


def test_a_generation_survives_a_reload_and_is_stopped_then(page: Any, studio: Studio) -> None:
    begun(page, studio)
    studio.fake.held = True
    page.keyboard.type("Only a goat.")
    page.keyboard.press("Enter")
    page.locator(".making .said").get_by_text("Hello there,").wait_for()
    page.reload()
    page.locator(".making .said").get_by_text("Hello there,").wait_for()
    page.locator(".making").get_by_role("button", name="Stop").click()
    awaited(page, "Hello there,")
    page.get_by_text("stopped", exact=True).wait_for()


def test_a_generation_goes_on_without_the_page(page: Any, studio: Studio) -> None:
    talk = begun(page, studio)
    studio.fake.held = True
    page.keyboard.press("Enter")
    page.locator(".making .said").get_by_text("Hello there,").wait_for()
    page.goto("about:blank")
    studio.fake.held = False
    opened(page, studio, talk)
    awaited(page, "Hello there, friend.")


def test_escape_stops_what_is_under_way(page: Any, studio: Studio) -> None:
    begun(page, studio)
    studio.fake.held = True
    page.keyboard.press("Enter")
    page.locator(".making .said").get_by_text("Hello there,").wait_for()
    page.keyboard.press("Escape")
    awaited(page, "Hello there,")


def test_a_draft_is_there_after_a_reload_and_gone_when_it_was_said(
    page: Any, studio: Studio
) -> None:
    begun(page, studio)
    page.keyboard.type("I was about to say")
    page.reload()
    say = page.get_by_role("textbox", name="What Alex says")
    say.wait_for()
    assert say.input_value() == "I was about to say"
    say.press("Alt+Enter")
    awaited(page, "I was about to say")
    page.reload()
    say.wait_for()
    assert say.input_value() == ""


def test_the_keys_do_what_the_buttons_do(page: Any, studio: Studio) -> None:
    begun(page, studio)
    page.get_by_role("textbox", name="What Alex says").press("Escape")
    page.keyboard.press("r")
    awaited(page, "Hello there, friend.")
    page.keyboard.press("[")
    awaited(page, "Do you own any?")
    page.keyboard.press("+")
    until(page, "document.querySelector('.last [aria-pressed=true]')")
    page.keyboard.press("k")
    page.keyboard.press("k")
    page.keyboard.press("e")
    page.get_by_role("textbox", name="The turn's text").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keys").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog", name="Keys").wait_for(state="hidden")
    page.keyboard.press("c")
    until(page, "document.activeElement.id === 'say'")
