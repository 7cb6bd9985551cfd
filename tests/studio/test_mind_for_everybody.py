"""The mind for those who hear it, who use no pointer, and on a phone; axe-core looks at it all."""

from typing import Any

import pytest

from tests.studio.axe import violations
from tests.studio.browsing import opened
from tests.studio.knowing import OTHER, Knowing, Zoo

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
WIDE: dict[str, Any] = {}
SHEETS = ("Reply", "Prompt", "What if", "Tree")
UNREACHED = """() => [...document.querySelectorAll(
  "#mind :is(button, input, select, textarea, summary)")]
  .filter((each) => each.tabIndex < 0 && each.getAttribute("role") !== "tab").length"""


@pytest.mark.parametrize("screen", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_wrong_in_any_sheet(
    browser: Any, knowing: Any, scheme: str, screen: dict[str, Any]
) -> None:
    app, address = knowing
    app.state.fake = Knowing()
    with opened(browser, address, color_scheme=scheme, **screen) as page:
        zoo = Zoo(page, address, app.state.fake)
        zoo.fake.reply(zoo.talk, OTHER, parent=zoo.hello["id"], activate=False)
        zoo.fake.dropped = [{"speaker": "Alex", "text": "An old turn."}]
        zoo.fake.unsupported = ["memory"]
        zoo.open()
        page.locator("[data-turn]").first.wait_for()
        if screen:
            page.get_by_role("button", name="Mind", exact=True).click()
        for sheet in SHEETS:
            page.get_by_role("tab", name=sheet, exact=True).click()
            shown(page, sheet)
            assert violations(page) == [], sheet
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def shown(page: Any, sheet: str) -> None:
    """Wait for all that a sheet can show, and open what is folded."""
    if sheet == "Reply":
        page.locator(".candidate").first.wait_for()
        page.get_by_text("Scores as a table").click()
        page.get_by_text("Tokens as a table").click()
        page.locator(".token").nth(3).hover()
    elif sheet == "Prompt":
        page.locator(".spans .span").first.wait_for()
        page.get_by_label("Name every part in the text").check()
        page.get_by_text("The oldest turn did not fit").click()
    elif sheet == "What if":
        page.get_by_role("textbox", name="To").fill("It rains.")
        page.get_by_role("button", name="Compare").click()
        page.locator(".pair").wait_for()
    else:
        page.get_by_text("1 other way").click()
        page.get_by_role("treeitem", name="Lions!").wait_for()


def test_everything_in_the_mind_is_reached_without_a_pointer(zoo: Zoo) -> None:
    page = zoo.open()
    page.locator(".candidate").first.wait_for()
    for sheet in SHEETS:
        page.get_by_role("tab", name=sheet, exact=True).click()
        assert page.evaluate(UNREACHED) == 0
    page.locator("[data-turn]").first.focus()
    page.keyboard.press("3")
    page.wait_for_function("document.activeElement.innerText === 'Tree'")
    page.keyboard.press("Home")
    page.locator(".candidate").nth(1).focus()
    page.keyboard.press("Enter")
    page.locator("[data-turn]").get_by_text(OTHER["text"]).wait_for()
