"""Search over past talks."""

from tests.studio.knowing import Zoo


def found(zoo: Zoo) -> list[str]:
    return [each.split("\n")[0] for each in zoo.page.locator(".find").all_inner_texts()]


def test_talks_are_found_by_what_was_said_in_them(zoo: Zoo) -> None:
    other = zoo.fake.begin({"agent": "Ana", "user": "Ben"}, title="At sea")
    zoo.fake.add(other, "Ben", "The whale is white.")
    page = zoo.open()
    page.get_by_role("button", name="Search past talks").click()
    page.get_by_text("2 talks").wait_for()
    assert found(zoo) == ["At sea", "At the zoo"]
    page.get_by_label("Search past talks").last.fill("whale")
    page.get_by_text("1 talk", exact=True).wait_for()
    assert found(zoo) == ["At sea"]
    assert page.locator("mark").all_inner_texts() == ["whale"]


def test_a_talk_is_opened_by_the_keyboard_alone(zoo: Zoo) -> None:
    other = zoo.fake.begin({"agent": "Ana", "user": "Ben"}, title="At sea")
    zoo.fake.add(other, "Ben", "The whale is white.")
    page = zoo.open()
    page.locator("[data-turn]").first.focus()
    page.keyboard.press("/")
    page.get_by_text("2 talks").wait_for()
    page.get_by_role("searchbox", name="Search past talks").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator("[data-turn]").get_by_text("The whale is white.").wait_for()
    assert page.locator("dialog").count() == 0


def test_words_that_no_talk_holds_are_said_to_be_nowhere(zoo: Zoo) -> None:
    page = zoo.open()
    page.get_by_role("button", name="Search past talks").click()
    page.get_by_role("searchbox", name="Search past talks").fill("giraffe")
    page.get_by_text("No talk holds these words.").wait_for()


def test_many_talks_come_a_page_at_a_time(zoo: Zoo) -> None:
    for n in range(44):
        zoo.fake.begin({"agent": "Ana", "user": "Ben"}, title=f"Talk {n}")
    page = zoo.open()
    page.get_by_role("button", name="Search past talks").click()
    page.get_by_text("20 or more talks").wait_for()
    page.get_by_role("button", name="More").click()
    page.get_by_text("40 or more talks").wait_for()
    page.get_by_role("button", name="More").click()
    page.get_by_text("45 talks").wait_for()
    assert len(set(found(zoo))) == 45


def test_what_is_typed_after_the_key_of_the_search_is_sought(zoo: Zoo) -> None:
    page = zoo.open()
    page.locator("#say").press("Escape")
    page.keyboard.press("/")
    page.get_by_role("dialog", name="Search").wait_for()
    page.keyboard.type("lions")
    assert page.get_by_label("Search past talks").last.input_value() == "lions"
