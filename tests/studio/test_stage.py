"""The left pane: the direction is edited at any time, loaded, and greyed where it is not taken."""

import json
from typing import Any

from tests.studio.axe import violations
from tests.studio.browsing import Studio
from tests.studio.talking import awaited, begun, until


def scene(studio: Studio, talk: str) -> dict[str, Any]:
    return studio.fake.talks[talk]["scene"]


def saved(page: Any) -> None:
    page.locator(".saved").get_by_text("saved", exact=True).wait_for()


def test_every_part_of_the_direction_is_edited_and_kept(page: Any, studio: Studio) -> None:
    talk = begun(page, studio)
    stage = page.get_by_role("complementary", name="Stage")
    stage.get_by_role("textbox", name="Situation").fill("A ship in a storm.")
    stage.get_by_role("textbox", name="Instruction").fill("You are the cook.")
    stage.get_by_role("textbox", name="fact 1 of Mrs. Hill").fill("i cook soup.")
    stage.get_by_role("button", name="Remove fact 2 of Mrs. Hill").click()
    stage.get_by_role("button", name="Add a fact of Alex").click()
    page.keyboard.type("i am seasick.")
    stage.get_by_role("textbox", name="passage 1").fill("Soup is at noon.")
    stage.get_by_role("button", name="Add a memory").click()
    page.keyboard.type("We met in Lisbon.")
    saved(page)
    assert scene(studio, talk) == {
        "agent": "Mrs. Hill",
        "user": "Alex",
        "situation": "A ship in a storm.",
        "instruction": "You are the cook.",
        "personas": {"Mrs. Hill": ["i cook soup."], "Alex": ["i am seasick."]},
        "knowledge": ["Soup is at noon."],
        "memory": ["We met in Lisbon."],
    }


def test_what_is_typed_on_the_stage_outlives_a_page_that_is_closed_at_once(
    page: Any, studio: Studio
) -> None:
    talk = begun(page, studio)
    page.get_by_role("textbox", name="Situation").fill("A ship in a storm.")
    page.reload()
    page.get_by_role("textbox", name="Situation").wait_for()
    assert page.get_by_role("textbox", name="Situation").input_value() == "A ship in a storm."
    for _ in range(300):
        if scene(studio, talk)["situation"] == "A ship in a storm.":
            return
        page.wait_for_timeout(10)
    raise AssertionError("the change never reached the server")


def test_a_name_is_changed_with_the_facts_that_hang_on_it(page: Any, studio: Studio) -> None:
    talk = begun(page, studio)
    page.get_by_role("textbox", name="Name of the agent").fill("Mrs. Dale")
    page.keyboard.press("Tab")
    saved(page)
    assert scene(studio, talk)["agent"] == "Mrs. Dale"
    assert scene(studio, talk)["personas"]["Mrs. Dale"] == [
        "i am the boss of a zoo.",
        "i love elephants.",
    ]


def test_what_the_model_cannot_take_is_greyed_with_the_reason(page: Any, studio: Studio) -> None:
    talk = begun(page, studio)
    assert page.get_by_text("godel has no place for memory").count() == 0
    page.get_by_role("combobox", name="Played by", exact=True).select_option("godel")
    page.get_by_text("godel has no place for memory").wait_for()
    page.get_by_text("godel takes no persona facts").wait_for()
    assert page.locator(".block.refused").get_by_role("heading").inner_text().lower() == "memory"
    assert studio.fake.talks[talk]["agent_name"] == "godel"


def test_a_scene_is_loaded_onto_the_stage(page: Any, studio: Studio) -> None:
    other = {"agent": "Ember", "user": "Knight", "situation": "A bridge."}
    studio.fake.scenes.append({"id": "dragon", "title": "Dragon", "posted": False, "scene": other})
    page.reload()
    talk = begun(page, studio)
    page.get_by_role("combobox", name="Load a scene").select_option("dragon")
    saved(page)
    assert {key: each for key, each in scene(studio, talk).items() if each} == {
        **other,
        "plan": {"goal": "", "skill": "", "explanation": ""},
    }
    assert page.get_by_role("textbox", name="Instruction").input_value() == ""


def test_a_card_tells_where_its_parts_go_before_it_is_taken(page: Any, studio: Studio) -> None:
    talk = begun(page, studio)
    card = json.dumps({"name": "Zora", "scenario": "A lighthouse."}).encode()
    file = {"name": "zora.json", "mimeType": "application/json", "buffer": card}
    page.get_by_label("A character card").set_input_files(file)
    dialog = page.get_by_role("dialog", name="Zora")
    dialog.get_by_role("row", name="scenario situation").wait_for()
    dialog.get_by_text("Stays in the card: creator.").wait_for()
    assert violations(page) == []
    dialog.get_by_role("button", name="Put it on the stage").click()
    saved(page)
    assert scene(studio, talk)["agent"] == "Zora"


def test_of_the_openings_of_a_card_one_is_chosen(page: Any, studio: Studio) -> None:
    openings = {"first_mes": "Who is there?", "alternate_greetings": ["The storm is near."]}
    card = json.dumps({"name": "Zora", **openings}).encode()
    file = {"name": "zora.json", "mimeType": "application/json", "buffer": card}
    page.get_by_label("A character card").set_input_files(file)
    page.get_by_role("radio", name="The storm is near.").check()
    page.get_by_role("button", name="Put it on the stage").click()
    awaited(page, "The storm is near.")


def test_a_preset_of_decoding_goes_with_the_next_replies(page: Any, studio: Studio) -> None:
    begun(page, studio)
    page.get_by_role("combobox", name="Decoding").select_option("bold")
    page.get_by_role("textbox", name="What Alex says").press("Enter")
    until(page, "document.querySelector('.making') === null")
    asked = [body for _, path, body in studio.fake.asked if path.endswith("/replies")]
    assert asked[-1]["decoding"] == {"preset": "bold"}
