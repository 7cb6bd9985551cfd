"""What a hostile model or card writes is text in the mind, in lists, titles and dialogs."""

import itertools
import json
from pathlib import Path
from typing import Any

from tests.studio.foreign import FOREIGN
from tests.studio.knowing import FORMS, Zoo, candidate

VECTORS = [
    text
    for texts in json.loads(Path(__file__).with_name("vectors.json").read_text("utf-8")).values()
    for text in texts
]


def hostile(zoo: Zoo) -> Any:
    """Everything that is known of a reply says something hostile; the page at it."""
    draw = itertools.cycle(VECTORS).__next__
    fake = zoo.fake
    plan = {"goal": draw(), "skill": draw(), "explanation": draw(), "written": draw()}
    tokens = [[text, -1.0] for text in VECTORS]
    rest = [candidate(text, -1.0 - n) for n, text in enumerate(VECTORS[1:])]
    reply = fake.reply(zoo.talk, candidate(VECTORS[0], -0.5, *tokens), *rest, plan=plan)
    kept = fake.records[reply["id"]]
    kept |= {"planned_by": draw(), "agent": draw()}
    for each in kept["candidates"]:
        each["scores"] = {VECTORS[5]: -1.0, VECTORS[6]: None}
    fake.dropped = [{"speaker": draw(), "text": text} for text in VECTORS]
    fake.unsupported = list(VECTORS)
    return zoo.open()


def test_the_corpus_is_large_and_holds_nothing_twice() -> None:
    assert len(VECTORS) == len(set(VECTORS)) > 200


def test_plans_candidates_and_tokens_are_text(zoo: Zoo) -> None:
    page = hostile(zoo)
    page.locator(".candidate").first.wait_for()
    page.get_by_text("Scores as a table").click()
    page.get_by_text("Tokens as a table").click()
    assert page.locator(".candidate .words").all_text_contents() == VECTORS
    assert page.evaluate(FOREIGN) == []


def test_spans_of_prompts_and_what_was_cut_are_text(zoo: Zoo) -> None:
    for n, text in enumerate(VECTORS):
        zoo.fake.spans.append({"text": text, "control": n % 7 == 0, "field": VECTORS[-n]})
    page = hostile(zoo)
    page.get_by_role("tab", name="Prompt").click()
    page.locator(".spans .span").first.wait_for()
    assert page.locator(".spans .span").all_text_contents() == VECTORS
    page.get_by_label("Name every part in the text").check()
    page.get_by_text(f"The {len(VECTORS)} oldest turns did not fit").click()
    assert page.evaluate(FOREIGN) == []


def test_a_counterfactual_is_text(zoo: Zoo) -> None:
    zoo.fake.lines = [" ".join(VECTORS)]
    page = hostile(zoo)
    page.get_by_role("tab", name="What if").click()
    page.get_by_role("textbox", name="To").fill("Another.")
    page.get_by_role("button", name="Compare").click()
    page.locator(".pair").wait_for()
    assert page.locator(".pair ins").first.text_content()
    assert page.evaluate(FOREIGN) == []


def test_the_tree_is_text(zoo: Zoo) -> None:
    for text in VECTORS:
        zoo.fake.add(zoo.talk, text[:60], text)
    page = zoo.open("Tree")
    rows = page.get_by_role("treeitem")
    rows.first.wait_for()
    page.evaluate("document.querySelector('.rows').scrollTop = 0")
    page.get_by_role("treeitem").get_by_text(VECTORS[0], exact=True).first.wait_for()
    assert page.evaluate(FOREIGN) == []
    page.evaluate("document.querySelector('.rows').scrollTop = 5000")
    assert page.evaluate(FOREIGN) == []


def test_search_lists_titles_and_situations_as_text(zoo: Zoo) -> None:
    for text in VECTORS[::5]:
        scene = {"agent": text, "user": f"{text}.", "situation": f"alert {text}"}
        talk = zoo.fake.begin(scene, agent_name=text, title=text)
        zoo.fake.add(talk, text, text)
    page = zoo.open()
    page.get_by_role("button", name="Search past talks").click()
    page.locator(".find").first.wait_for()
    page.get_by_role("searchbox", name="Search past talks").fill("alert")
    page.locator("mark").first.wait_for()
    assert page.evaluate(FOREIGN) == []


def test_forms_reports_and_errors_are_text(zoo: Zoo) -> None:
    forms = [{**FORMS[0], "name": text, "about": text} for text in VECTORS]
    zoo.page.route("**/tertulia/forms", lambda route: route.fulfill(json={"forms": forms}))
    answers = {"talks": [], "report": {"lost": dict.fromkeys(VECTORS, 1)}}
    zoo.page.route("**/talks/import", lambda route: route.fulfill(json=answers))
    page = zoo.open()
    page.get_by_role("button", name="Share: export").click()
    file = {"name": VECTORS[0], "mimeType": "x/y", "buffer": b"{}"}
    page.get_by_label("A file of talks").set_input_files(file)
    page.get_by_text("Not everything fits").wait_for()
    assert page.locator("dialog li .words").all_text_contents() == list(dict.fromkeys(VECTORS))
    assert page.evaluate(FOREIGN) == []
