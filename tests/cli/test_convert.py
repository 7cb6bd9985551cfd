"""`tertulia convert`."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tertulia import checkpoints
from tertulia.cli import main
from tests.tiny_llama import tiny_llama


def test_a_folder_becomes_one_in_int8_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_llama(tmp_path / "mine")
    assert main(["convert", "mine"]) == 0
    out = capsys.readouterr().out
    assert f"mine (0.3 MB) is in int8 at {tmp_path / 'mine-int8'} (0.1 MB)" in out
    assert checkpoints.config(tmp_path / "mine-int8")["quantization"] == "int8_per_row"


def test_json_tells_where_it_is_and_how_large(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_llama(tmp_path / "mine")
    assert main(["convert", "mine", "wide", "--quantization", "float32", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["path"] == str(tmp_path / "wide") and told["quantization"] == "float32"
    assert told["bytes_read"] == told["bytes_written"] > 300_000


def test_a_model_that_is_here_goes_beside_it_and_is_found_by_name(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_llama(home / "models" / "passing2961" / "Thanos-1B")
    assert main(["convert", "thanos-1b", "--quantization", "bfloat16"]) == 0
    assert "tertulia chat --model passing2961/Thanos-1B-bfloat16" in capsys.readouterr().out
    assert checkpoints.find("passing2961/Thanos-1B-bfloat16")


def test_a_folder_for_ctranslate2_is_talked_to_without_a_word_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ctranslate2", reason="pip install 'tertulia[ctranslate2]'")
    tiny_llama(tmp_path / "mine")
    assert main(["convert", "mine", "--for", "ctranslate2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["path"] == str(tmp_path / "mine-ctranslate2-int8")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"Hi!\n")))
    assert main(["chat", "--model", told["path"], "--no-store", "--json"]) == 0
    reply = [json.loads(line) for line in capsys.readouterr().out.splitlines()][-1]
    assert reply["seed"] is None, "what it samples cannot be made again, and says so"
    assert main(["chat", "--model", told["path"], "--no-store", "--seed", "7"]) == 2
    assert "no seed reaches the CTranslate2 engine" in capsys.readouterr().err


def test_what_was_converted_for_ctranslate2_is_listed_with_its_size(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ctranslate2", reason="pip install 'tertulia[ctranslate2]'")
    tiny_llama(home / "models" / "passing2961" / "Thanos-1B")
    assert main(["convert", "thanos-1b", "--for", "ctranslate2"]) == 0
    capsys.readouterr()
    assert main(["models", "--json"]) == 0
    [found] = [
        each
        for each in json.loads(capsys.readouterr().out)["here"]
        if "ctranslate2" in each["name"]
    ]
    assert (found["quantization"], found["problem"]) == ("int8", "") and found["bytes"] > 80_000


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["mine", "--for", "ctranslate"], "did you mean 'ctranslate2'"),
        (["nowhere"], "no model folder 'nowhere'"),
        (["mine", "mine"], "is there already"),
        (["mine", "--quantization", "int4"], "did you mean 'int8'"),
        (["mine", "--format", "natve"], "did you mean 'native'"),
        (["cosmo-xl"], "tertulia pull cosmo-xl"),
    ],
)
def test_a_mistake_is_one_line_with_its_cure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    tiny_llama(tmp_path / "mine")
    assert main(["convert", *words]) == 2
    err = capsys.readouterr().err
    assert told in err and err.count("\n") == 1


SLOW = """
import sys, time
from tertulia.checkpoints import requantize
from tertulia.cli import main
def told(name, pieces, heard, plain=requantize.heard):
    for piece in plain(name, pieces, heard):
        yield piece
        print("begun", flush=True)
        time.sleep(60)
requantize.heard = told
sys.exit(main(["convert", "mine"]))
"""


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT to send")
def test_ctrl_c_leaves_nothing_half_made(tmp_path: Path) -> None:
    tiny_llama(tmp_path / "mine")
    with subprocess.Popen([sys.executable, "-c", SLOW], stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        running.stdout.readline()
        assert {path.name for path in tmp_path.glob("*mine*")} == {"mine", ".mine-int8.part"}
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 130
    assert [path.name for path in tmp_path.glob("*mine*")] == ["mine"]
