"""What a maker of characters does on the stage: lore, decoding, scenes and cards, with an undo."""

import json
from typing import Any

from tests.studio.axe import violations
from tests.studio.browsing import Studio
from tests.studio.knowing import Zoo, candidate
from tests.studio.talking import asked, awaited, begun, opened, said, until

BLANK = {"agent": "Agent", "user": "You", "turns": []}


def saved(page: Any) -> None:
    page.locator(".saved").get_by_text("saved", exact=True).wait_for()


def card(**more: Any) -> dict[str, Any]:
    content = {"name": "Zora", "scenario": "A lighthouse.", "first_mes": "Who is there?", **more}
    return {
        "name": "zora.json",
        "mimeType": "application/json",
        "buffer": json.dumps(content).encode(),
    }


def test_lore_is_written_and_its_removal_undone(page: Any, studio: Studio) -> None:
    talk = begun(page, studio)
    page.get_by_role("button", name="Add an entry of lore").click()
    page.get_by_label("Keys of entry 1").fill("rain, storm")
    page.get_by_label("Passage of entry 1").fill("The lions hide when it rains.")
    page.get_by_label("always there").check()
    page.locator(".entry").get_by_text("More", exact=True).click()
    page.get_by_label("Stays, in turns of entry 1").fill("3")
    saved(page)
    entry = {
        "content": "The lions hide when it rains.",
        "keys": ["rain", "storm"],
        "enabled": True,
        "constant": True,
        "sticky": 3,
    }
    assert studio.fake.talks[talk]["scene"]["lore"] == [entry]
    assert violations(page) == []
    page.get_by_role("button", name="Remove entry 1").click()
    page.get_by_role("button", name="Undo", exact=True).click()
    page.locator(".entry summary").first.get_by_text("rain, storm").wait_for()
    saved(page)
    assert studio.fake.talks[talk]["scene"]["lore"] == [entry]


def test_what_an_entry_of_lore_has_besides_stays_when_it_is_edited(
    page: Any, studio: Studio
) -> None:
    entry = {"content": "Deep.", "keys": ["sea, (wide|open)"], "regex": True, "probability": 0.5}
    talk = begun(page, studio, lore=[entry])
    page.locator(".entry summary").first.click()
    page.get_by_label("Passage of entry 1").fill("Very deep.")
    page.get_by_label("Keys of entry 1").fill("sea, (wide|open)\nocean")
    saved(page)
    assert studio.fake.talks[talk]["scene"]["lore"] == [
        {**entry, "content": "Very deep.", "keys": ["sea, (wide|open)", "ocean"]}
    ]


def test_decoding_is_set_a_setting_at_a_time_and_set_back(page: Any, studio: Studio) -> None:
    begun(page, studio)
    page.locator(".decoding summary").click()
    assert page.get_by_label("Temperature").get_attribute("placeholder") == "0.7"
    page.get_by_label("Temperature").fill("1.2")
    page.get_by_label("Candidates").fill("4")
    page.get_by_label("Stop at").fill("The end\n***")
    page.get_by_label("tell the likeliest other tokens").check()
    page.locator("#say").press("Enter")
    awaited(page, "Hello there, friend.")
    given = {"temperature": 1.2, "candidates": 4, "stop": ["The end", "***"], "alternatives": 5}
    assert asked(studio, "/replies")[-1]["decoding"] == given
    assert violations(page) == []
    page.get_by_role("button", name="All as the agent has it").click()
    page.locator("#say").press("Enter")
    until(page, "document.querySelectorAll('[data-turn]').length === 5")
    assert "decoding" not in asked(studio, "/replies")[-1]


def test_a_setting_out_of_its_range_is_marked_and_not_sent(page: Any, studio: Studio) -> None:
    begun(page, studio)
    page.locator(".decoding summary").click()
    page.get_by_label("Top p").fill("7")
    assert page.get_by_label("Top p").evaluate("each => each.matches(':out-of-range')")
    page.locator("#say").press("Enter")
    awaited(page, "Hello there, friend.")
    assert "decoding" not in asked(studio, "/replies")[-1]


def test_the_other_tokens_that_could_have_been_are_told_at_each(zoo: Zoo) -> None:
    others = [[" long", -0.2], [" nice", -1.9]]
    zoo.fake.reply(zoo.talk, candidate("A long", -0.5, ["A", -0.1], [" long", -0.2, others]))
    page = zoo.open()
    page.get_by_role("option", name="␣long: 82 %; likeliest: ␣long 82 %, ␣nice 15 %").hover()
    assert page.locator(".others").inner_text().split("\n") == ["␣long 82 %", "␣nice 15 %"]


