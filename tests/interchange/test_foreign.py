"""Files as other programs write them: chat messages, ShareGPT, GODEL, Persona-Chat."""

import io
import json
from typing import Any

import pytest

from tertulia import interchange
from tertulia.errors import InterchangeError
from tertulia.interchange._tree import Tree
from tertulia.store import MEMORY, Store, WholeTalk


def read(form: str, text: str) -> tuple[list[WholeTalk], dict[str, Any]]:
    talks, report = interchange.imported(form, io.BytesIO(text.encode()), where="f")
    return list(talks), report.table()["lost"]


def one(form: str, row: object) -> tuple[Tree, dict[str, Any]]:
    (talk,), lost = read(form, json.dumps(row))
    return Tree(talk), lost


def said(tree: Tree) -> list[tuple[str, str]]:
    return [(each.turn.speaker, each.turn.text) for each in tree.path]


HELLO = {"role": "user", "content": "Hello."}


def test_a_system_message_is_the_instruction() -> None:
    row = {"messages": [{"role": "developer", "content": "Be brief."}, HELLO]}
    tree, lost = one("messages", row)
    assert tree.conversation.direction.instruction == "Be brief."
    assert said(tree) == [("User", "Hello.")] and lost == {}


def test_a_later_system_message_holds_from_there_on() -> None:
    late = {"role": "system", "content": "Now rhyme."}
    tree, _ = one("messages", {"messages": [HELLO, late, {**HELLO, "role": "assistant"}]})
    told = [each.scene.direction.instruction for each in tree.path]
    assert told == ["", "Now rhyme."]


def test_names_of_messages_are_the_names_of_the_sides() -> None:
    rows = [{**HELLO, "name": "Ann"}, {"role": "assistant", "name": "Cosmo", "content": "Hi."}]
    tree, _ = one("messages", {"messages": [*rows, {**HELLO, "name": "Bo"}]})
    assert (tree.conversation.agent, tree.conversation.user) == ("Cosmo", "Ann")
    assert [speaker for speaker, _ in said(tree)] == ["Ann", "Cosmo", "Bo"]


def test_calls_of_tools_and_pictures_are_counted() -> None:
    parts = [{"type": "text", "text": "Look:"}, {"type": "image_url", "image_url": {"url": "x"}}]
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}
    tool = {"role": "tool", "content": "42", "tool_call_id": "1"}
    tree, lost = one("messages", {"messages": [{**HELLO, "content": parts}, call, tool], "id": 7})
    assert said(tree) == [("User", "Look:"), ("Agent", ""), ("tool", "42")]
    assert lost == {
        **{"id": 1, "messages.content.image_url": 1, "messages.tool_call_id": 1},
        "messages.tool_calls": 1,
    }


def test_what_another_program_wrote_is_not_taken_for_our_marks() -> None:
    text = "[Image: a cat]\n\n[For your next reply]\nGoal: x <think>y</think> ¦"
    tree, _ = one("messages", {"messages": [{**HELLO, "content": text}]})
    assert said(tree) == [("User", text)] and not tree.path[0].turn.image


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"messages": [{"content": "x"}]}, "f line 1: message 1 has no role"),
        ({"messages": [{"role": 7, "content": "x"}]}, "message 1: role is 7"),
        ({"messages": [{"role": "user", "content": 7}]}, "message 1.content is 7"),
        ({"messages": [{"role": "user", "content": [7]}]}, "message 1.content[0] is 7"),
        ({"messages": {"role": "user"}}, "messages is {'role': 'user'}, must be a list"),
        ({"text": "x"}, "messages is None, must be a list"),
        ({"messages": [HELLO], "direction": "x"}, "direction is not JSON"),
        ({"messages": [HELLO], "direction": {"agnet": "x"}}, "no key 'agnet'"),
        ({"messages": [HELLO], "direction": {"agent": "A", "user": "A"}}, "are both 'A'"),
    ],
)
def test_a_row_of_messages_that_is_wrong_is_told(row: object, told: str) -> None:
    with pytest.raises(InterchangeError) as caught:
        one("messages", row)
    assert told in str(caught.value)


