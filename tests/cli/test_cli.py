"""`tertulia` itself: its verbs, its exit codes, its manners."""

import subprocess
import sys
from pathlib import Path

import pytest

from tertulia import __version__, registry
from tertulia.cli import main

HEAVY = {"torch", "transformers", "onnxruntime", "numpy", "httpx", "sqlite3", "prompt_toolkit"}
FILES = registry.names("tertulia.cli")
VERBS = [name.removesuffix("_") for name in FILES]


@pytest.mark.parametrize("name", FILES)
def test_every_verb_has_one_line_of_help_and_its_three_parts(name: str) -> None:
    verb = registry.load("tertulia.cli", name)
    assert "\n" not in verb.HELP and len(verb.HELP) <= 80
    assert callable(verb.add) and callable(verb.run)


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([name, "--help"])
    assert left.value.code == 0
    assert f"usage: tertulia {name}" in capsys.readouterr().out


def test_help_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = capsys.readouterr().out
    assert all(f"\n    {name} " in listed for name in VERBS)


def test_without_words_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([])
    assert left.value.code == 0
    assert "tertulia chat" in capsys.readouterr().out


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom tertulia.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        f"print(*({HEAVY} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == ""


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"tertulia {__version__}\n"


def test_an_unknown_verb_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["caht"]) == 2
    assert "did you mean 'chat'?" in capsys.readouterr().err


def test_the_module_is_the_command() -> None:
    words = [sys.executable, "-m", "tertulia", "--version"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout == f"tertulia {__version__}\n"


def test_a_reader_that_leaves_is_no_error(script: str) -> None:
    talk = f"{sys.executable} -m tertulia chat --agent {script} --no-store"
    shell = f"yes hi | head -n 3000 | {talk} | head -n 1"
    done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True)
    assert done.stderr == "" and done.stdout.startswith("Agent: ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_an_output_that_is_full_is_told_in_one_line(script: str) -> None:
    talk = f"{sys.executable} -m tertulia chat --agent {script} --no-store"
    done = subprocess.run(["sh", "-c", f"echo hi | {talk} > /dev/full"], capture_output=True)
    assert done.returncode == 1 and done.stderr.count(b"\n") == 1
    assert b"tertulia: the output cannot be written" in done.stderr


def test_an_input_that_is_closed_is_an_empty_one(script: str) -> None:
    talk = f"{sys.executable} -m tertulia chat --agent {script} --no-store"
    done = subprocess.run(["sh", "-c", f"{talk} <&-"], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_what_the_terminal_cannot_show_is_escaped(script: str, tmp_path: Path) -> None:
    scene = tmp_path / "scene.toml"
    scene.write_text('situation = "café 你好"', encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "tertulia", "chat", str(scene), "--agent", script, "--no-store"],
        input=b"/situation\n",
        capture_output=True,
        check=True,
        env={"PYTHONIOENCODING": "ascii", "PATH": ""},
    )
    assert done.stdout == b"situation: caf\\xe9 \\u4f60\\u597d\n"
