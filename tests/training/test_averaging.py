"""training/averaging.py: the weighted mean of checkpoints."""

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from tertulia.training.averaging import average


def test_shares_weigh_the_checkpoints(tmp_path: Path) -> None:
    for name, value in (("a", 1.0), ("b", 5.0)):
        save_file({"w": np.full((2, 2), value, np.float32)}, tmp_path / name)
    average({tmp_path / "a": 0.75, tmp_path / "b": 0.25}, tmp_path / "mean")
    assert (load_file(tmp_path / "mean")["w"] == 2.0).all()
