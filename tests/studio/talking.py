"""What tests of the page do and look at: by the names that a screen reader tells."""

from typing import Any

from tests.studio.browsing import Studio
from tests.studio.fake import SCENE

TURNS = [
    {"speaker": "Mrs. Hill", "text": "Why do you want to work at the zoo?"},
    {"speaker": "Alex", "text": "I love animals."},
    {"speaker": "Mrs. Hill", "text": "Do you own any?"},
]


def begun(page: Any, studio: Studio, turns: list[dict[str, str]] = TURNS, **scene: Any) -> str:
    """A talk of these turns, open in the page."""
    talk = studio.fake.begin({**SCENE, **scene, "turns": turns})
    opened(page, studio, talk)
    return talk


def opened(page: Any, studio: Studio, talk: str) -> None:
    page.goto(f"{studio.address}/#/talks/{talk}")
    page.get_by_role("textbox", name="What Alex says").wait_for()


def said(page: Any) -> list[str]:
    """The texts of the turns that are shown."""
    return page.locator("[data-turn] .said").all_inner_texts()


def awaited(page: Any, text: str) -> None:
    """Wait until the last turn says this."""
    page.locator("[data-turn] .said").last.get_by_text(text, exact=True).wait_for()


def press(page: Any, name: str, turn: int = -1) -> None:
    """A button of a turn, by the beginning of its name."""
    at = page.locator("[data-turn]").nth(turn)
    at.hover()
    at.get_by_role("button", name=name).first.click()


def asked(studio: Studio, path: str) -> list[dict[str, Any]]:
    """The bodies that were sent to a path that ends like this."""
    return [body for _, at, body in studio.fake.asked if at.endswith(path)]


def until(page: Any, condition: str) -> None:
    """Wait until an expression of JavaScript is true; wait_for_function would need eval."""
    for _ in range(500):
        if page.evaluate(f"() => Boolean({condition})"):
            return
        page.wait_for_timeout(10)
    raise AssertionError(f"never true: {condition}")
