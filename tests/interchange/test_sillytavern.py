"""SillyTavern's files of all years: every swipe is taken in, and what is not is told."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tertulia import interchange
from tertulia.errors import InterchangeError
from tertulia.interchange._tree import Tree, plan_of
from tertulia.store import MEMORY, Store, WholeTalk

NOW = datetime(2026, 5, 1, tzinfo=UTC)
HEADER = {
    "user_name": "Ann",
    "character_name": "Cosmo",
    "create_date": "2024-07-12@01h31m37s",
    "chat_metadata": {"scenario": "A ferry."},
}


def said(name: str, mes: object, **more: object) -> dict[str, object]:
    return {"name": name, "is_user": name == "Ann", "is_system": False, "mes": mes, **more}


def read(*rows: object) -> tuple[WholeTalk, dict[str, Any]]:
    content = "\n".join(json.dumps(row) for row in rows).encode()
    talks, report = interchange.imported("sillytavern", io.BytesIO(content), where="c", now=NOW)
    (talk,) = talks
    return talk, report.table()["lost"]


SWIPED = said(
    "Cosmo",
    "Hello.",
    swipes=["Hi.", "Hello.", "Hey!"],
    swipe_id=1,
    swipe_info=[
        {"send_date": "2024-07-12T01:33:00Z", "extra": {"reasoning": "Short."}},
        {"send_date": "2024-07-12T01:34:00Z", "extra": {"reasoning": "Warm."}},
        {"extra": {}},
    ],
    extra={"reasoning": "Warm."},
)


def test_all_swipes_stand_beside_each_other_and_the_talk_goes_on_from_the_shown_one() -> None:
    talk, lost = read(HEADER, said("Ann", "Hey"), SWIPED, said("Ann", "Fine."))
    tree = Tree(talk)
    assert [each.turn.text for each in tree.path] == ["Hey", "Hello.", "Fine."]
    assert [each.turn.text for each in tree.siblings(tree.path[1])] == ["Hi.", "Hello.", "Hey!"]
    assert lost == {}


def test_each_swipe_keeps_its_own_thought_and_time() -> None:
    talk, _ = read(HEADER, said("Ann", "Hey", send_date="2024-07-12T01:32:00Z"), SWIPED)
    swipes = talk.turns[1:]
    assert [plan_of(each).explanation for each in swipes] == ["Short.", "Warm.", ""]
    assert [each.created.minute for each in swipes] == [33, 34, 32]


def test_the_store_takes_a_chat_in_and_gives_it_out_again_with_all_swipes() -> None:
    talk, _ = read(HEADER, said("Ann", "Hey"), SWIPED)
    with Store.open(MEMORY) as store:
        kept = store.whole(store.adopt(talk))
    pieces, _ = interchange.exported("sillytavern", [kept])
    header, _, message = (json.loads(piece) for piece in pieces)
    assert (message["swipes"], message["swipe_id"]) == (["Hi.", "Hello.", "Hey!"], 1)
    assert header["chat_metadata"]["scenario"] == "A ferry."


def test_a_shown_text_that_is_no_swipe_is_an_edit_of_one() -> None:
    talk, _ = read(HEADER, said("Cosmo", "Hello, you.", swipes=["Hi.", "Hello."], swipe_id=1))
    tree = Tree(talk)
    (shown,) = tree.path
    assert shown.turn.text == "Hello, you."
    assert [each.turn.text for each in talk.turns if each.id == shown.edited_from] == ["Hello."]


@pytest.mark.parametrize("index", [-1, 7, None, "1", 1.0, True])
def test_a_wrong_number_of_the_shown_swipe_does_not_matter(index: object) -> None:
    talk, _ = read(HEADER, said("Cosmo", "Hello.", swipes=["Hi.", "Hello."], swipe_id=index))
    assert [each.turn.text for each in talk.turns] == ["Hi.", "Hello."]
    assert Tree(talk).path[0].turn.text == "Hello."


def test_a_file_without_a_header_and_a_group_name_their_own_sides() -> None:
    talk, _ = read(said("Cosmo", "Hi."), said("Ann", "Hey."), said("Rosa", "Me too."))
    assert (talk.header.agent, talk.header.user) == ("Cosmo", "Ann")
    assert [each.turn.speaker for each in talk.turns] == ["Cosmo", "Ann", "Rosa"]
    unused = {"user_name": "unused", "character_name": "unused", "chat_metadata": {}}
    group, _ = read(unused, said("Rosa", "Hi."), said("Ann", "Hey."))
    assert (group.header.agent, group.header.user) == ("Rosa", "Ann")


def test_two_sides_of_one_name_are_told_apart() -> None:
    talk, _ = read({**HEADER, "user_name": "Cosmo"}, said("Cosmo", "I am you.", is_user=True))
    assert (talk.header.agent, talk.header.user) == ("Cosmo", "Cosmo (user)")
    assert talk.turns[0].turn.speaker == "Cosmo (user)"


def test_swipes_of_chub_are_objects_with_a_message() -> None:
    talk, _ = read(said("Cosmo", {"message": "Hi."}, swipes=[{"message": "Hi."}, "Ho."]))
    assert [each.turn.text for each in talk.turns] == ["Hi.", "Ho."]


TIMES = {
    "2024-07-12T01:33:00.500Z": datetime(2024, 7, 12, 1, 33, 0, 500_000, UTC),
    "2024-07-12T03:33:00+02:00": datetime(2024, 7, 12, 1, 33, tzinfo=UTC),
    "2024-7-12 @1h 33m 5s 123ms": datetime(2024, 7, 12, 1, 33, 5, 123_000, UTC),
    "2024-07-12@01h33m05s": datetime(2024, 7, 12, 1, 33, 5, tzinfo=UTC),
    "June 19, 2023 2:20pm": datetime(2023, 6, 19, 14, 20, tzinfo=UTC),
    "June 19, 2023 12:05am": datetime(2023, 6, 19, 0, 5, tzinfo=UTC),
    1720747950: datetime(2024, 7, 12, 1, 32, 30, tzinfo=UTC),
    1720747950123: datetime(2024, 7, 12, 1, 32, 30, 123_000, UTC),
}


@pytest.mark.parametrize("time", TIMES)
def test_every_way_of_writing_a_time_is_read(time: object) -> None:
    talk, _ = read(HEADER, said("Ann", "Hey", send_date=time))
    assert talk.turns[0].created == TIMES[time]


@pytest.mark.parametrize(
    "time",
    ["soon", "", None, 1e300, -(10**30), "Smarch 1, 2023 1:00pm", [], "2024-13-45@01h01m01s"],
)
def test_a_time_nobody_can_read_is_that_of_what_was_said_before(time: object) -> None:
    before = said("Ann", "Hey", send_date="2024-07-12T01:33:00Z")
    talk, _ = read(HEADER, before, said("Cosmo", "Hi.", send_date=time))
    assert talk.turns[1].created == talk.turns[0].created


def test_what_is_not_taken_in_is_counted() -> None:
    message = said("Cosmo", "Hi.", force_avatar="x.png", extra={"model": "m", "image": "a.png"})
    message |= {"swipes": ["Hi."], "swipe_info": [{"gen_started": "x"}], "gen_started": "x"}
    ghost = said("Ann", "Note to self", is_system=True)
    _, lost = read(
        {**HEADER, "chat_metadata": {"note_prompt": "x", "tainted": True}}, message, ghost
    )
    assert lost == {
        **{"chat_metadata.note_prompt": 1, "chat_metadata.tainted": 1, "message.is_system": 1},
        **{"extra.image": 1, "extra.model": 1, "message.force_avatar": 1},
        **{"message.gen_started": 1, "swipe_info.gen_started": 1},
    }


def test_our_own_direction_comes_back_and_a_changed_scenario_wins() -> None:
    own = {"agent": "Cosmo", "user": "Ann", "situation": "A ferry.", "knowledge": ["It sinks."]}
    metadata = {"tertulia": own, "scenario": "A raft.", "system_prompt": "Be brief."}
    talk, _ = read({**HEADER, "chat_metadata": metadata}, said("Ann", "Hey"))
    assert talk.header.direction.knowledge == ("It sinks.",)
    assert talk.header.direction.situation == "A raft."
    assert talk.header.direction.instruction == "Be brief."


WRONG = {
    "a million swipes": (said("Cosmo", "x", swipes=["y"] * 1_000_000), "c line 2: 1000000 swipes"),
    "a message that is a list": ([], "c line 2 is [], must be an object"),
    "words that are a number": (said("Cosmo", 7), "c line 2: mes is 7, must be a string"),
    "swipes that are a text": (said("Cosmo", "x", swipes="y"), "c line 2: swipes is 'y'"),
    "a swipe that is a number": (said("Cosmo", "x", swipes=[1]), "c line 2: swipes[0] is 1"),
    "no words": ({"name": "Cosmo"}, "c line 2: mes is missing"),
    "extra that is a list": (said("Cosmo", "x", extra=[1]), "c line 2: extra is [1]"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_message_that_is_wrong_is_told_with_its_line(case: str) -> None:
    row, told = WRONG[case]
    with pytest.raises(InterchangeError) as caught:
        read(HEADER, row)
    assert str(caught.value).startswith(told)


def test_a_second_talk_has_no_place_in_one_file() -> None:
    talk, _ = read(HEADER, said("Ann", "Hey"))
    pieces, _ = interchange.exported("sillytavern", [talk, talk])
    with pytest.raises(InterchangeError, match="export each alone"):
        list(pieces)
