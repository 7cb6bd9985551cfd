"""The page of `tertulia compare`: whatever was said, it is text, and nothing else is fetched."""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tertulia.cli import main
from tertulia.cli._terminal import safe

AGENT = """
format = "native"
[engine]
name = "scripted"
lines = [{line}, "Two."]
[decoding]
candidates = 2
[[rankers]]
name = "no_repeat"
"""


@dataclass
class Read(HTMLParser):
    """The elements of a page in order, and the text in each kind of them."""

    tags: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    attributes: list[tuple[str, str]] = field(default_factory=list)
    text: dict[str, list[str]] = field(default_factory=dict)
    inside: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in ("meta",):
            self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.inside.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in {*self.inside}:
            self.text.setdefault(tag, []).append(data)

    def said(self, tag: str) -> str:
        return "".join(self.text.get(tag, []))


def page(folder: Path, words: str, line: str = "One.") -> tuple[Read, str]:
    """The page on which everything that can be said says these words."""
    scene = {
        "agent": "Ana",
        "user": "Ben",
        "situation": words,
        "instruction": words,
        "personas": {"Ana": [words]},
        "knowledge": [words],
        "memory": [words],
        "plan": {"goal": words, "skill": words, "explanation": words},
        "turns": [{"speaker": "Ben", "text": words, "image": words}],
    }
    (folder / "talk.json").write_text(json.dumps(scene))
    (folder / "a.toml").write_text(AGENT.format(line=json.dumps(line, ensure_ascii=False)))
    sides = ("--agent", "a.toml", "--model", "nowhere")
    main(["compare", "talk.json", *sides, "--seed", "0", "--html", "a.html"])
    text = (folder / "a.html").read_text(encoding="utf-8")
    read = Read()
    read.feed(text)
    read.close()
    assert read.inside == []
    return read, text


MARKUP = (
    "</style><script>x</script>",
    "</pre></details></article><h1>",
    '" onclick="x" title="',
    "' autofocus onfocus='x",
    "<!-- --> <![CDATA[ ]]> <?x?>",
    "&lt;b&gt; &amp; &#60;b&#62; &nbsp;",
    "<img src=x onerror=x>",
    "$title ${cells} $$ %s {0}",
    "</title></head><base href=x>",
)


@pytest.mark.parametrize("words", MARKUP)
def test_what_is_said_never_becomes_markup(tmp_path: Path, words: str) -> None:
    harmless, _ = page(tmp_path, "words", "words, and more")
    hostile, _ = page(tmp_path, words, f"{words}, and more")
    assert hostile.tags == harmless.tags
    assert words in hostile.said("blockquote") and words in hostile.said("dd")


@pytest.mark.parametrize("words", ["\0", "\ud800", "\x1b[31m", "\u202e", "\r", "\x0c", "\ufffe"])
def test_no_character_breaks_the_page(tmp_path: Path, words: str) -> None:
    harmless, _ = page(tmp_path, "words")
    hostile, text = page(tmp_path, words)
    assert hostile.tags == harmless.tags
    assert not any(char in text for char in words if not char.isprintable())


def test_what_is_said_stands_on_the_page_as_it_was_said(tmp_path: Path) -> None:
    words = "a <b> & \"c\" 'd' </p><script>"
    read, _ = page(tmp_path, words, f"{words}, and more")
    assert f"{words}, and more" in read.said("blockquote") and read.said("pre").count(words) == 10
    assert words in read.said("td") and words in read.said("dd")


def test_what_cannot_be_seen_is_written_out(tmp_path: Path) -> None:
    words = "a\x1b\u202eb\ud800\0"
    read, _ = page(tmp_path, words, "c\u202ed")
    assert r"c\u202ed" in read.said("blockquote")
    assert safe(words) in read.said("dd") and "\u202e" not in read.said("body")


def test_nothing_is_run_and_nothing_is_fetched(tmp_path: Path) -> None:
    read, _ = page(tmp_path, "words")
    names = {tag for tag, _ in read.tags}
    assert not names & {"script", "img", "link", "iframe", "object", "base", "form", "a"}
    assert {name for name, _ in read.attributes} <= {
        "lang", "charset", "http-equiv", "content", "name", "class", "dir", "title"
    }  # fmt: skip


def test_its_policy_allows_its_own_style_sheet_and_nothing_else(tmp_path: Path) -> None:
    read, text = page(tmp_path, "words")
    style = text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    [policy] = [v for n, v in read.attributes if n == "content" and "default-src" in v]
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    assert "url(" not in style and "@import" not in style


def test_the_exact_prompt_is_there_span_by_span(tmp_path: Path) -> None:
    read, _ = page(tmp_path, "tea")
    assert read.said("pre").startswith("<|begin|><|situation|> tea<|instruction|> tea")
    titles = {value for name, value in read.attributes if name == "title"}
    assert {"situation", "personas.Ana.0", "knowledge.0", "plan.skill", "turns.0.image"} <= titles


def test_it_tells_errors_dropped_candidates_and_that_machines_wrote_it(tmp_path: Path) -> None:
    read, _ = page(tmp_path, "words", "words")
    assert "no model folder 'nowhere'" in read.said("blockquote")
    assert "dropped" in read.said("td")
    assert "written by machines" in read.said("footer")


def test_a_page_that_is_there_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("old")
    _, text = page(tmp_path, "words")
    assert text.startswith("<!doctype html>") and list(tmp_path.glob(".a.html*")) == []
