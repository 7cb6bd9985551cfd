"""The page's files, and the policy they are served under."""

import asyncio
import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from tertulia.studio import serving

PAGE = Path(serving.__file__).parent / "page"
OWN = sorted(path for path in PAGE.rglob("*.js") if "vendor" not in path.parts)
VENDORED = re.findall(
    r"^\| (\S+\.js) \|.*`([0-9a-f]{64})` \|$",
    (PAGE / "vendor" / "README.md").read_text("utf-8"),
    re.MULTILINE,
)


def got(path: str, **headers: str) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(Starlette(routes=serving.routes()))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            return await http.get(path, headers=headers)

    # In a thread of its own: while a browser is open, Playwright's loop is that of this one.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, asked()).result()


@pytest.mark.parametrize("path", ["/", "/studio/app.js", "/studio/style/base.css"])
def test_every_file_is_served_under_the_policy(path: str) -> None:
    response = got(path)
    assert response.status_code == 200
    policy = response.headers["content-security-policy"].split("; ")
    assert "default-src 'none'" in policy and "script-src 'self'" in policy
    assert "require-trusted-types-for 'script'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cross-origin-resource-policy"] == "same-origin"


def test_a_file_that_did_not_change_is_not_sent_again() -> None:
    first = got("/studio/app.js")
    again = got("/studio/app.js", **{"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", [
    "/studio/", "/studio/nope.js", "/studio/../serving.py", "/studio/..%2fserving.py",
    "/studio/%2e%2e/serving.py", "/studio/vendor/README.md", "/studio//etc/passwd",
])  # fmt: skip
def test_nothing_else_is_served(path: str) -> None:
    assert got(path).status_code == 404


def test_every_file_that_the_page_names_is_there() -> None:
    index = (PAGE / "index.html").read_text("utf-8")
    named = re.findall(r'(?:href|src)="(/[^"]+)"', index)
    assert named and {got(path).status_code for path in named} == {200}


def test_the_page_has_no_inline_script_or_style() -> None:
    index = (PAGE / "index.html").read_text("utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", index)


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_no_file_of_ours_makes_markup_or_code_of_text(path: Path) -> None:
    source = path.read_text("utf-8")
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacent|dangerously|document\.write|\beval\b|Function\("
    )
    assert re.findall(forbidden, source) == []
    assert re.findall(r'from "(?!\./)', source) == []


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_every_file_opens_with_what_it_is_and_stays_readable(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    assert lines[0].startswith("// ") and len(lines) <= 300


@pytest.mark.parametrize(("file", "hashed"), VENDORED)
def test_vendored_files_are_those_of_their_packages(file: str, hashed: str) -> None:
    content = (PAGE / "vendor" / file).read_bytes()
    assert hashlib.sha256(content).hexdigest() == hashed


def test_every_vendored_file_is_told_of() -> None:
    folder = PAGE / "vendor"
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*.js")}
    assert {name for name, _ in VENDORED} == found


def test_the_page_asks_for_all_its_modules_at_once() -> None:
    named = re.findall(r'rel="modulepreload" href="/studio/([^"]+)"', got("/").text)
    assert named == sorted(path.relative_to(PAGE).as_posix() for path in PAGE.rglob("*.js"))
