"""Nothing is lost: not to another page, a server that ends, a slow answer or a wrong key."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.studio.browsing import Studio
from tests.studio.fake import SCENE
from tests.studio.knowing import Zoo
from tests.studio.talking import asked, awaited, begun, opened, press, said, until


@pytest.fixture
def rough(browser: Any, studio: Studio) -> Iterator[Any]:
    """A page whose console may complain, as browsers do of each answer that is an error."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(studio.address)
    yield page
    page.close()


def saved(page: Any) -> None:
    page.locator(".saved").get_by_text("saved", exact=True).wait_for()


def test_what_is_typed_on_the_stage_is_kept_though_the_talk_changed_elsewhere(
    rough: Any, studio: Studio
) -> None:
    talk = begun(rough, studio)
    found = studio.fake.talks[talk]
    found["scene"] = {**found["scene"], "instruction": "Be kind."}
    found["version"] += 1
    rough.get_by_role("textbox", name="Situation").fill("A ship in a storm.")
    saved(rough)
    assert found["scene"]["situation"] == "A ship in a storm."
    assert found["scene"]["instruction"] == "Be kind."
    assert rough.get_by_role("textbox", name="Instruction").input_value() == "Be kind."


def test_what_was_said_elsewhere_is_there_when_one_looks_again(page: Any, studio: Studio) -> None:
    talk = begun(page, studio)
    studio.fake.add(talk, "Alex", "From the other window.")
    page.evaluate("() => dispatchEvent(new Event('focus'))")
    awaited(page, "From the other window.")


def test_a_reply_that_a_restarted_server_forgot_is_there_as_far_as_it_came(
    rough: Any, studio: Studio
) -> None:
    begun(rough, studio)
    studio.fake.held = True
    rough.keyboard.type("Only a goat.")
    rough.keyboard.press("Enter")
    rough.locator(".making .said").get_by_text("Hello there,").wait_for()
    studio.fake.restart()
    awaited(rough, "Hello there,")
    rough.get_by_text("The server was started anew.").wait_for()
    rough.locator(".turn .marks").get_by_text("broken off before its end").wait_for()
    assert rough.locator(".making").count() == 0


def test_while_the_server_is_away_nothing_is_lost_and_the_page_goes_on_afterwards(
    rough: Any, studio: Studio
) -> None:
    talk = begun(rough, studio)
    rough.route("**/*", lambda route: route.abort())
    rough.get_by_role("textbox", name="Situation").fill("A ship in a storm.")
    away = rough.get_by_text("The server cannot be reached.")
    away.wait_for()
    assert rough.locator(".saved").inner_text() == "not saved"
    rough.unroute("**/*")
    away.wait_for(state="detached")
    saved(rough)
    assert studio.fake.talks[talk]["scene"]["situation"] == "A ship in a storm."


def test_the_next_reply_follows_what_was_typed_on_the_stage_a_moment_before(
    page: Any, studio: Studio
) -> None:
    begun(page, studio)
    page.get_by_role("textbox", name="Situation").fill("A ship in a storm.")
    page.locator("#say").press("Enter")
    awaited(page, "Hello there, friend.")
    order = [path.rsplit("/", 1)[-1] for method, path, _ in studio.fake.asked if method != "GET"]
    assert order.index("t1") < order.index("replies")


def test_of_two_talks_that_are_opened_the_later_stays(page: Any, studio: Studio) -> None:
    slow, quick = (studio.fake.begin({**SCENE, "turns": []}, title=name) for name in ("A", "B"))
    waiting: list[Any] = []
    page.route(f"**/talks/{slow}?*", lambda route: waiting.append(route))
    page.evaluate(f"() => {{ location.hash = '#/talks/{slow}' }}")
    page.wait_for_timeout(50)
    page.evaluate(f"() => {{ location.hash = '#/talks/{quick}' }}")
    title = page.get_by_role("textbox", name="Title of this talk")
    title.wait_for()
    for route in waiting:
        route.continue_()
    page.wait_for_timeout(100)
    assert (title.input_value(), page.url.rsplit("/", 1)[-1]) == ("B", quick)
    assert page.title() == "B · Tertulia"


def test_a_talk_that_is_not_there_is_said_to_be(rough: Any, studio: Studio) -> None:
    rough.route("**/talks/gone?*", lambda route: route.fulfill(status=404, json={"error": {}}))
    rough.goto(f"{studio.address}/#/talks/gone")
    rough.get_by_text("This talk is not there, or was deleted.").wait_for()
    until(rough, "location.hash === '#/'")


