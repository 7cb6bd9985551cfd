"""`tertulia pull`, against a small hub on this machine."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tertulia.checkpoints import download, pull
from tertulia.cli import main
from tests.fake_hub import COMMIT, Hub, serving
from tests.tiny_llama import tiny_llama

constants = pytest.importorskip("huggingface_hub.constants")

MODEL = "some-one/model"


@pytest.fixture(autouse=True)
def hub(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0)
    made = tiny_llama(tmp_path / "source")
    files = {path.name: path.read_bytes() for path in made.iterdir()}
    models = {MODEL: files, "passing2961/Thanos-1B": files}
    cards = {MODEL: {"license": "mit"}, "passing2961/Thanos-1B": {"license": "cc-by-nc-4.0"}}
    with serving(Hub(models=models, cards=cards), monkeypatch) as hub:
        yield hub


def test_a_model_is_fetched_and_its_size_and_licence_are_told(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pull", MODEL]) == 0
    out = capsys.readouterr().out
    assert f"{MODEL}  0.3 MB  licence: mit\n" in out
    assert f"fetched to {home / 'models' / MODEL}; format native" in out
    assert f"tertulia chat --model {MODEL}" in out


def test_json_is_one_object_and_nothing_else(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pull", MODEL, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["path"] == str(home / "models" / MODEL) and told["fetched_bytes"] > 300_000
    assert (told["format"], told["licence"]) == ("native", "mit")
    assert told["source"] == f"{MODEL}@{COMMIT}"


def test_what_is_here_is_not_fetched_again(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    main(["pull", MODEL])
    hub.asked.clear()
    capsys.readouterr()
    assert main(["pull", MODEL, "--json"]) == 0
    assert hub.asked == [] and json.loads(capsys.readouterr().out)["fetched_bytes"] == 0
    assert main(["pull", MODEL, "--revision", COMMIT]) == 0
    assert hub.asked == []


def test_a_non_commercial_licence_needs_a_yes_where_nobody_can_be_asked(
    hub: Hub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert main(["pull", "thanos-1b"]) == 2
    told = capsys.readouterr()
    assert "cc-by-nc-4.0" in told.out and "add --yes" in told.err
    assert hub.fetched() == []
    assert main(["pull", "thanos-1b", "--yes"]) == 0


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("Yes", 0), ("n", 1), ("", 1)])
def test_at_a_terminal_one_is_asked(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(f"{answer}\n"))
    assert main(["pull", "thanos-1b"]) == code
    assert bool(hub.fetched()) is (code == 0)


def test_a_stopped_pull_says_that_it_can_go_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pull, "pull", stopped)
    assert main(["pull", MODEL]) == 130
    assert "the same command goes on from there" in capsys.readouterr().err


def test_a_wrong_format_is_told_before_anything_is_fetched(
    hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pull", MODEL, "--format", "natve"]) == 2
    assert "did you mean 'native'" in capsys.readouterr().err and hub.asked == []


def test_an_unknown_name_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pull", "cosmo-lx"]) == 2
    assert "did you mean 'cosmo-xl'" in capsys.readouterr().err


def test_progress_is_drawn_on_a_terminal_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["pull", MODEL]) == 0
    assert capsys.readouterr().err == ""
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    assert main(["pull", "thanos-1b", "--yes"]) == 0
    assert "fetching [" in terminal.getvalue() and terminal.getvalue().endswith("\r\x1b[K")
