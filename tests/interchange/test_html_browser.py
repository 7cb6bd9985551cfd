"""The page of a talk in a real browser: hostile words do nothing there."""

import shutil
from pathlib import Path

import pytest

from tests.interchange.test_html import WORDS, page, said

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
if not (shutil.which("chromium") or shutil.which("chromium-browser")):
    pytest.skip("no chromium on this machine", allow_module_level=True)

from tests.studio.browsing import chromium  # noqa: E402 - needs playwright


def test_no_word_runs_fetches_or_complains_in_a_browser(tmp_path: Path) -> None:
    path = tmp_path / "talks.html"
    path.write_text(page(*map(said, WORDS))[0], encoding="utf-8")
    seen: list[str] = []
    with chromium() as browser:
        opened = browser.new_page(viewport={"width": 360, "height": 800})
        opened.on("console", lambda message: seen.append(message.text))
        opened.on("dialog", lambda dialog: (seen.append(dialog.message), dialog.dismiss()))
        opened.on("request", lambda request: seen.append(request.url))
        opened.goto(path.as_uri())
        opened.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        foreign = "document.querySelectorAll('script, img, svg, iframe, a, form, link').length"
        assert opened.evaluate(foreign) == 0
        assert opened.evaluate("document.documentElement.scrollWidth") <= 360
    assert seen == [path.as_uri()]
