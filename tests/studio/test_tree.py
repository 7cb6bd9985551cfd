"""The tree of a talk: every turn on every branch, by keyboard, and two thousand of them at once."""

from typing import Any

from tests.studio.knowing import OTHER, Zoo

ROWS = """([turns, followed, opened]) => import('/studio/branches.js').then((m) =>
  m.rows(new Map(turns.map((each) => [each.id, each])), new Set(followed), new Set(opened))
    .map((row) => [row.id, row.level, row.others, row.position, row.group.size]))"""


FAST = """() => { for (let n = 0; n < 30; n += 1) setTimeout(() =>
  document.activeElement.dispatchEvent(
    new KeyboardEvent("keydown", { key: "ArrowUp", bubbles: true, cancelable: true })), n); }"""


def rows(zoo: Zoo, parents: dict[int, int | None], followed: list[int], *opened: int) -> Any:
    turns = [{"id": id, "parent": parent, "text": ""} for id, parent in parents.items()]
    return zoo.page.evaluate(ROWS, [turns, followed, opened])


def items(page: Any) -> list[str]:
    found = page.get_by_role("treeitem")
    found.first.wait_for()
    return [each.locator(".text").inner_text() for each in found.all()]


FOCUSED = "(text) => document.activeElement.querySelector('.text')?.textContent === text"


def at(page: Any, text: str) -> None:
    """Wait until this row has the focus."""
    page.wait_for_function(FOCUSED, arg=text)


def branched(zoo: Zoo) -> Any:
    """Beside the reply another one, after which the talk went on."""
    other = zoo.fake.reply(zoo.talk, OTHER, parent=zoo.hello["id"])
    zoo.fake.add(zoo.talk, "Alex", "Two lions are few.")
    zoo.fake.talks[zoo.talk]["active"] = [zoo.hello["id"], zoo.reply["id"]]
    page = zoo.open("Tree")
    page.get_by_role("treeitem").first.wait_for()
    assert other["id"]
    return page


def test_the_path_that_is_followed_stays_on_one_level(zoo: Zoo) -> None:
    parents = {1: None, 2: 1, 3: 1, 4: 3, 5: 4, 6: 4}
    assert rows(zoo, parents, [1, 3, 4, 6]) == [
        [1, 1, 0, 1, 4],
        [3, 1, 1, 2, 4],
        [4, 1, 0, 3, 4],
        [6, 1, 1, 4, 4],
    ]


def test_other_ways_hang_one_level_below_the_turn_they_could_have_been(zoo: Zoo) -> None:
    parents = {1: None, 2: 1, 3: 1, 4: 2}
    assert rows(zoo, parents, [1, 3], 3) == [
        [1, 1, 0, 1, 2],
        [3, 1, 1, 2, 2],
        [2, 2, 0, 1, 2],
        [4, 2, 0, 2, 2],
    ]


def test_a_talk_that_took_another_way_at_every_turn_is_no_burden(zoo: Zoo) -> None:
    parents: dict[int, int | None] = {1: None}
    for id in range(2, 2002):
        parents[id] = id - 1 if id % 2 else max(1, id - 2)
    opened = list(parents)
    assert len(rows(zoo, parents, [1], *opened)) == len(parents)


def test_the_tree_is_walked_with_arrow_keys(zoo: Zoo) -> None:
    page = branched(zoo)
    assert items(page) == ["I fed lions for two years.", "That is a long time."]
    page.get_by_role("treeitem", name="That is a long time.").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_role("treeitem", name="Two lions").wait_for()
    assert items(page)[2:] == ["Lions! We have two.", "Two lions are few."]
    page.keyboard.press("ArrowRight")
    at(page, "Lions! We have two.")
    page.keyboard.press("ArrowLeft")
    at(page, "That is a long time.")
    page.keyboard.press("ArrowLeft")
    page.get_by_role("treeitem", name="Two lions").wait_for(state="detached")
    page.keyboard.press("Home")
    at(page, "I fed lions for two years.")