def test_sharegpt_is_read_in_all_its_spellings() -> None:
    rows = [
        [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Ho"}],
        [{"from": "user", "value": "Hi"}, {"from": "assistant", "value": "Ho"}],
        [{"from": "human", "value": "Hi"}, {"from": "chatgpt", "value": "Ho"}],
    ]
    text = json.dumps([{"id": f"{n}", "conversations": each} for n, each in enumerate(rows)])
    talks, lost = read("sharegpt", text)
    assert [said(Tree(talk)) for talk in talks] == [[("User", "Hi"), ("Agent", "Ho")]] * 3
    assert lost == {"id": 3}


def test_the_talks_of_a_file_stay_in_its_order() -> None:
    rows = [{"conversations": [{"from": "human", "value": f"{n}"}]} for n in range(30)]
    talks, _ = read("sharegpt", "\n".join(map(json.dumps, rows)))
    with Store.open(MEMORY) as store:
        store.adopt_all(talks)
        assert [int(each.last) for each in store.talks(99)] == [*reversed(range(30))]


def test_the_system_text_of_sharegpt_may_stand_beside_or_inside() -> None:
    inside = {"conversations": [{"from": "system", "value": "Be brief."}]}
    beside = {"conversation": [{"from": "human", "value": "Hi"}], "system": "Be brief."}
    for row in (inside, beside):
        tree, _ = one("sharegpt", row)
        assert tree.conversation.direction.instruction == "Be brief."


def test_rows_of_godel_that_go_on_from_each_other_are_one_talk() -> None:
    rows = [
        {"Context": "hey", "Knowledge": "k", "Response": "hello"},
        {"Context": "hey EOS hello EOS bye", "Knowledge": "l", "Response": "bye"},
        {"Context": "what is it", "Knowledge": "", "Response": "a ferry"},
    ]
    first, second = (Tree(t) for t in read("godel", "\n".join(map(json.dumps, rows)))[0])
    assert said(first) == [("User", "hey"), ("Agent", "hello"), ("User", "bye"), ("Agent", "bye")]
    assert [each.scene.direction.knowledge for each in first.path] == [("k",)] * 2 + [("l",)] * 2
    assert said(second) == [("User", "what is it"), ("Agent", "a ferry")]


def test_the_sides_of_a_context_of_godel_alternate_backwards() -> None:
    tree, _ = one("godel", {"Context": "a EOS b EOS c", "Response": "d"})
    assert said(tree) == [("User", "a"), ("Agent", "b"), ("User", "c"), ("Agent", "d")]


PERSONA_CHAT = """\
1 your persona: i like cats.
2 partner's persona: i bake.
3 hi there !\thello , do you bake ?\t\ti have a dog .|yes|hello , do you bake ?
4 all day .\tlovely .
1 your persona: i row.
2 __SILENCE__\tgood morning
3 is that\\nall ?
4 yes ?\tsure\t1.0
"""


def test_persona_chat_is_read_with_both_personas_and_the_candidates() -> None:
    (first, second), lost = read("persona_chat", PERSONA_CHAT)
    tree, other = Tree(first), Tree(second)
    assert tree.conversation.direction.facts("Agent") == ("i like cats.",)
    assert tree.conversation.direction.facts("User") == ("i bake.",)
    swipes = [each.turn.text for each in tree.alternatives(tree.path[1])]
    assert swipes == ["i have a dog .", "yes", "hello , do you bake ?"]
    assert said(other) == [
        *(("Agent", "good morning"), ("User", "is that\nall ?"), ("User", "yes ?")),
        ("Agent", "sure"),
    ]
    assert lost == {"reward": 1}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("hello", "f line 1 is 'hello', must begin with its number"),
        ("1 a\n2 b\nx c", "f line 3"),
        ("1 a\tb\tc\td\te", "f line 1 has 5 fields"),
        (f"1 a\tb\t\t{'|'.join('x' * 10_001)}", "f line 1: 10001 candidates"),
        ("9999999999 a", "f line 1"),
    ],
)
def test_a_line_of_persona_chat_that_is_wrong_is_told(text: str, told: str) -> None:
    with pytest.raises(InterchangeError) as caught:
        read("persona_chat", text)
    assert str(caught.value).startswith(told)


def test_nobody_says_a_fact_about_the_agent() -> None:
    (talk,), _ = read("persona_chat", "1 your persona: i like cats.\n2 hi\tho\n3 your persona: x")
    assert talk.header.direction.facts("Agent") == ("i like cats.",)
    assert talk.turns[-1].turn.text == "your persona: x"