def test_a_message_can_be_answered_while_a_dialog_is_open(page: Any, studio: Studio) -> None:
    talk = begun(page, studio)
    page.get_by_role("button", name="Past talks (P)").click()
    dialog = page.get_by_role("dialog", name="Past talks")
    dialog.get_by_role("button", name="Delete the talk").click()
    dialog.get_by_role("button", name="Undo", exact=True).click()
    dialog.get_by_role("link").wait_for()
    assert not studio.fake.talks[talk]["hidden"]


def test_an_edit_that_is_cancelled_comes_back_by_undo(page: Any, studio: Studio) -> None:
    begun(page, studio)
    press(page, "Edit", turn=1)
    page.get_by_role("textbox", name="The turn's text").fill("I hate animals.")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Undo", exact=True).click()
    assert page.get_by_role("textbox", name="The turn's text").input_value() == "I hate animals."


def test_a_goal_that_waits_and_the_decoding_outlive_a_reload(page: Any, studio: Studio) -> None:
    begun(page, studio)
    page.get_by_text("Next reply", exact=True).click()
    page.get_by_role("textbox", name="Goal, in your words").fill("offer the job")
    page.locator(".decoding summary").click()
    page.get_by_label("Temperature").fill("1.5")
    page.reload()
    page.locator(".goals").get_by_text("offer the job").wait_for()
    page.locator("#say").press("Enter")
    awaited(page, "Hello there, friend.")
    sent = asked(studio, "/replies")[-1]
    assert (sent["plan"]["goal"], sent["decoding"]) == ("offer the job", {"temperature": 1.5})


def test_a_letter_pressed_beside_the_talk_does_nothing_to_its_last_turn(
    page: Any, studio: Studio
) -> None:
    begun(page, studio)
    page.get_by_role("tab", name="Tree").click()
    page.locator("[role=treeitem]").last.click()
    page.keyboard.press("d")
    page.keyboard.press("/")
    page.get_by_role("dialog", name="Search").wait_for()
    assert len(said(page)) == 3
    assert not any(method == "DELETE" for method, _, _ in studio.fake.asked)


def test_a_long_talk_keeps_the_records_of_its_latest_replies_alone(
    page: Any, studio: Studio
) -> None:
    begun(page, studio)
    for count in range(12):
        page.locator("#say").press("Enter")
        until(page, f"document.querySelectorAll('[data-turn]').length === {count + 4}")
        until(page, "!document.querySelector('.making')")
    kept = page.evaluate("async () => (await import('/studio/state.js')).generations.value.size")
    assert kept <= 9


def test_a_stream_that_is_taken_up_twice_is_told_once(page: Any, studio: Studio) -> None:
    talk = begun(page, studio)
    studio.fake.held = True
    page.locator("#say").press("Enter")
    page.locator(".making .said").get_by_text("Hello there,").wait_for()
    page.evaluate("() => { dispatchEvent(new Event('focus')); dispatchEvent(new Event('focus')) }")
    page.wait_for_timeout(200)
    assert page.locator(".making .said").inner_text() == "Hello there,"
    studio.fake.held = False
    awaited(page, "Hello there, friend.")
    opened(page, studio, talk)


def test_who_went_to_another_branch_while_a_reply_was_made_stays_there(
    page: Any, studio: Studio
) -> None:
    talk = begun(page, studio)
    first = next(iter(studio.fake.talks[talk]["turns"]))
    other = studio.fake.add(talk, "Alex", "I hate animals.", parent=first, activate=False)
    page.reload()
    page.locator("#say").wait_for()
    studio.fake.held = True
    page.locator("#say").press("Enter")
    page.locator(".making .said").get_by_text("Hello there,").wait_for()
    press(page, "Next alternative", turn=1)
    awaited(page, other["text"])
    studio.fake.held = False
    page.get_by_role("button", name="Go there").wait_for()
    assert said(page)[-1] == other["text"]
    page.get_by_role("button", name="Go there").click()
    awaited(page, "Hello there, friend.")


def test_what_is_changed_in_what_if_is_there_after_a_look_at_another_sheet(zoo: Zoo) -> None:
    page = zoo.open("What if")
    page.get_by_role("textbox", name="To", exact=True).fill("A ship in a storm.")
    page.get_by_role("tab", name="Prompt").click()
    page.get_by_role("tab", name="What if").click()
    kept = page.get_by_role("textbox", name="To", exact=True).input_value()
    assert kept == "A ship in a storm."
