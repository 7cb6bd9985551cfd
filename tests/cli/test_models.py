"""`tertulia models`."""

import json
from pathlib import Path

import pytest

from tertulia import checkpoints, registry
from tertulia.cli import main
from tertulia.cli.models import engine
from tests.tiny_llama import tiny_llama


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))


def test_the_built_in_model_and_every_known_one_are_listed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    assert all(f"\n  {name} " in out for name in ("builtin", *checkpoints.KNOWN))


def test_json_tells_sizes_licences_and_what_runs_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in told["known"]] == list(checkpoints.KNOWN)
    assert all(each["licence"] and each["gigabytes"] > 0 for each in told["known"])
    [here] = told["here"]
    assert here["path"] == str(checkpoints.builtin())
    assert (here["format"], here["quantization"], here["problem"]) == ("native", "int8", "")


def test_a_model_that_is_here_is_no_longer_one_that_could_be(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_llama(home / "models" / "passing2961" / "Thanos-1B")
    assert main(["models", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in told["here"]] == ["builtin", "thanos-1b"]
    assert "thanos-1b" not in {each["name"] for each in told["known"]}


def test_a_model_that_cannot_be_used_says_why(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tiny_llama(home / "models" / "some-one" / "model")
    (folder / "tertulia.toml").write_text('fromat = "native"')
    assert main(["models"]) == 1
    assert "no key 'fromat': did you mean 'format'" in capsys.readouterr().out


def test_no_engine_is_promised_that_is_not_there() -> None:
    engines = {engine(known) for known in checkpoints.KNOWN.values()}
    assert engines - {""} <= set(registry.names("tertulia.engines"))


def test_withdrawn_weights_are_not_promised(capsys: pytest.CaptureFixture[str]) -> None:
    main(["models", "--json"])
    known = {each["name"]: each for each in json.loads(capsys.readouterr().out)["known"]}
    assert known["meena"]["engine"] == "" and "withdrawn" in known["meena"]["note"]
