"""Whatever is written, by whomever, is text: nothing runs, nothing is loaded, nothing is lost."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.studio.browsing import Studio
from tests.studio.fake import SCENE
from tests.studio.foreign import FOREIGN
from tests.studio.talking import begun, opened, until

VECTORS = [
    text
    for texts in json.loads(Path(__file__).with_name("vectors.json").read_text("utf-8")).values()
    for text in texts
]
PAGES = [VECTORS[at : at + 40] for at in range(0, len(VECTORS), 40)]


def test_the_corpus_is_of_a_size_that_tells_something() -> None:
    assert len(set(VECTORS)) == len(VECTORS) >= 300


@pytest.mark.parametrize("place", range(len(PAGES)))
def test_what_is_said_stays_text(page: Any, studio: Studio, place: int) -> None:
    texts = PAGES[place]
    sides = (SCENE["agent"], SCENE["user"])
    turns = [{"speaker": sides[n % 2], "text": text, "image": text} for n, text in enumerate(texts)]
    talk = studio.fake.begin({**SCENE, "turns": turns})
    opened(page, studio, talk)
    until(page, f"document.querySelectorAll('[data-turn]').length === {len(texts)}")
    assert page.evaluate(FOREIGN) == []
    shown = page.locator("[data-turn] figcaption").all_text_contents()
    assert [each.removeprefix("Picture: ") for each in shown] == list(texts)


@pytest.mark.parametrize("place", range(len(PAGES)))
def test_the_stage_and_the_names_hold_text(page: Any, studio: Studio, place: int) -> None:
    texts = PAGES[place]
    name, other = texts[0], texts[1]
    scene = {
        "agent": name, "user": other, "situation": name, "instruction": other,
        "personas": {name: list(texts[:9]), other: [], **{text: [text] for text in texts[2:]}},
        "knowledge": list(texts[:9]), "memory": list(texts[:9]),
    }  # fmt: skip
    talk = studio.fake.begin(
        {**scene, "turns": [{"speaker": text, "text": "x"} for text in texts]}, title=name
    )
    page.goto("about:blank")
    page.goto(f"{studio.address}/#/talks/{talk}")
    until(page, f"document.querySelectorAll('[data-turn]').length === {len(texts)}")
    assert page.evaluate(FOREIGN) == []
    assert page.locator("[data-turn] .speaker").all_text_contents() == list(texts)


def test_replies_are_text_while_they_are_said_and_after(page: Any, studio: Studio) -> None:
    texts = [text for text in VECTORS if text.strip("\n\r\t \x00\x01\x02\x7f")][::12]
    studio.fake.lines = texts
    begun(page, studio)
    for place, _text in enumerate(texts):
        before = 3 + place
        page.keyboard.press("Enter")
        until(page, f"document.querySelectorAll('[data-turn]').length > {before}")
        assert page.evaluate(FOREIGN) == []


def test_a_card_and_a_scene_of_a_stranger_are_text(page: Any, studio: Studio) -> None:
    for place, text in enumerate(VECTORS[::40]):
        scene = {"agent": text, "user": "You", "situation": text}
        given = {"id": f"s{place}", "title": text, "posted": True, "scene": scene}
        studio.fake.scenes.append(given)
        studio.fake.agents.append({**studio.fake.agents[0], "name": text, "format": text})
        studio.fake.begin({**scene, "turns": []}, agent_name=text, title=text)
    page.reload()
    page.get_by_role("button", name="Interview").wait_for()
    assert page.evaluate(FOREIGN) == []
    card = json.dumps({"name": VECTORS[0], "scenario": VECTORS[-60]}).encode()
    file = {"name": "<img src=x onerror=alert(1)>.json", "mimeType": "x/y", "buffer": card}
    page.get_by_label("A character card").set_input_files(file)
    page.get_by_role("button", name="Put it on the stage").click()
    until(page, "location.hash.startsWith('#/talks/')")
    assert page.evaluate(FOREIGN) == []