def test_the_meter_tells_how_full_the_window_will_be(page: Any, studio: Studio) -> None:
    begun(page, studio)
    page.get_by_text("120 of 2,048 tokens").wait_for()
    studio.fake.tokens = 1900
    page.get_by_role("textbox", name="Situation").fill("A long story.")
    page.get_by_text("1,900 of 2,048 tokens").wait_for()


def test_the_prompt_of_the_next_reply_is_read_before_it_is_asked_for(
    page: Any, studio: Studio
) -> None:
    begun(page, studio)
    page.get_by_role("tab", name="Prompt").click()
    page.get_by_role("button", name="Of the next one").click()
    page.get_by_role("option", name="turn 1, its text: Do you own any?").wait_for()
    assert violations(page) == []


def test_a_scene_that_is_loaded_comes_off_the_stage_by_undo(page: Any, studio: Studio) -> None:
    other = {"agent": "Ember", "user": "Knight", "situation": "A bridge."}
    studio.fake.scenes.append({"id": "dragon", "title": "Dragon", "posted": False, "scene": other})
    page.reload()
    talk = begun(page, studio)
    before = studio.fake.talks[talk]["scene"]
    page.get_by_role("combobox", name="Load a scene").select_option("dragon")
    saved(page)
    page.get_by_role("button", name="Undo", exact=True).click()
    situation = "document.querySelector('textarea[aria-label=Situation]')"
    until(page, f"{situation}.value.startsWith('Alex wants')")
    saved(page)
    now = studio.fake.talks[talk]["scene"]
    assert {key: now[key] for key in before} == before


def test_a_card_on_an_empty_talk_says_its_greeting(page: Any, studio: Studio) -> None:
    talk = studio.fake.begin(BLANK)
    page.goto(f"{studio.address}/#/talks/{talk}")
    page.get_by_text("Nothing was said yet.").wait_for()
    page.get_by_label("A character card").set_input_files(card())
    page.get_by_role("button", name="Put it on the stage").click()
    awaited(page, "Who is there?")
    assert studio.fake.talks[talk]["scene"]["agent"] == "Zora"


def test_a_stage_is_saved_as_a_scene_that_talks_begin_with(page: Any, studio: Studio) -> None:
    begun(page, studio)
    page.get_by_role("button", name="Save…").click()
    page.get_by_role("dialog").get_by_label("Name").fill("My zoo")
    assert violations(page) == []
    page.get_by_role("button", name="Save as a scene").click()
    page.get_by_text("The scene was saved").wait_for()
    page.get_by_role("link", name="Tertulia: all scenes").click()
    page.get_by_role("button", name="My zoo Mrs. Hill and Alex").wait_for()
    page.get_by_role("button", name="Delete the scene My zoo").click()
    page.get_by_role("button", name="Undo", exact=True).click()
    page.get_by_role("button", name="My zoo Mrs. Hill and Alex").click()
    page.locator("#say").wait_for()


def test_a_stage_goes_into_a_file_and_comes_out_of_it(page: Any, studio: Studio) -> None:
    begun(page, studio)
    page.get_by_role("button", name="Save…").click()
    page.get_by_role("dialog").get_by_label("Name").fill("My zoo!")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as a file").click()
    assert download.value.suggested_filename == "My-zoo-.json"
    page.get_by_role("link", name="Tertulia: all scenes").click()
    content = json.loads(download.value.path().read_text())
    file = {"name": "My zoo.json", "mimeType": "application/json"}
    given = {**file, "buffer": json.dumps({**content, "situation": "Night at the zoo."}).encode()}
    page.get_by_label("A character card, or a scene").set_input_files(given)
    page.locator(".opening").get_by_text("Night at the zoo.").wait_for()


def test_enter_begins_the_next_fact(page: Any, studio: Studio) -> None:
    talk = begun(page, studio)
    page.get_by_role("textbox", name="fact 2 of Mrs. Hill").press("Enter")
    page.keyboard.type("i sing.")
    saved(page)
    facts = studio.fake.talks[talk]["scene"]["personas"]["Mrs. Hill"]
    assert facts == ["i am the boss of a zoo.", "i love elephants.", "i sing."]


