"""`tertulia chat` as a program: pipes, --json, and what people get wrong."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tertulia.cli import main
from tertulia.store import Store

Typed = Callable[[str | bytes], None]
KEYS = ["text", "speaker", "plan", "candidates", "dropped", "unsupported", "usage", "seed"]


def test_every_line_of_a_pipe_is_a_turn(
    script: str, typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    typed("hi\nso?\n")
    assert main(["chat", "--agent", script, "--seed", "0"]) == 0
    assert capsys.readouterr().out == "Agent: One.\nAgent: Two.\n"


def test_json_is_one_object_a_reply_with_exactly_these_keys(
    script: str, typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    typed("hi\n/goal 1\nso?\n/why\n")
    assert main(["chat", "--agent", script, "--seed", "0", "--json"]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert list(first) == list(second) == KEYS
    assert (first["text"], first["seed"], second["plan"]["goal"]) == ("One.", 0, "ask about pets.")


def test_with_json_the_answers_to_commands_go_to_stderr(
    script: str, typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    typed("/scene\n/nonsense\n")
    assert main(["chat", "--agent", script, "--json"]) == 1
    said = capsys.readouterr()
    assert said.out == "" and "turns: 0" in said.err and "! no command /nonsense" in said.err


def test_lone_surrogates_and_controls_leave_as_valid_json(
    tmp_path: Path, script: str, typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = tmp_path / "scene.json"
    scene.write_text('{"agent": "A\\ud800", "user": "<|end|>", "situation": "\\u0000"}')
    typed("hi\x00\n")
    assert main(["chat", str(scene), "--agent", script, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["speaker"] == "A\ud800"


def test_every_turn_of_a_pipe_is_in_the_store(tmp_path: Path, script: str, typed: Typed) -> None:
    typed("hi\n")
    main(["chat", "--agent", script, "--store", str(tmp_path / "talks.db"), "--seed", "0"])
    with Store.open(tmp_path / "talks.db") as store:
        turns = store.conversation(store.talks()[0].id).turns
        assert [each.text for each in turns] == ["hi", "One."]
        assert 'name = "scripted"' in store.agent(store.talks()[0].id)


def test_with_no_store_nothing_is_written(home: Path, script: str, typed: Typed) -> None:
    typed("hi\n")
    assert main(["chat", "--agent", script, "--no-store"]) == 0
    assert not home.exists()


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line that a mistake is answered with."""
    try:
        code = main(["chat", *words])
    except SystemExit as leaving:
        code = leaving.code  # type: ignore[assignment]
    said = capsys.readouterr()
    assert code == 2 and said.out == "" and said.err.count("\n") == 1
    return said.err


@pytest.mark.parametrize("seed", ["abc", "-1", "1.5", str(2**63), "²", ""])
def test_a_seed_that_is_none_is_refused(seed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "give a whole number from 0" in refused(capsys, f"--seed={seed}")


@pytest.mark.parametrize(
    ("words", "cure"),
    [
        (["nothing"], "neither a file nor a shipped one"),
        (["."], "is a folder"),
        (["a\0b"], "no scene"),
        (["--agent", "nobody"], "known names are"),
        (["--agent", "nobody.toml"], "no agent file"),
        (["--model", "gpt-9"], "no model of that name"),
        (["--model", "cosmo-xl"], "are not here: download"),
        (["--model", "a\0b"], "no model"),
        (["--store", "x", "--no-store"], "not allowed with"),
        (["--sede", "1"], "unrecognized arguments"),
    ],
)
def test_a_mistake_is_answered_in_one_line_with_its_cure(
    words: list[str], cure: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cure in refused(capsys, *words)


@pytest.mark.parametrize(
    ("content", "cure"),
    [
        ("", "is empty"),
        ("agent = 3", "must be a string"),
        ("agent = ", "is not TOML"),
        ('situatoin = "x"', "did you mean 'situation'"),
        ("#" * (9 << 20), "is larger than"),
    ],
    ids=["empty", "wrong type", "no TOML", "wrong key", "large"],
)
def test_a_scene_that_is_none_is_refused(
    content: str, cure: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "scene.toml"
    path.write_text(content)
    assert cure in refused(capsys, str(path))


@pytest.mark.parametrize(
    ("table", "cure"),
    [
        ('format = "nativ"\nengine = "scripted"', "did you mean 'native'"),
        ('format = "native"\nengine = "script"', "did you mean 'scripted'"),
        (
            'format = "native"\nengine = "scripted"\ndecoding = "godel_crad"',
            "did you mean 'godel_card'",
        ),
    ],
    ids=["format", "engine", "preset"],
)
def test_an_unknown_name_in_an_agent_file_is_answered_with_the_nearest(
    table: str, cure: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "agent.toml"
    path.write_text(table)
    assert cure in refused(capsys, "--agent", str(path))


def test_a_home_that_cannot_be_written_is_refused_with_the_cure(
    script: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERTULIA_HOME", "/dev/null/home")
    assert "--no-store, which keeps nothing" in refused(capsys, "--agent", script)


def test_a_full_disk_is_refused_with_the_cure(
    script: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "--no-store" in refused(capsys, "--agent", script, "--store", "/dev/full")


def test_input_that_is_not_utf_8_is_refused_with_its_line(
    script: str, typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(b"hi\n\xff\n")
    assert main(["chat", "--agent", script]) == 2
    assert "line 2 of the input is not UTF-8" in capsys.readouterr().err


def test_an_empty_pipe_is_no_talk(
    script: str, typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    typed("")
    assert main(["chat", "--agent", script]) == 0
    assert capsys.readouterr().out == ""


def test_the_agent_opens_in_a_pipe_when_it_is_its_turn(
    tmp_path: Path, script: str, typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = tmp_path / "scene.toml"
    scene.write_text('[plan]\ngoal = "ask about pets."')
    typed("")
    assert main(["chat", str(scene), "--agent", script, "--seed", "0"]) == 0
    assert capsys.readouterr().out == "Agent: One.\n"


def test_ten_thousand_turns_are_a_talk_like_any_other(
    tmp_path: Path, script: str, typed: Typed, capsys: pytest.CaptureFixture[str]
) -> None:
    turns = [{"speaker": "User" if n % 2 else "Agent", "text": f"n {n}"} for n in range(9_999)]
    scene = tmp_path / "scene.json"
    scene.write_text(json.dumps({"turns": turns}))
    typed("hi\n")
    assert main(["chat", str(scene), "--agent", script, "--json", "--no-store"]) == 0
    assert len(json.loads(capsys.readouterr().out)["dropped"]) > 9_000


def test_kill_9_loses_no_turn_that_was_shown(tmp_path: Path, script: str) -> None:
    place = tmp_path / "talks.db"
    words = [sys.executable, "-m", "tertulia", "chat", "--agent", script, "--store", str(place)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as talk:
        assert talk.stdin and talk.stdout
        for number in range(3):
            talk.stdin.write(b"line %d\n" % number)
            talk.stdin.flush()
            assert talk.stdout.readline()
        talk.kill()
    with Store.open(place) as store:
        turns = store.conversation(store.talks()[0].id).turns
    assert [each.text for each in turns[::2]] == ["line 0", "line 1", "line 2"]
    assert len(turns) == 6
