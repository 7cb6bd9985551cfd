"""`python -m tests.studio.pictures`: the pictures in docs/images, taken of the real page.

The built-in model plays; the seeds are drawn, so the words differ from one time to the next.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.studio.browsing import chromium

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SAID = ("I worked in a pet shop for two years.", "I like to be outside, even in the rain.")


@contextmanager
def studio() -> Iterator[str]:
    """The address of a talk in the interview scene, over a store that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tertulia", "studio", "--no-browser", "--port", "0"]
        command += ["--scene", "interview", "--store", f"{folder}/talks.sqlite"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout
        try:
            found = re.search(r"open at (\S+)", process.stdout.readline())
            assert found
            yield found[1]
        finally:
            process.terminate()
            process.wait()


def say(page: Any, text: str) -> None:
    """Say it, and wait for the whole answer."""
    before = page.locator("[data-turn]").count()
    page.locator("#say").fill(text)
    page.locator("#say").press("Enter")
    page.locator("[data-turn]").nth(before + 1).wait_for(timeout=60_000)


def talked(page: Any) -> None:
    """A short talk, the last reply of it made once more."""
    page.get_by_label("Title of this talk").fill("At the zoo")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Let Mrs. Hill speak").click()
    page.locator("[data-turn]").nth(2).wait_for(timeout=60_000)
    say(page, SAID[0])
    page.get_by_text("Next reply", exact=True).click()
    page.get_by_role("button", name="ask about hobbies").click()
    say(page, SAID[1])
    last = page.locator("[data-turn]").last
    text = last.inner_text()
    last.get_by_role("button", name="Again").click()
    page.wait_for_timeout(300)
    page.locator(".making").wait_for(state="detached", timeout=60_000)
    assert page.locator("[data-turn]").last.inner_text() != text
    page.mouse.move(0, 0)
    page.get_by_role("button", name="talk about travel").click()
    page.wait_for_timeout(800)


def taken(page: Any, name: str) -> None:
    page.screenshot(path=IMAGES / f"{name}.png", animations="disabled", caret="hide")


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with studio() as address, chromium() as browser:
        desk = browser.new_page(viewport={"width": 1360, "height": 800}, color_scheme="light")
        desk.goto(address)
        talked(desk)
        taken(desk, "studio")
        desk.emulate_media(color_scheme="dark")
        taken(desk, "studio-dark")
        desk.emulate_media(color_scheme="light")
        desk.goto(address.partition("#")[0] + "#/")
        desk.get_by_role("heading", name="Conversations you can direct").wait_for()
        desk.wait_for_timeout(500)
        taken(desk, "studio-scenes")
        context = browser.new_context(
            viewport={"width": 390, "height": 780}, is_mobile=True, has_touch=True,
            color_scheme="light",
        )  # fmt: skip
        phone = context.new_page()
        phone.goto(address)
        phone.locator("[data-turn]").last.wait_for()
        phone.wait_for_timeout(500)
        taken(phone, "studio-phone")


if __name__ == "__main__":
    main()
