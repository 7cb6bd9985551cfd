"""`tertulia agents`."""

import json
import tomllib
from pathlib import Path

import pytest

from tertulia import assembly
from tertulia.cli import main


def test_every_agent_is_listed_with_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["agents"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(assembly.names())
    assert all(len(line.split()) > 1 for line in lines)


def test_the_list_as_json_names_the_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["agents", "--json"]) == 0
    agents = json.loads(capsys.readouterr().out)
    assert all(Path(each["path"]).is_file() for each in agents)


@pytest.mark.parametrize("words", [["mini"], ["show", "mini"]])
def test_a_name_prints_the_file(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["agents", *words]) == 0
    assert tomllib.loads(capsys.readouterr().out) == assembly.read(assembly.find("mini"))


def test_an_agent_of_ones_own_is_listed_and_one_that_is_broken_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "mine.toml").write_text("description = ")
    assert main(["agents"]) == 0
    assert "mine" in (out := capsys.readouterr().out) and "cannot be read" in out


@pytest.mark.parametrize("words", [["show"], ["show", "nobody"], ["shwo"]])
def test_what_is_no_agent_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        assert main(["agents", *words]) == 2
    except SystemExit as left:
        assert left.code == 2
    assert capsys.readouterr().err.count("\n") == 1
