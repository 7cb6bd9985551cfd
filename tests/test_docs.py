"""The documentation runs, links, and is true to the code."""

from pathlib import Path

import pytest

from tertulia.decoding import Decoding
from tertulia.registry import names
from tests import page_parts, pages
from tests.pages import DOCS, ROOT

PAGES = pages.paths()


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_every_block_of_a_page_does_what_the_page_shows(path: Path) -> None:
    found = pages.play(path)
    assert "failed" not in found, found["failed"]
    assert found["wrong"] == []
    if found["left"]:
        pytest.skip(
            f"{found['left']} blocks need the built-in model, which is not in this checkout"
        )


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_what_is_written_from_the_code_is_what_the_code_says(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    assert page_parts.written(page) == page, "write it anew with: python -m tests.pages"


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_every_link_leads_to_a_file_of_the_project(path: Path) -> None:
    targets = (link.partition("#")[0] for link in pages.links(path.read_text(encoding="utf-8")))
    local = {target for target in targets if target and "://" not in target}
    assert {target for target in local if not (path.parent / target).exists()} == set()


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_every_link_to_a_heading_finds_it(path: Path) -> None:
    links = pages.links(path.read_text(encoding="utf-8"))
    split = [link.partition("#")[::2] for link in links if "#" in link and "://" not in link]
    assert [
        (target, heading)
        for target, heading in split
        if heading not in headings(path.parent / target if target else path)
    ] == []


def headings(path: Path) -> set[str]:
    """The anchors of a page, as they are made on the web."""
    lines = path.read_text(encoding="utf-8").splitlines()
    titles = (line.lstrip("#").strip().lower() for line in lines if line.startswith("#"))
    return {"".join(c for c in t if c.isalnum() or c in "-_ ").replace(" ", "-") for t in titles}


def test_every_page_can_be_reached_from_the_index() -> None:
    reached: set[Path] = set()
    ahead = [DOCS / "index.md"]
    while ahead:
        path = ahead.pop()
        reached.add(path)
        ahead += [each for each in linked(path) if DOCS in each.parents and each not in reached]
    assert {named(path) for path in DOCS.rglob("*.md")} - {named(path) for path in reached} == set()


def linked(path: Path) -> set[Path]:
    """The pages that a page links to; a link to a folder is one to every page in it."""
    links = (link.partition("#")[0] for link in pages.links(path.read_text(encoding="utf-8")))
    targets = [(path.parent / link).resolve() for link in links if link and "://" not in link]
    inside = {page for target in targets if target.is_dir() for page in target.glob("*.md")}
    return inside | {target for target in targets if target.suffix == ".md"}


def test_every_format_has_a_page() -> None:
    families = {path.stem.replace("-", "_") for path in (DOCS / "families").glob("*.md")}
    assert set(names("tertulia.formats")) - families == set()


def test_every_console_block_runs_tertulia_only() -> None:
    commands = [
        command.line
        for path in PAGES
        for block in pages.blocks(path.read_text(encoding="utf-8"))
        if block.language == "console"
        for command in pages.commands(block)
    ]
    assert [line for line in commands if "tertulia" not in line.split()] == []


@pytest.mark.parametrize(
    ("page", "place"),
    [
        ("\n```python\nassert 1 == 2\n```\n", 'File "page.md", line 3'),
        ('```toml scene\nagnet = "A"\n```\n', "no key 'agnet'"),
        ('```toml agent\nformat = "native"\n```\n', "engine"),
    ],
)
def test_a_page_that_is_wrong_is_told_with_its_place(page: str, place: str, tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(page, encoding="utf-8")
    assert place in pages.play(path)["failed"]


def test_a_command_that_prints_something_else_is_told(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("```console\n$ tertulia --version\ntertulia 0\n```\n", encoding="utf-8")
    found = pages.play(path)
    assert len(found["wrong"]) == 1
    outputs = pages.with_outputs(path.read_text(encoding="utf-8"), found["outputs"])
    assert "tertulia 0\n" not in outputs and "$ tertulia --version\ntertulia 0." in outputs


def test_an_omitted_line_stands_for_any_lines_and_other_lines_for_themselves() -> None:
    assert pages.agrees(("a", "…", "d"), ("a", "b", "c", "d"))
    assert not pages.agrees(("a", "…", "d"), ("a", "b", "c"))
    assert not pages.agrees(("a",), ("a", "b"))


def test_a_setting_is_told_by_the_docstring_of_its_class() -> None:
    told = page_parts.told_fields(Decoding.__doc__ or "")
    assert told["max_length"].startswith("published quirk")
    assert told["seed"].endswith("which the completion reports")
