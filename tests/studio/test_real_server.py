"""The page over the real server: the spine, the store and the files behind it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tertulia import rankers
from tertulia.server.app import application
from tertulia.server.settings import Settings
from tests.server.asking import scripted
from tests.server.live import listening
from tests.studio.browsing import opened
from tests.studio.foreign import FOREIGN
from tests.studio.test_hostile_mind import VECTORS

SCENE = {
    "agent": "Rosa",
    "user": "Tom",
    "situation": "Tom comes into Rosa's bakery.",
    "knowledge": ["A roll costs one dollar."],
    "turns": [{"speaker": "Tom", "text": "Good morning!"}],
}


@contextmanager
def serving(folder: Path, *lines: str) -> Iterator[str]:
    """The address of a server whose agent says one of these lines, the first of two candidates."""
    agent = scripted(*lines, window=200_000, candidates=2, seed=4)
    rules = rankers.load("no_repeat", format=agent.format, engine=agent.engine)
    agent = replace(agent, rankers=(rules,))
    settings = Settings(store=str(folder / "talks.db"), page=True)
    with listening(application({"baker": agent}, settings)) as address:
        yield address


def begun(address: str, scene: dict[str, Any], title: str = "") -> str:
    talk = {"scene": scene, "agent": "baker", "title": title}
    answer = httpx.post(f"{address}/tertulia/talks", json=talk)
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["id"]
    return found


def answered(page: Any, text: str) -> None:
    page.locator("#say").fill("And now?")
    page.keyboard.press("Enter")
    page.locator("[data-turn]").get_by_text(text).wait_for()


def test_a_reply_is_planned_made_chosen_looked_into_and_taken_along(
    browser: Any, tmp_path: Path
) -> None:
    with (
        serving(tmp_path, "A roll, sir?", "Bread is warm.") as address,
        opened(browser, address) as page,
    ):
        page.goto(f"{address}/#/talks/{begun(address, SCENE)}")
        answered(page, "A roll, sir?")
        page.locator(".candidate", has_text="Bread is warm.").click()
        page.locator("[data-turn]").get_by_text("Bread is warm.").wait_for()
        page.reload()
        page.locator(".candidate[aria-pressed=true]", has_text="Bread is warm.").wait_for()

        page.get_by_role("tab", name="Prompt").click()
        page.get_by_role("option", name="situation: Tom comes into").wait_for()
        page.get_by_role("option", name="knowledge 1: A roll costs one dollar.").wait_for()

        page.get_by_role("tab", name="What if").click()
        page.get_by_role("textbox", name="To", exact=True).fill("It is night.")
        page.get_by_role("button", name="Compare").click()
        page.locator(".pair ins, .pair article").first.wait_for()

        page.get_by_role("tab", name="Tree").click()
        page.get_by_text("1 other way").click()
        page.get_by_role("treeitem", name="A roll, sir?").wait_for()

        page.get_by_role("button", name="Share: export").click()
        with page.expect_download() as saved:
            page.get_by_role("button", name="Save the file").click()
        page.get_by_text("Nothing was lost on the way.").wait_for()
        page.get_by_label("A file of talks").set_input_files(saved.value.path())
        page.get_by_text("One talk was imported.").wait_for()
        page.locator("[data-turn]").get_by_text("Bread is warm.").wait_for()
        assert len(httpx.get(f"{address}/tertulia/talks").json()["talks"]) == 2


def test_a_plan_is_changed_by_hand_and_is_the_plan_of_the_new_reply(
    browser: Any, tmp_path: Path
) -> None:
    with serving(tmp_path, "A roll, sir?", "Bread.") as address, opened(browser, address) as page:
        talk = begun(address, SCENE)
        page.goto(f"{address}/#/talks/{talk}")
        answered(page, "A roll, sir?")
        page.get_by_role("tabpanel").get_by_label("Goal").fill("sell a cake.")
        page.get_by_role("button", name="Reply again with this plan").click()
        page.get_by_text("Given by you.").wait_for()
        turns = httpx.get(f"{address}/tertulia/talks/{talk}").json()["turns"]
        assert turns[-1]["reply"]["plan"]["goal"] == "sell a cake."
        assert turns[-1]["parent"] == turns[-2]["parent"]


def test_a_hostile_model_and_a_hostile_scene_are_text_from_the_store_to_the_page(
    browser: Any, tmp_path: Path
) -> None:
    words = [each for each in VECTORS if each.strip() and "\0" not in each]
    scene = {
        "agent": "<img src=x onerror=alert(1)>",
        "user": "javascript:alert(2)",
        "situation": " ".join(words),
        "personas": {"__proto__": words, "<svg onload=alert(3)>": words[:9]},
        "knowledge": words,
        "memory": words,
        "turns": [{"speaker": "<b>x</b>", "text": each, "image": each} for each in words],
    }
    with serving(tmp_path, " ".join(words), words[0]) as address, opened(browser, address) as page:
        talk = begun(address, scene, title=words[3])
        page.goto(f"{address}/#/talks/{talk}")
        page.locator("[data-turn]").last.wait_for()
        page.locator("#say").fill(words[7])
        page.keyboard.press("Enter")
        page.locator(".candidate").first.wait_for()
        for sheet in ("Prompt", "What if", "Tree", "Reply"):
            page.get_by_role("tab", name=sheet).click()
            page.get_by_role("tabpanel").locator("h3").first.wait_for()
            assert page.evaluate(FOREIGN) == []
        alone = httpx.get(f"{address}/tertulia/talks/{talk}/page")
    (tmp_path / "talk.html").write_bytes(alone.content)
    read_alone(browser, tmp_path / "talk.html", words)


def read_alone(browser: Any, file: Path, words: list[str]) -> None:
    """The exported page runs nothing, asks for nothing, and holds what was said."""
    context = browser.new_context(offline=True)
    page = context.new_page()
    asked, ran = [], []
    page.on("request", lambda each: asked.append(each.url))
    page.on("dialog", lambda each: ran.append(each.message))
    page.on("console", lambda each: ran.append(each.text))
    page.goto(file.as_uri())
    assert (asked, ran) == ([file.as_uri()], [])
    assert page.locator("script, iframe, object, embed, form, link, base, img, svg").count() == 0
    text = page.locator("body").inner_text()
    assert "<script>alert(1)</script>" in text
    assert page.evaluate("[...document.querySelectorAll('[href],[src],[onerror]')].length") == 0
    context.close()


def test_the_page_and_what_it_loads_are_a_few_files_of_its_own(
    browser: Any, tmp_path: Path
) -> None:
    with serving(tmp_path, "Yes.") as address, opened(browser, address) as page:
        page.get_by_role("heading", name="Conversations you can direct").wait_for()
        loaded = page.evaluate("performance.getEntriesByType('resource').map((e) => e.name)")
        assert all(each.startswith(f"{address}/") for each in loaded)
        policy = httpx.get(f"{address}/").headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


@pytest.mark.slow
def test_two_thousand_turns_of_the_store_open_in_the_page(browser: Any, tmp_path: Path) -> None:
    turns = [{"speaker": ("Tom", "Rosa")[n % 2], "text": f"Turn {n}."} for n in range(2000)]
    with serving(tmp_path, "Yes.") as address, opened(browser, address) as page:
        page.goto(f"{address}/#/talks/{begun(address, {**SCENE, 'turns': turns})}")
        page.locator("[data-turn]").get_by_text("Turn 1999.", exact=True).wait_for()
        page.get_by_role("tab", name="Tree").click()
        page.get_by_role("treeitem", name="Turn 1999.").focus()
        page.keyboard.press("Home")
        page.get_by_role("treeitem", name="Turn 0.").wait_for()
        assert page.get_by_role("treeitem").count() < 60


def test_a_turn_that_was_deleted_is_brought_back_after_a_reload(
    browser: Any, tmp_path: Path
) -> None:
    with serving(tmp_path, "A roll, sir?", "Bread.") as address, opened(browser, address) as page:
        page.goto(f"{address}/#/talks/{begun(address, SCENE)}")
        answered(page, "A roll, sir?")
        page.locator("[data-turn]").nth(1).get_by_role("button", name="Delete").click(force=True)
        page.get_by_text("were deleted").wait_for()
        page.reload()
        page.get_by_role("tab", name="Tree").click()
        page.get_by_label("Deleted turns, too").check()
        row = page.get_by_role("treeitem", name="A roll, sir?")
        row.click()
        page.get_by_role("button", name="Bring it back").click()
        page.locator("[data-turn]").get_by_text("A roll, sir?").wait_for()
        assert page.locator("[data-turn]").count() == 3


def test_a_setting_that_is_refused_is_told_with_the_reason(browser: Any, tmp_path: Path) -> None:
    with serving(tmp_path, "A roll, sir?") as address:
        page = browser.new_page()
        page.goto(f"{address}/#/talks/{begun(address, SCENE)}")
        page.locator(".decoding summary").click()
        page.get_by_label("Beams").fill("2")
        page.get_by_label("Temperature").fill("1")
        page.locator("#say").fill("And now?")
        page.keyboard.press("Enter")
        page.get_by_role("alert").get_by_text("beam search does not sample").wait_for()
        page.close()
