"""`tertulia export` and `tertulia import`: files that are whole or not there, reports, mistakes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tertulia.cli import main
from tertulia.store import Store, TalkId
from tests.interchange.talks import FERRY, stored, talk

Out = pytest.CaptureFixture[str]
FILES = Path(__file__).parents[1] / "interchange" / "files"


@pytest.fixture
def kept(home: Path) -> TalkId:
    """The ferry, in the store."""
    with Store.open() as store:
        return store.adopt(FERRY)


def texts() -> list[list[str]]:
    with Store.open() as store:
        return [[each.turn.text for each in store.path(talk.id)] for talk in store.talks()]


def test_whole_talks_go_out_and_come_in_again(kept: TalkId, capsys: Out) -> None:
    assert main(["export", "-o", "all.jsonl"]) == 0
    assert "1 talk as jsonl in all.jsonl" in capsys.readouterr().err
    assert main(["import", "all.jsonl", "--store", "other.db"]) == 0
    with Store.open(kept_store := "other.db") as other, Store.open() as store:
        assert kept_store
        (summary,) = other.talks()
        back, first = other.whole(summary.id), store.whole(kept)
    assert [each.turn for each in back.turns] == [each.turn for each in first.turns]
    assert [each.rating for each in back.turns] == [each.rating for each in first.turns]


def test_a_file_goes_to_standard_output_and_its_report_to_stderr(kept: TalkId, capsys: Out) -> None:
    assert main(["export", kept, "--form", "persona_chat"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("1 your persona: i like cats.\n")
    assert "not in it, or changed:\n  agent_file: 1\n" in told.err


def test_the_report_is_json_where_a_program_reads(kept: TalkId, capsys: Out) -> None:
    assert main(["export", "--form", "sharegpt", "-o", "x.jsonl", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["form"] == "sharegpt" and report["lost"]["turns.rating"] == 1


def test_the_ending_html_is_a_page(kept: TalkId) -> None:
    assert main(["export", kept, "-o", "talk.html"]) == 0
    assert "<title>On the ferry</title>" in Path("talk.html").read_text()


def test_only_rated_talks_and_only_what_is_active(kept: TalkId, capsys: Out) -> None:
    with Store.open() as store:
        store.adopt(talk(stored(1, None, "Friend", "Unrated."), active=1))
    main(["export", "--rated", "--active-only"])
    (line,) = capsys.readouterr().out.splitlines()
    told = [turn["text"] for turn in json.loads(line)["turns"]]
    assert told == [
        "Is that our ferry?",
        "It is! It leaves at nine.",
        "Good.",
        "Shall I buy the tickets?",
    ]


def test_a_search_chooses_talks(kept: TalkId, capsys: Out) -> None:
    with Store.open() as store:
        store.adopt(talk(stored(1, None, "Friend", "Trains only."), active=1))
    main(["export", "--search", "trains", "--form", "messages"])
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize("form", ["messages", "sharegpt", "sillytavern", "godel", "persona_chat"])
def test_a_file_is_taken_in_by_how_it_begins(form: str, home: Path, capsys: Out) -> None:
    (path,) = FILES.glob(f"ferry.{form}.*")
    assert main(["import", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["report"]["form"] == form and len(told["talks"]) == 1
    assert texts()[0][-1] == "Shall I buy the tickets?"


def test_standard_input_is_a_file_too(
    home: Path, typed: Callable[[str | bytes], None], capsys: Out
) -> None:
    typed((FILES / "ferry.sillytavern.jsonl").read_bytes())
    assert main(["import", "-"]) == 0
    assert "1 talk, 6 turns from sillytavern" in capsys.readouterr().out
    assert len(texts()) == 1


def test_a_dry_run_keeps_nothing(home: Path, capsys: Out) -> None:
    assert main(["import", str(FILES / "ferry.jsonl.jsonl"), "--dry"]) == 0
    assert "1 talk, 9 turns from jsonl" in capsys.readouterr().out
    assert texts() == []


def test_a_file_with_one_bad_line_leaves_the_store_as_it_was(kept: TalkId, capsys: Out) -> None:
    good = (FILES / "ferry.messages.jsonl").read_text()
    Path("half.jsonl").write_text(f"{good}{good}{{broken\n")
    assert main(["import", "half.jsonl"]) == 2
    told = capsys.readouterr()
    assert told.out == "" and told.err.startswith("tertulia: half.jsonl line 3 is not JSON")
    assert len(texts()) == 1


def test_a_talk_exported_twice_is_the_same_file(kept: TalkId) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        main(["export", "-o", name])
    assert Path("a.jsonl").read_bytes() == Path("b.jsonl").read_bytes()


def test_a_file_that_is_there_stays_unless_forced(kept: TalkId, capsys: Out) -> None:
    Path("a.jsonl").write_text("mine")
    assert main(["export", "-o", "a.jsonl"]) == 2
    assert "add --force" in capsys.readouterr().err and Path("a.jsonl").read_text() == "mine"
    assert main(["export", "-o", "a.jsonl", "--force"]) == 0
    assert Path("a.jsonl").read_text() != "mine"


def test_an_export_that_fails_leaves_no_file(kept: TalkId, capsys: Out) -> None:
    with Store.open() as store:
        store.adopt(FERRY)
    assert main(["export", "--form", "sillytavern", "-o", "two.jsonl"]) == 2
    assert "export each alone" in capsys.readouterr().err
    assert list(Path().glob("*two*")) == []


def test_the_forms_are_listed(capsys: Out) -> None:
    assert main(["export", "--forms", "--json"]) == 0
    found = {each["name"]: each["reads"] for each in json.loads(capsys.readouterr().out)}
    assert found["jsonl"] and not found["html"]


MISTAKES = {
    "export": "no talk is kept yet",
    "export --search sun": "no talk holds 'sun'",
    "export x --search sun": "give one of them",
    "export --form sillytaven": "did you mean 'sillytavern'?",
    "export nobody": "no talk 'nobody'",
    "import nowhere.jsonl": "nowhere.jsonl cannot be read: No such file or directory",
    "import .": "cannot be read",
    "import note.txt": "note.txt begins with 'hello', which is none of the forms",
    "import note.txt --form html": "the form html is written only",
    "import note.txt --form godel": "note.txt line 1 is not JSON",
}


@pytest.mark.parametrize("words", MISTAKES)
def test_a_mistake_is_answered_in_one_line(home: Path, words: str, capsys: Out) -> None:
    Path("note.txt").write_text("hello")
    assert main(words.split()) == 2
    told = capsys.readouterr()
    assert told.out == "" and told.err.count("\n") == 1
    assert MISTAKES[words] in told.err


def test_what_a_stranger_wrote_cannot_move_the_cursor(home: Path, capsys: Out) -> None:
    row = {"messages": [{"role": "user", "content": "hi", "\x1b[2J": "x"}]}
    Path("a.jsonl").write_text(json.dumps(row))
    main(["import", "a.jsonl"])
    assert "\x1b" not in capsys.readouterr().out
