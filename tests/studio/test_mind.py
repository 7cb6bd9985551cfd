"""The mind: what a reply was to do, what it was chosen from, and what its model saw."""

from typing import Any

from tests.studio.fake import SCENE
from tests.studio.knowing import OTHER, PLAN, SAID, Zoo, candidate

NAMES = "all => all.map((each) => each.ariaLabel.split(':')[0])"


def test_the_plan_of_the_last_reply_is_shown(zoo: Zoo) -> None:
    page = zoo.open()
    page.get_by_text("Thought by the agent, before a word of the reply was written.").wait_for()
    mind = page.get_by_role("tabpanel")
    shown = [mind.get_by_label(name).input_value() for name in ("Goal", "Skill", "Explanation")]
    assert shown == list(PLAN.values())


def test_a_plan_that_is_changed_makes_another_reply_to_the_same_turn(zoo: Zoo) -> None:
    page = zoo.open()
    page.get_by_role("tabpanel").get_by_label("Goal").fill("say goodbye.")
    page.get_by_label("the same seed (7)").check()
    page.get_by_role("button", name="Reply again with this plan").click()
    page.locator("[data-turn]").get_by_text("Hello there, friend.").wait_for()
    asked = zoo.asked("/replies")
    assert asked["parent"] == zoo.hello["id"]
    assert asked["plan"] == {**PLAN, "goal": "say goodbye."}
    assert asked["decoding"] == {"seed": 7}
    assert zoo.fake.talks[zoo.talk]["turns"][zoo.reply["id"]]["hidden"] is False


def test_a_planner_that_thinks_again_fills_the_plan_and_says_nothing(zoo: Zoo) -> None:
    page = zoo.open()
    page.get_by_role("button", name="Think again").click()
    page.get_by_role("button", name="As it was").wait_for()
    assert page.get_by_role("tabpanel").get_by_label("Skill").input_value() == "Rapport"
    assert zoo.asked("/plans")["parent"] == zoo.hello["id"]
    assert len(zoo.fake.talks[zoo.talk]["turns"]) == 2


def test_what_a_planner_wrote_instead_of_a_plan_is_told(zoo: Zoo) -> None:
    answer = {"plan": {"goal": "", "skill": "", "explanation": ""}, "written": "I am a fish."}
    zoo.page.route("**/tertulia/plans", lambda route: route.fulfill(json=answer))
    page = zoo.open()
    page.get_by_role("button", name="Think again").click()
    page.get_by_text("The planner wrote no plan: I am a fish.").wait_for()
    assert page.get_by_role("tabpanel").get_by_label("Goal").input_value() == PLAN["goal"]


def test_the_next_reply_is_planned_before_a_word_of_it_is_written(zoo: Zoo) -> None:
    page = zoo.open()
    page.get_by_role("button", name="Think ahead").click()
    page.get_by_text("ask about pet. · Rapport · i love animals.").wait_for()
    page.get_by_role("textbox", name="What Alex says").fill("Yes.")
    page.keyboard.press("Enter")
    page.locator("[data-turn]").get_by_text("Hello there, friend.").wait_for()
    assert zoo.asked("/replies")["plan"]["skill"] == "Rapport"


def test_the_plan_of_a_reply_under_way_is_there_before_its_end(zoo: Zoo) -> None:
    zoo.fake.held = True
    page = zoo.open()
    page.get_by_role("tabpanel").get_by_label("Goal").fill("wait.")
    page.get_by_role("button", name="Reply again").click()
    page.get_by_text("The reply under way").wait_for()
    page.locator("[data-turn] ~ *").first.wait_for()
    assert page.get_by_role("tabpanel").get_by_label("Goal").input_value() == "wait."
    zoo.fake.held = False
    page.get_by_text("Reply 1 of 1").wait_for()