def test_keys_that_come_fast_are_all_obeyed(zoo: Zoo) -> None:
    for n in range(40):
        zoo.fake.add(zoo.talk, "Alex", f"Turn {n}.")
    page = zoo.open("Tree")
    page.get_by_role("treeitem", name="Turn 39.").focus()
    page.evaluate(FAST)
    at(page, "Turn 9.")


def test_enter_goes_to_the_end_of_a_branch_and_the_mind_to_its_turn(zoo: Zoo) -> None:
    page = branched(zoo)
    page.get_by_role("treeitem", name="That is a long time.").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_role("treeitem", name="Lions!").wait_for()
    page.keyboard.press("ArrowRight")
    at(page, "Lions! We have two.")
    page.keyboard.press("Enter")
    page.locator("[data-turn]").get_by_text("Two lions are few.").wait_for()
    assert page.locator("[data-turn]").count() == 3
    page.get_by_role("tab", name="Reply").click()
    page.get_by_text("Reply 1 of 1").wait_for()


def test_a_screen_reader_hears_levels_places_and_the_path(zoo: Zoo) -> None:
    page = branched(zoo)
    row = page.get_by_role("treeitem", name="That is a long time.")
    told = {
        name: row.get_attribute(f"aria-{name}")
        for name in ("level", "posinset", "setsize", "expanded", "current")
    }
    assert told == {
        "level": "1", "posinset": "2", "setsize": "2", "expanded": "false", "current": "true",
    }  # fmt: skip
    assert page.locator("[role=treeitem][tabindex='0']").count() == 1


def test_a_pointer_can_do_all_of_it(zoo: Zoo) -> None:
    page = branched(zoo)
    page.get_by_text("1 other way").click()
    page.get_by_role("treeitem", name="Lions!").click()
    page.get_by_role("button", name="Go to this branch").click()
    page.locator("[data-turn]").get_by_text("Two lions are few.").wait_for()
    page.get_by_role("treeitem", name="I fed lions").click()
    page.get_by_role("button", name="Go on from here", exact=True).click()
    page.locator("[data-turn]").nth(1).wait_for(state="detached")


def test_hidden_turns_are_found_again(zoo: Zoo) -> None:
    page = zoo.open("Tree")
    page.get_by_role("treeitem", name="That is a long time.").click()
    page.get_by_role("button", name="Delete it and what follows").click()
    page.get_by_label("Deleted turns, too").check()
    page.get_by_role("treeitem", name="That is a long time.").click()
    page.get_by_role("button", name="Bring it back").click()
    page.locator("[data-turn]").get_by_text("That is a long time.").wait_for()


def test_a_turn_is_found_by_its_words_on_any_branch(zoo: Zoo) -> None:
    page = branched(zoo)
    page.get_by_label("Find a turn").fill("LIONS")
    page.get_by_text("3 of 4 turns").wait_for()
    assert items(page)[-1] == "Two lions are few."


def test_a_tree_of_two_thousand_turns_draws_only_what_is_in_sight(zoo: Zoo) -> None:
    parent = zoo.reply["id"]
    for n in range(2000):
        turn = zoo.fake.add(zoo.talk, "Alex", f"Turn {n}.", parent=parent, activate=False)
        parent = turn["id"]
    zoo.fake.talks[zoo.talk]["active"] = zoo.fake.path(zoo.talk, parent)
    page = zoo.open("Tree")
    page.get_by_role("treeitem", name="Turn 1999.").wait_for()
    assert page.get_by_role("treeitem").count() < 60
    page.get_by_role("treeitem", name="Turn 1999.").focus()
    page.keyboard.press("Home")
    at(page, "I fed lions for two years.")
    page.keyboard.press("End")
    at(page, "Turn 1999.")
    row = page.get_by_role("treeitem", name="Turn 1999.")
    assert row.get_attribute("aria-setsize") == "2002"
