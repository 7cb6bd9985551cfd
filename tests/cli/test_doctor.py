"""`tertulia doctor`."""

import json
from pathlib import Path

import pytest

from tertulia.cli import main
from tertulia.cli.doctor import optional


def checks(
    capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[int, dict[str, dict[str, str]]]:
    code = main(["doctor", "--json", *words])
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is (code == 0)
    return code, {each["name"]: each for each in told["checks"]}


def test_the_built_in_model_says_a_word_and_all_that_is_needed_works(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, found = checks(capsys)
    assert {each["state"] for each in found.values()} <= {"ok", "absent"}, found
    assert code == 0 and "says " in found["built-in model"]["detail"]


def test_a_store_that_cannot_be_written_is_broken_and_the_code_is_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, found = checks(capsys, "--store", "/dev/null/talks.db")
    assert (code, found["store"]["state"]) == (1, "broken")


def test_what_is_optional_and_absent_comes_with_the_line_that_brings_it() -> None:
    check = optional("no-such-package", "train", "nothing")
    assert (check.state, check.cure) == ("absent", "pip install 'tertulia[train]'")


def test_words_tell_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--store", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "broken  store" in out and "Something needed is broken" in out