def test_a_fact_that_is_removed_comes_back_by_undo(page: Any, studio: Studio) -> None:
    talk = begun(page, studio)
    page.get_by_role("button", name="Remove fact 1 of Mrs. Hill").click()
    saved(page)
    page.get_by_role("button", name="Undo", exact=True).click()
    until(page, "document.querySelectorAll('.person.of-agent textarea').length === 2")
    saved(page)
    facts = studio.fake.talks[talk]["scene"]["personas"]["Mrs. Hill"]
    assert facts == ["i am the boss of a zoo.", "i love elephants."]


def test_a_new_talk_has_the_stage_and_the_greeting_of_the_old_one(
    page: Any, studio: Studio
) -> None:
    talk = begun(page, studio)
    page.get_by_role("button", name="A new talk on this stage").click()
    until(page, "document.querySelectorAll('[data-turn]').length === 1")
    assert said(page) == ["Why do you want to work at the zoo?"]
    assert len(studio.fake.talks) == 2
    assert len(studio.fake.talks[talk]["turns"]) == 3


def test_what_an_agent_cannot_go_on_from_is_greyed_with_the_reason(
    page: Any, studio: Studio
) -> None:
    studio.fake.agents[0]["continue"] = "a chat endpoint begins every reply anew"
    page.reload()
    begun(page, studio)
    last = page.locator("[data-turn]").last
    button = last.get_by_role("button", name="Continue: a chat endpoint begins every reply anew")
    assert button.get_attribute("aria-disabled") == "true"
    page.locator("#say").press("Escape")
    page.keyboard.press("g")
    page.get_by_text("This turn cannot be continued").wait_for()
    assert not asked(studio, "/replies")


def test_text_is_laid_out_in_the_direction_it_is_written_in(page: Any, studio: Studio) -> None:
    talk = studio.fake.begin({**BLANK, "turns": [{"speaker": "You", "text": "שלום, מה שלומך?"}]})
    page.goto(f"{studio.address}/#/talks/{talk}")
    page.locator("#say").wait_for()
    direction = "each => getComputedStyle(each).direction"
    assert page.locator(".said p").evaluate(direction) == "rtl"
    page.locator("#say").fill("مرحبا")
    assert page.locator("#say").evaluate(direction) == "rtl"


def test_the_end_of_the_talk_stays_in_sight_when_the_bar_of_goals_opens(
    page: Any, studio: Studio
) -> None:
    turns = [{"speaker": "Alex", "text": f"Turn {n}."} for n in range(30)]
    talk = studio.fake.begin({**BLANK, "user": "Alex", "turns": turns})
    opened(page, studio, talk)
    awaited(page, "Turn 29.")
    page.get_by_text("Next reply", exact=True).click()
    last = "document.querySelector('.turn.last').getBoundingClientRect().bottom"
    until(page, f"{last} <= document.querySelector('.composer').getBoundingClientRect().top + 1")


DROP = """(content) => {
  const given = new DataTransfer();
  given.items.add(new File([content], "zora.json"));
  dispatchEvent(new DragEvent("drop", { dataTransfer: given, cancelable: true }));
}"""


def test_a_card_is_dropped_on_the_page(page: Any, studio: Studio) -> None:
    begun(page, studio)
    page.evaluate(DROP, card()["buffer"].decode())
    page.get_by_role("dialog", name="Zora").wait_for()


def test_a_card_begins_a_talk_of_its_own_beside_the_one_that_is_open(
    page: Any, studio: Studio
) -> None:
    talk = begun(page, studio)
    before = dict(studio.fake.talks[talk]["scene"])
    page.get_by_label("A character card").set_input_files(card())
    page.get_by_role("button", name="Begin a new talk with it").click()
    awaited(page, "Who is there?")
    assert studio.fake.talks[talk]["scene"] == before


def test_on_an_enlarged_page_the_field_stays_in_sight_whatever_is_open_above_it(
    page: Any, studio: Studio
) -> None:
    begun(page, studio)
    page.set_viewport_size({"width": 720, "height": 450})
    page.get_by_text("Next reply", exact=True).click()
    page.get_by_role("button", name="Self-play between").focus()
    page.keyboard.press("Enter")
    page.get_by_text("Next reply", exact=True).scroll_into_view_if_needed()
    tabs = page.get_by_role("navigation", name="Panes").bounding_box()
    say = page.locator("#say").bounding_box()
    assert say["y"] + say["height"] <= tabs["y"] + 1
