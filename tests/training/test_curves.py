"""training/curves.py: a run as a picture."""

import json
from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="pip install 'tertulia[train]'")
from tertulia.training.curves import draw  # noqa: E402  (needs matplotlib)


def test_the_picture_is_of_the_kind_its_name_says(tmp_path: Path) -> None:
    lines = [{"step": 1, "loss": 2.0}, {"step": 1, "loss": 1.9}, {"step": 2, "held_out": {"a": 2}}]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    draw(tmp_path / "metrics.jsonl", tmp_path / "loss.svg")
    assert "<svg" in (tmp_path / "loss.svg").read_text()
