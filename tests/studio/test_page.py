"""The page as a whole: opening it, its talks, its colours, its size, and who may see it."""

import re
from pathlib import Path
from typing import Any

import pytest

from tertulia.studio import serving
from tests.studio.axe import violations
from tests.studio.browsing import Studio
from tests.studio.browsing import opened as page_opened
from tests.studio.fake import SCENE
from tests.studio.talking import awaited, begun, opened, press, said, until

PAGE = Path(serving.__file__).parent / "page"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def test_a_scene_begins_a_talk(page: Any, studio: Studio) -> None:
    page.get_by_role("button", name="Interview").click()
    page.get_by_role("textbox", name="What Alex says").wait_for()
    assert page.get_by_text("Alex wants to work at a zoo.").count() >= 1
    assert re.search(r"#/talks/\w+$", page.url)


def test_a_past_talk_is_opened_and_deleted_with_an_undo(page: Any, studio: Studio) -> None:
    talk = studio.fake.begin({**SCENE, "turns": []}, title="At the zoo")
    page.reload()
    page.get_by_role("button", name="Delete the talk At the zoo").click()
    page.get_by_text("The talk was deleted.").wait_for()
    assert studio.fake.talks[talk]["hidden"]
    page.get_by_role("button", name="Undo", exact=True).click()
    page.get_by_role("link", name="At the zoo").click()
    page.get_by_role("textbox", name="What Alex says").wait_for()


def test_a_talk_is_given_a_title(page: Any, studio: Studio) -> None:
    talk = begun(page, studio)
    page.get_by_role("textbox", name="Title of this talk").fill("The interview")
    page.keyboard.press("Enter")
    until(page, "document.activeElement === document.body")
    for _ in range(300):
        if studio.fake.talks[talk]["title"] == "The interview":
            return
        page.wait_for_timeout(10)
    raise AssertionError("the title never reached the server")


def test_the_colours_follow_the_system_unless_one_chooses(page: Any, studio: Studio) -> None:
    def paper() -> str:
        return page.evaluate("() => getComputedStyle(document.body.parentElement).backgroundColor")

    light = paper()
    page.emulate_media(color_scheme="dark")
    dark = paper()
    assert light != dark
    page.get_by_role("button", name="Colours: system").click()
    assert paper() == light
    page.get_by_role("button", name="Colours: light").click()
    page.emulate_media(color_scheme="light")
    page.reload()
    page.get_by_role("button", name="Colours: dark").wait_for()
    assert paper() == dark


def test_on_a_phone_the_panes_are_tabs_and_nothing_is_wider(browser: Any, studio: Studio) -> None:
    with page_opened(browser, studio.address, **PHONE) as page:
        begun(page, studio)
        for name in ("Stage", "Mind", "Talk"):
            page.get_by_role("navigation", name="Panes").get_by_role("button", name=name).click()
            page.locator(f"#{name.lower()}").wait_for()
            assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
        page.get_by_role("textbox", name="What Alex says").fill("A goat.")
        page.get_by_role("button", name="Say it").click()
        awaited(page, "Hello there, friend.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_wrong(browser: Any, studio: Studio, scheme: str) -> None:
    with page_opened(browser, studio.address, color_scheme=scheme) as page:
        page.get_by_role("button", name="Interview").wait_for()
        assert violations(page) == []
        begun(page, studio)
        press(page, "Again")
        awaited(page, "Hello there, friend.")
        page.get_by_text("Next reply", exact=True).click()
        page.get_by_text("Answered by mini").click()
        page.get_by_role("button", name="Self-play").click()
        page.get_by_role("button", name="Share a picture, in words").click()
        page.get_by_role("combobox", name="Played by", exact=True).select_option("godel")
        page.get_by_text("godel has no place for memory").wait_for()
        press(page, "Edit")
        assert violations(page) == []


def test_axe_finds_nothing_wrong_on_a_phone_and_in_the_dialogs(
    browser: Any, studio: Studio
) -> None:
    with page_opened(browser, studio.address, **PHONE) as page:
        begun(page, studio)
        assert violations(page) == []
        for name in ("Past talks (P)", "Search past talks", "Keys", "Share: export"):
            page.get_by_role("button", name=name).click()
            page.get_by_role("dialog").wait_for()
            assert violations(page) == []
            page.keyboard.press("Escape")
            page.get_by_role("dialog").wait_for(state="hidden")


def test_a_talk_of_two_thousand_turns_opens_with_the_last_and_can_be_walked_up(
    page: Any, studio: Studio
) -> None:
    sides = ("Alex", "Mrs. Hill")
    turns = [{"speaker": sides[n % 2], "text": f"Turn {n}."} for n in range(2000)]
    talk = studio.fake.begin({**SCENE, "turns": turns})
    opened(page, studio, talk)
    awaited(page, "Turn 1999.")
    assert len(said(page)) < 200
    box = page.locator(".turns")
    for _ in range(6):
        before = said(page)[0]
        box.evaluate("box => { box.scrollTop = 0 }")
        until(page, f"document.querySelector('[data-turn] .said').innerText !== {before!r}")
    assert len(said(page)) < 200
    page.get_by_role("button", name="To the newest turn").click()
    awaited(page, "Turn 1999.")


def test_walking_up_keeps_in_sight_what_was_in_sight(page: Any, studio: Studio) -> None:
    turns = [{"speaker": "Alex", "text": f"Turn {n}."} for n in range(300)]
    begun(page, studio, turns)
    box = page.locator(".turns")
    top = "Turn 260."
    page.get_by_text(top, exact=True).wait_for()
    box.evaluate("box => { box.scrollTop = 0 }")
    page.get_by_text("Turn 240.", exact=True).wait_for(state="attached")
    at = page.get_by_text(top, exact=True).bounding_box()
    edge = box.bounding_box()
    assert abs(at["y"] - edge["y"]) < 120


def test_with_a_key_the_page_asks_for_it_and_keeps_it_for_the_tab(
    browser: Any, studio: Studio
) -> None:
    def guarded(route: Any) -> None:
        if route.request.headers.get("x-api-key") == "k3y":
            route.continue_()
        else:
            error = {"error": {"message": "the key is missing", "code": "invalid_api_key"}}
            route.fulfill(status=401, json=error)

    page = browser.new_page()
    page.route("**/tertulia/**", guarded)
    page.goto(studio.address)
    page.get_by_label("Key").fill("k3y")
    page.get_by_role("button", name="Open").click()
    page.get_by_role("button", name="Interview").wait_for()
    page.reload()
    page.get_by_role("button", name="Interview").wait_for()
    assert page.evaluate("() => localStorage.getItem('tertulia.key')") is None
    page.close()
