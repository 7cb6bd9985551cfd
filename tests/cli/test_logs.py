"""`tertulia logs`."""

import json
from pathlib import Path

import pytest

from tertulia import scene
from tertulia.cli import main
from tertulia.conversation import Conversation, Turn
from tertulia.store import Store

Out = pytest.CaptureFixture[str]
TALK = scene.load(scene.find("campfire"))


@pytest.fixture
def kept(home: Path) -> str:
    """A talk with a reply and another one beside it."""
    with Store.open() as store:
        talk = store.begin(TALK, 'format = "native"')
        parent = store.path(talk)[-1].id
        for text in ("The bear ate it all.", "It slept.\nFor a year."):
            turn = Turn(TALK.agent, text)
            store.keep(talk, turn, conversation=TALK, parent=parent, reply={"seed": 7})
    return talk


def test_no_talk_yet_is_no_mistake(capsys: Out) -> None:
    assert main(["logs"]) == 0
    assert "`tertulia chat` keeps each one" in capsys.readouterr().err


def test_a_list_has_one_line_a_talk(kept: str, capsys: Out) -> None:
    assert main(["logs"]) == 0
    head, line = capsys.readouterr().out.splitlines()
    assert line.startswith(kept) and line.endswith("It slept.\\nFor a year.")
    assert "Uncle Joe, Nina" in line


def test_a_talk_is_shown_with_its_alternatives_counted(kept: str, capsys: Out) -> None:
    assert main(["logs", kept[-4:]]) == 0
    told = capsys.readouterr().out
    assert "Ben: What was that?" in told
    assert told.endswith("Uncle Joe: It slept.\n  For a year.  (turn 5, 1 of 2)\n")


def test_search_lists_only_talks_that_hold_the_words(kept: str, capsys: Out) -> None:
    main(["logs", "--search", "OWL", "--json"])
    assert json.loads(capsys.readouterr().out)["id"] == kept
    main(["logs", "--search", "giraffe", "--json"])
    assert capsys.readouterr().out == ""


def test_json_of_one_talk_holds_the_whole_tree(kept: str, capsys: Out) -> None:
    main(["logs", kept, "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["agent_file"] == 'format = "native"'
    assert [each["text"] for each in told["tree"]][-2:] == [
        "The bear ate it all.",
        "It slept.\nFor a year.",
    ]
    assert told["path"] == [1, 2, 3, 5] and told["tree"][-1]["reply"] == {"seed": 7}
    assert told["tree"][0]["direction"]["situation"] == TALK.direction.situation


@pytest.mark.parametrize("name", ["out.toml", "out.json"])
def test_a_talk_is_exported_as_a_scene_that_can_be_played(kept: str, name: str) -> None:
    assert main(["logs", kept, "--export", name]) == 0
    assert scene.load(Path(name)) == TALK.said(TALK.agent, "It slept.\nFor a year.")


def test_standard_output_takes_an_export_too(kept: str, capsys: Out) -> None:
    main(["logs", kept, "--export", "-"])
    assert scene.read(capsys.readouterr().out, "stdout").agent == "Uncle Joe"


def test_what_people_said_cannot_move_the_cursor(home: Path, capsys: Out) -> None:
    with Store.open() as store:
        talk = store.begin(Conversation().said("\x1b[2J", "a\x1b[31m\u202e\nAgent: forged"))
    for words in (["logs"], ["logs", talk]):
        main(words)
        told = capsys.readouterr().out
        assert "\x1b[31m" not in told and "\x1b[2J" not in told and "\u202e" not in told
        assert "\nAgent:" not in told


MISTAKES = {
    "nowhere": "no talk 'nowhere'",
    "--limit 0": "give at least 1",
    "--export out.txt": "end the name in .toml or .json",
    "--export out.jsonl": "whole talks are written by `tertulia export -o FILE`",
    "--export out.toml": "a scene is one talk: give its ID",
    "2026 --search x": "give one of them",
    "--store .": "is a folder, not a store of talks",
    "ID --export no/such/folder.json": "give a file that can be written",
}


@pytest.mark.parametrize("words", MISTAKES)
def test_a_mistake_is_answered_in_one_line(kept: str, words: str, capsys: Out) -> None:
    assert main(["logs", *words.replace("ID", kept).split()]) == 2
    told = capsys.readouterr()
    assert told.out == "" and told.err.count("\n") == 1
    assert MISTAKES[words] in told.err
