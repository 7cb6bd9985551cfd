"""`tertulia models`."""

import json

import pytest

from tertulia import checkpoints, registry
from tertulia.cli import main
from tertulia.cli.models import RUNS


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
    assert told["here"][0]["path"] == str(checkpoints.builtin())


def test_no_engine_is_promised_that_is_not_there() -> None:
    assert set(RUNS.values()) <= set(registry.names("tertulia.engines"))


def test_withdrawn_weights_are_not_promised(capsys: pytest.CaptureFixture[str]) -> None:
    main(["models", "--json"])
    known = {each["name"]: each for each in json.loads(capsys.readouterr().out)["known"]}
    assert known["meena"]["engine"] == "" and "withdrawn" in known["meena"]["note"]
