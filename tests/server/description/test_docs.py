"""/docs: the description as one page that runs nothing and asks nobody else."""

import json
import re
import shutil
import subprocess
import threading
from html.parser import HTMLParser
from pathlib import Path

import pytest
import uvicorn

from tertulia.server.app import application
from tertulia.server.description import docs
from tertulia.server.process import bound
from tertulia.server.settings import Settings
from tests.server.asking import asked, scripted

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)


class Reader(HTMLParser):
    """The tags, attributes and anchors of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        told = dict(attrs)
        if tag == "a":
            self.links.append(told["href"] or "")
        if "id" in told:
            self.ids.append(told["id"] or "")


def page(agents=None) -> Reader:  # type: ignore[no-untyped-def]
    response = asked(lambda http: http.get("/docs"), agents=agents)
    assert response.headers["content-type"].startswith("text/html")
    return Reader(response.text)


def test_the_page_has_no_script_and_nothing_that_is_fetched() -> None:
    found = page({"mini": scripted(), "godel": scripted(format="godel")})
    assert not found.tags & {"script", "link", "img", "iframe", "form", "object", "base"}
    assert not {each for each in found.attributes if each.startswith("on") or each == "src"}
    assert all(link.startswith("#") or link == "openapi.json" for link in found.links)


def test_every_link_of_the_page_leads_to_a_part_of_it_and_no_part_stands_twice() -> None:
    found = page({"mini": scripted(), "godel": scripted(format="godel")})
    assert {link[1:] for link in found.links if link.startswith("#")} <= set(found.ids)
    assert len(found.ids) == len(set(found.ids))


def test_every_route_and_every_shape_is_on_the_page() -> None:
    text = asked(lambda http: http.get("/docs")).text
    told = asked(lambda http: http.get("/openapi.json")).json()
    assert all(path in text for path in told["paths"])
    assert all(f'id="shape-{name}"' in text for name in told["components"]["schemas"])
    assert "must be in" not in text and "max_new_tokens" in text and "≤ 65536" in text


def test_a_policy_lets_the_browser_load_nothing_but_the_style_of_the_page() -> None:
    response = asked(lambda http: http.get("/docs"))
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert re.search(f"<style>{re.escape(docs.STYLE)}</style>", response.text)


def test_what_the_description_says_never_becomes_markup() -> None:
    evil = "<script>alert(1)</script>"
    found = {
        "info": {"title": evil, "version": "1"},
        "paths": {f"/{evil}": {"get": {"description": evil, "responses": {
            "200": {"description": evil, "content": {evil: {}}}}}}},
        "components": {"schemas": {evil: {"description": evil, "properties": {
            evil: {"enum": [evil], "description": evil}}}}},
    }  # fmt: skip
    assert "<script" not in docs.page(found, "http://localhost/")


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_browser_shows_the_page_and_asks_nobody_else(tmp_path: Path) -> None:
    listening = bound("127.0.0.1", 0)
    app = application({"mini": scripted()}, Settings())
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none"))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    port = listening.getsockname()[1]
    log = tmp_path / "net.json"
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
        "--disable-background-networking", "--disable-component-update", "--no-first-run",
        "--disable-dev-shm-usage", f"--user-data-dir={tmp_path / 'profile'}",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--enable-logging=stderr", f"--log-net-log={log}", f"http://127.0.0.1:{port}/docs",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    server.should_exit = True
    thread.join(10)
    assert "POST /v1/chat/completions" in re.sub(r"<[^>]+>", "", done.stdout)
    assert "Refused to" not in done.stderr and "violates" not in done.stderr
    own = f"http://127.0.0.1:{port}"
    # The browser's own requests (its updates and the like) have no page that began them.
    requests = [each.get("params", {}) for each in json.loads(log.read_text())["events"]]
    begun = [each["url"] for each in requests if each.get("initiator", "").startswith(own)]
    assert all(url.startswith(own) for url in begun)
    assert f"{own}/docs" in {each.get("url") for each in requests}
