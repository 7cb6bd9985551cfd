"""One talk with everything in it, in every form, as somebody read it: files/ferry.*."""

import json
from pathlib import Path

import pytest

from tertulia import interchange
from tests.interchange.talks import FERRY

FILES = Path(__file__).parent / "files"
LOST = {
    "jsonl": {},
    "html": {"agent_file": 1, "turns.hidden": 1},
    "sillytavern": {
        **{"agent_file": 1, "title": 1, "turns.branches": 2, "turns.edited_from": 1},
        **{"turns.hidden": 1, "turns.image": 1, "turns.plan": 1, "turns.rating": 1},
    },
    "persona_chat": {
        **{"agent_file": 1, "created": 1, "instruction": 1, "knowledge": 1, "memory": 1},
        **{"names": 1, "situation": 1, "title": 1, "turns.branches": 2, "turns.created": 4},
        **{"turns.edited_from": 1, "turns.hidden": 1, "turns.image": 1, "turns.plan": 1},
        **{"turns.rating": 1},
    },
    "preferences": {
        **{"agent_file": 1, "created": 1, "pairs under two directions": 1, "title": 1},
        **{"turns.created": 4, "turns.hidden": 1},
    },
}


def written(form: str) -> tuple[str, dict[str, int]]:
    pieces, report = interchange.exported(form, [FERRY])
    return "".join(pieces), report.table()["lost"]


@pytest.mark.parametrize("form", interchange.forms())
def test_the_ferry_is_written_as_it_was_reviewed(form: str) -> None:
    path = FILES / f"ferry.{form}{interchange.about(form).suffix}"
    assert written(form)[0] == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("form", LOST)
def test_the_report_says_what_of_the_ferry_is_lost(form: str) -> None:
    assert written(form)[1] == LOST[form]


@pytest.mark.parametrize("form", interchange.forms(reads=True))
def test_a_file_tells_its_form_by_how_it_begins(form: str) -> None:
    path = FILES / f"ferry.{form}{interchange.about(form).suffix}"
    assert interchange.guess(path.read_bytes()[:4096]) == form


def rows(form: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in written(form)[0].splitlines()]


def test_the_columns_are_those_that_trainers_document() -> None:
    said = [{"role": str, "content": str}]
    assert shape(rows("messages")) == {"messages": said, "direction": str}
    assert shape(rows("preferences")) == {
        **dict.fromkeys(("prompt", "chosen", "rejected"), said),
        **dict.fromkeys(("why", "direction", "talk"), str),
    }
    assert shape(rows("ratings")) == {
        **dict.fromkeys(("prompt", "completion"), said),
        **{"label": bool, "note": str, "direction": str, "talk": str},
    }


def shape(rows: list[dict[str, object]]) -> object:
    """The one type of every column; a column that has two types fails a data set's reader."""

    def kind(value: object) -> object:
        if isinstance(value, list):
            (only,) = {json.dumps(sorted(each)) for each in value}
            return [{key: kind(value[0][key]) for key in ("role", "content") if key in only}]
        return type(value)

    shapes = [{key: kind(value) for key, value in row.items()} for row in rows]
    assert all(each == shapes[0] for each in shapes)
    return shapes[0]


def test_an_edit_is_chosen_over_what_it_was_made_from() -> None:
    (row,) = rows("preferences")
    assert (row["why"], row["chosen"], row["rejected"]) == (
        "edit",
        [{"role": "assistant", "content": "Shall I buy the tickets?"}],
        [{"role": "assistant", "content": "Ticket?"}],
    )


def test_a_prompt_ends_in_the_plan_that_the_reply_was_made_to() -> None:
    liked = next(row for row in rows("ratings") if row["label"])
    prompt = liked["prompt"]
    assert isinstance(prompt, list)
    assert prompt[-1]["content"] == (
        "Is that our ferry?\n\n[For your next reply]\n"
        "Goal: reassure\nSkill: Helpfulness\nThought: They worry."
    )
