"""A real browser before the page: Debian's Chromium, driven by Playwright.

A test that leaves a complaint in the console, a report of the page's policy, or a request to
another place than the page's own origin, fails.
"""

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from tests.studio.fake import Fake, application

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no chromium on this machine")

REPORTS = """
window.reports = [];
addEventListener("securitypolicyviolation", (event) =>
  window.reports.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
window.pwned = 0;
for (const name of ["alert", "confirm", "prompt"]) window[name] = () => { window.pwned += 1; };
"""


class Server(uvicorn.Server):
    """uvicorn in a thread, which tells where it listens."""

    @contextmanager
    def running(self) -> Iterator[str]:
        thread = threading.Thread(target=self.run, daemon=True)
        thread.start()
        try:
            while not self.started:
                assert thread.is_alive()
                time.sleep(0.01)
            port = self.servers[0].sockets[0].getsockname()[1]
            yield f"http://127.0.0.1:{port}"
        finally:
            self.should_exit = self.force_exit = True
            thread.join(timeout=10)


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The address of an ASGI application that is served on a free port."""
    config = uvicorn.Config(app, port=0, log_level="error", ws="none", lifespan="off")
    with Server(config).running() as address:
        yield address


@contextmanager
def chromium() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(browser: Any, address: str, **options: Any) -> Iterator[Any]:
    """A page that is watched; see the top of this file."""
    context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
    context.set_default_timeout(30_000)
    context.add_init_script(REPORTS)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: own(asked.url, address) or complaints.append(asked.url))
    page.goto(address)
    yield page
    reports = page.evaluate("window.reports")
    pwned = page.evaluate("window.pwned")
    context.close()
    assert (complaints, reports, pwned) == ([], [], 0), (complaints, reports)


def own(url: str, address: str) -> bool:
    return url.startswith((f"{address}/", "data:", "blob:"))


class Studio:
    """The page over a fake server."""

    def __init__(self, address: str, fake: Fake) -> None:
        self.address, self.fake = address, fake


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    # For a module, not for the session: Playwright's own event loop counts as running in this
    # thread as long as it is open, and tests elsewhere call asyncio.run.
    if not CHROMIUM:
        pytest.skip("no chromium on this machine")
    with chromium() as found:
        yield found


@pytest.fixture
def studio() -> Iterator[Studio]:
    fake = Fake()
    with served(application(fake)) as address:
        yield Studio(address, fake)


@pytest.fixture
def page(browser: Any, studio: Studio) -> Iterator[Any]:
    with opened(browser, studio.address) as found:
        yield found