def test_candidates_are_shown_with_their_scores_and_the_one_that_was_said(zoo: Zoo) -> None:
    page = zoo.open()
    found = page.get_by_role("tabpanel").locator(".candidate")
    found.first.wait_for()
    told = [each.split("\n") for each in found.all_inner_texts()]
    assert told[0] == ["That is a long time.", "said", "-0.610"]
    assert told[1] == ["Lions! We have two.", "-0.920"]
    assert told[2] == ["I see. I see. I see.", "dropped"]
    assert [each.get_attribute("aria-pressed") for each in found.all()] == [
        "true",
        "false",
        "false",
    ]


def test_of_many_candidates_the_best_are_shown_until_one_asks_for_all(zoo: Zoo) -> None:
    many = [candidate(f"Number {n}.", -float(n)) for n in range(1, 17)]
    zoo.fake.reply(zoo.talk, *many)
    page = zoo.open()
    page.get_by_role("button", name="All 16 candidates").click()
    page.locator(".candidate", has_text="Number 16.").click()
    page.locator("[data-turn]").get_by_text("Number 16.").wait_for()
    page.locator(".candidate[aria-pressed=true]", has_text="Number 16.").wait_for()
    assert page.locator(".candidate").filter(visible=True).count() == 6


def test_a_better_score_has_a_longer_bar(zoo: Zoo) -> None:
    page = zoo.open()
    page.locator(".candidate").first.wait_for()
    widths = [float(each.get_attribute("width")) for each in page.locator(".amount").all()]
    assert widths == [100, 6, 0]


def test_the_chart_has_a_table_that_says_the_same(zoo: Zoo) -> None:
    page = zoo.open()
    page.get_by_text("Scores as a table").click()
    table = page.get_by_role("region", name="Scores").get_by_role("table")
    rows = [each.inner_text().split("\t") for each in table.get_by_role("row").all()]
    assert rows[0][:3] == ["candidate", "all together", "likelihood"]
    assert rows[2][:3] == ["2", "-0.920", "-0.920"]
    assert rows[3][1] == "dropped"


def test_a_candidate_that_is_chosen_is_said_and_the_other_stays(zoo: Zoo) -> None:
    page = zoo.open()
    page.locator(".candidate", has_text="Lions!").click()
    page.locator("[data-turn]").get_by_text(OTHER["text"]).wait_for()
    assert zoo.asked("/candidates") == {"turn": zoo.reply["id"], "candidate": 1}
    assert len(zoo.fake.talks[zoo.talk]["turns"]) == 3
    page.locator(".candidate[aria-pressed=true]", has_text="Lions!").wait_for()


def test_every_token_tells_its_probability_when_it_is_pointed_at(zoo: Zoo) -> None:
    page = zoo.open()
    page.get_by_role("option", name="␣long: 4.1 %").hover()
    assert "␣long 4.1 % ln -3.20" in page.locator(".readout").inner_text()
    assert page.locator(".stream").inner_text() == "That is a long time."


def test_tokens_are_reached_by_the_keyboard_alone(zoo: Zoo) -> None:
    page = zoo.open()
    page.locator(".token[role=option]").first.focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    assert "␣time 95 %" in page.locator(".readout").inner_text()
    assert page.locator(".token[tabindex='0']").count() == 1


def test_an_engine_that_tells_no_probabilities_is_said_to(zoo: Zoo) -> None:
    zoo.fake.reply(zoo.talk, candidate("Only this.", -1.0))
    zoo.open().get_by_text("The probabilities of the tokens are not known").wait_for()


def test_times_are_told_in_words(zoo: Zoo) -> None:
    page = zoo.open()
    page.get_by_role("heading", name="Time").wait_for()
    names, values = (page.locator(f".figures {at}").all_inner_texts() for at in ("dt", "dd"))
    told = dict(zip(names, values, strict=True))
    assert told["waited"] == "0.05 s"
    assert told["whole reply after"] == "0.85 s"
    assert told["tokens"] == "13.3 a second"


