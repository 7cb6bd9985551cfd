"""What if one direction had been another: the same history and seed, both replies side by side."""

import pytest

from tests.studio.fake import SCENE
from tests.studio.knowing import PLAN, SAID, Zoo

PARTS = "(texts) => import('/studio/difference.js').then((m) => m.parts(...texts))"
PAIRS = (
    ("", ""),
    ("", "a b"),
    ("a b", ""),
    ("the cat sat", "the dog sat down"),
    ("line\none", "line\n\none"),
    ("我喜欢猫", "我喜欢狗"),
    ("na\u00efve caf\u00e9", "na\u00efve the"),
    ("<b>x</b>", "<i>x</i>"),
)


def compared(zoo: Zoo, field: str, value: str) -> None:
    page = zoo.open("What if")
    page.get_by_label("Change").select_option(label=field)
    page.get_by_role("tabpanel").locator("label:has-text('To') :is(input, textarea)").fill(value)
    with page.expect_response("**/replies"):
        page.get_by_role("button", name="Compare").click()
    page.locator(".pair").wait_for()


def test_only_the_direction_that_was_changed_is_another(zoo: Zoo) -> None:
    compared(zoo, "the situation", "It rains at the zoo.")
    asked = zoo.asked("/replies")
    assert asked["direction"] == {**SCENE, "situation": "It rains at the zoo."}
    assert asked["parent"] == zoo.hello["id"]
    assert asked["decoding"] == {"temperature": 0.7, "candidates": 3, "seed": 7}
    assert asked["plan"] == {"goal": "", "skill": "", "explanation": ""}
    assert asked["speaker"] == "Mrs. Hill"


def test_it_is_a_look_aside_and_the_talk_stays_as_it_was(zoo: Zoo) -> None:
    compared(zoo, "the instruction", "Be short.")
    assert zoo.asked("/replies")["dry"] is True
    assert len(zoo.fake.talks[zoo.talk]["turns"]) == 2
    assert zoo.page.locator("[data-turn]").count() == 2


def test_lists_are_changed_line_by_line(zoo: Zoo) -> None:
    changes: dict[str, dict[str, object]] = {
        "what holds about Mrs. Hill": {"personas": {"Mrs. Hill": ["a", "b"], "Alex": []}},
        "what holds about Alex": {"personas": {**SCENE["personas"], "Alex": ["a", "b"]}},
        "the memory": {"memory": ["a", "b"]},
    }
    for field, told in changes.items():
        compared(zoo, field, "a\n b \n\n")
        assert zoo.asked("/replies")["direction"] == {**SCENE, **told}


@pytest.mark.parametrize("name", ["constructor", "__proto__"])
def test_a_side_may_have_any_name(zoo: Zoo, name: str) -> None:
    zoo.talk = zoo.fake.begin({"agent": name, "user": "Alex"})
    zoo.fake.reply(zoo.talk, SAID)
    compared(zoo, f"what holds about {name}", "i am well.")
    assert zoo.asked("/replies")["direction"]["personas"] == {name: ["i am well."]}


def test_a_goal_is_changed_over_the_plan_that_was_given(zoo: Zoo) -> None:
    compared(zoo, "the goal", "say goodbye.")
    assert zoo.asked("/replies")["plan"] == {"goal": "say goodbye.", "skill": "", "explanation": ""}
    assert zoo.asked("/replies")["direction"] == SCENE
    assert PLAN["goal"] != "say goodbye."


def test_the_difference_is_marked_on_both_sides_and_told_in_words(zoo: Zoo) -> None:
    zoo.fake.lines = ["That is a short time."]
    compared(zoo, "the situation", "Short.")
    pair = zoo.page.locator(".pair")
    assert pair.locator("del").all_inner_texts() == ["long"]
    assert pair.locator("ins").all_inner_texts() == ["short"]
    zoo.page.get_by_text("1 word of the first gave way to 1 of the second.").wait_for()


def test_two_replies_that_are_the_same_are_said_to_be(zoo: Zoo) -> None:
    zoo.fake.lines = ["That is a long time."]
    compared(zoo, "the situation", "Other.")
    zoo.page.get_by_text("Both are the same, word for word.").wait_for()


def test_the_other_reply_is_said_in_the_talk_when_asked(zoo: Zoo) -> None:
    compared(zoo, "the situation", "It rains.")
    zoo.page.get_by_role("button", name="Say this one in the talk").click()
    zoo.page.locator("[data-turn]").get_by_text("Hello there, friend.").wait_for()
    assert zoo.asked("/replies")["direction"]["situation"] == "It rains."
    assert not zoo.asked("/replies").get("dry")


def test_each_side_of_a_difference_is_the_whole_text(zoo: Zoo) -> None:
    for first, second in PAIRS:
        parts = zoo.page.evaluate(PARTS, [first, second])
        assert "".join(each["text"] for each in parts if each["only"] != "second") == first
        assert "".join(each["text"] for each in parts if each["only"] != "first") == second


def test_words_of_languages_without_spaces_are_compared_word_by_word(zoo: Zoo) -> None:
    parts = zoo.page.evaluate(PARTS, ["我喜欢猫", "我喜欢狗"])
    assert [each for each in parts if each["only"] == "first"] == [{"text": "猫", "only": "first"}]
