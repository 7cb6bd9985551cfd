"""checkpoints/int8.py: how tertulia-mini is shipped, and back."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tertulia.checkpoints import int8
from tertulia.errors import CheckpointError

MATRIX, NORM = "model.layers.0.mlp.up_proj.weight", "model.norm.weight"


def checkpoint(folder: Path) -> Path:
    chance = np.random.default_rng(1)
    matrix = chance.normal(size=(6, 5)).astype(np.float32)
    matrix[2] = 0
    save_file({MATRIX: matrix, NORM: np.ones(5, np.float32)}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"model_type": "llama"}))
    return folder


def test_matrices_are_rows_of_int8_with_a_scale_and_norms_stay(tmp_path: Path) -> None:
    int8.shrink(checkpoint(tmp_path), tmp_path / "small")
    small = load_file(tmp_path / "small" / "model.safetensors")
    assert small[MATRIX].dtype == np.int8 and small[MATRIX].shape == (6, 5)
    assert small[f"{MATRIX}_scale"].shape == (6,)
    assert small[NORM].dtype == np.float32
    config = json.loads((tmp_path / "small" / "config.json").read_text())
    assert config["quantization"] == "int8_per_row"


def test_there_and_back_costs_at_most_half_a_step_of_the_scale(tmp_path: Path) -> None:
    full = load_file(checkpoint(tmp_path) / "model.safetensors")
    int8.shrink(tmp_path, tmp_path / "small")
    int8.expand(tmp_path / "small", tmp_path / "again")
    again = load_file(tmp_path / "again" / "model.safetensors")
    step = np.abs(full[MATRIX]).max(axis=1, keepdims=True) / 127
    assert again.keys() == full.keys()
    assert (np.abs(again[MATRIX] - full[MATRIX]) <= step / 2 + 1e-6).all()
    assert "quantization" not in json.loads((tmp_path / "again" / "config.json").read_text())


def test_a_float_checkpoint_is_not_expanded(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="not in eight bits"):
        int8.expand(checkpoint(tmp_path), tmp_path / "again")