def test_every_span_of_the_prompt_tells_the_field_it_came_from(zoo: Zoo) -> None:
    page = zoo.open("Prompt")
    page.locator(".spans .span").first.wait_for()
    named = page.locator(".spans .span").evaluate_all(NAMES)
    assert named == [
        "control token", "situation", "instruction", "persona of Mrs. Hill, fact 1",
        "persona of Mrs. Hill, fact 2", "knowledge 1", "turn 1, its speaker",
        "the format's own words", "turn 1, its text", "plan, its goal", "agent",
        "the format's own words",
    ]  # fmt: skip
    asked = zoo.asked("/prompts")
    assert (asked["parent"], asked["plan"]) == (zoo.hello["id"], PLAN)


def test_a_prompt_is_readable_without_its_colours(zoo: Zoo) -> None:
    page = zoo.open("Prompt")
    page.get_by_label("Name every part in the text").check()
    spans = page.locator(".spans").inner_text()
    assert "persona of Mrs. Hill, fact 2i love elephants." in spans
    key = page.get_by_role("list", name="Colours").inner_text()
    assert all(name in key for name in ("situation", "personas", "turns", "control tokens"))


def test_what_was_cut_is_told(zoo: Zoo) -> None:
    zoo.fake.dropped = [{"speaker": "Alex", "text": "I fed lions for two years."}]
    zoo.fake.unsupported = ["memory", "personas.Alex"]
    page = zoo.open("Prompt")
    page.get_by_text("The oldest turn did not fit").click()
    page.locator("del").get_by_text("I fed lions").wait_for()
    page.get_by_text("cannot take: memory, personas.Alex").wait_for()


def test_lore_that_came_up_is_told_with_the_reason(zoo: Zoo) -> None:
    lore = [{"content": "Elephants eat hay."}, {"content": "Lions sleep.", "name": "Sleep"}]
    zoo.fake.talks[zoo.talk]["scene"] = {**SCENE, "lore": lore}
    zoo.fake.records[zoo.reply["id"]]["fired"] = [
        {"entry": 1, "by": "turn", "key": "lions", "told": True},
        {"entry": 0, "by": "passage", "key": "hay", "told": False},
    ]
    page = zoo.open("Prompt")
    page.get_by_text("One passage of the lore came up, 1 held back").click()
    page.get_by_text("Sleep “lions” was said").wait_for()
    page.get_by_text("hay “hay” stands in another passage; its budget left it out").wait_for()


def test_the_sheets_are_changed_with_arrow_keys(zoo: Zoo) -> None:
    page = zoo.open("Reply")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("tab", selected=True).inner_text() == "What if"
    page.keyboard.press("End")
    assert page.get_by_role("tab", selected=True).inner_text() == "Tree"


def test_replies_before_this_one_are_looked_at_too(zoo: Zoo) -> None:
    zoo.fake.add(zoo.talk, "Alex", "And elephants.")
    zoo.fake.reply(zoo.talk, OTHER)
    page = zoo.open()
    page.get_by_text("Reply 2 of 2").wait_for()
    page.get_by_role("button", name="The reply before").click()
    page.get_by_text("Reply 1 of 2").wait_for()
    page.locator(".candidate", has_text=SAID["text"]).wait_for()
    page.get_by_role("button", name="Last reply").click()
    page.get_by_text("Reply 2 of 2").wait_for()


def test_what_a_person_said_was_not_planned(zoo: Zoo) -> None:
    zoo.fake.add(zoo.talk, "Mrs. Hill", "Typed by hand.")
    zoo.open().get_by_text("A person said this").wait_for()


def test_an_empty_talk_has_an_empty_mind(zoo: Zoo) -> None:
    empty = zoo.fake.begin({"agent": "A", "user": "B"})
    page: Any = zoo.page
    page.goto(f"{zoo.address}/#/talks/{empty}")
    page.get_by_text("No reply yet.").wait_for()
