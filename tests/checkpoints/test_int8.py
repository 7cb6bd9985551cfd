"""checkpoints/int8.py: how tertulia-mini is shipped, and back."""

from pathlib import Path

import numpy as np
import pytest
from tests.tiny_llama import tiny_llama

from tertulia import checkpoints
from tertulia.checkpoints import int8
from tertulia.checkpoints.safetensors import stored
from tertulia.errors import CheckpointError

MATRIX = np.random.default_rng(1).normal(size=(6, 5)).astype(np.float32)
MATRIX[2], MATRIX[:, 3] = 0, 0


def test_each_row_has_the_scale_of_its_largest_number() -> None:
    kept: list[np.ndarray] = []
    rows = np.concatenate(list(int8.by_row([MATRIX[:4], MATRIX[4:]], kept)))
    scale = np.concatenate(kept)
    assert rows.dtype == np.int8 and rows.shape == (6, 5) and scale.shape == (6,)
    assert (np.abs(rows).max(axis=1) == [127, 127, 0, 127, 127, 127]).all()
    assert (np.abs(rows * scale[:, None] - MATRIX) <= scale[:, None] / 2 + 1e-6).all()


def test_a_matrix_stored_the_other_way_round_has_a_scale_for_each_column() -> None:
    turned, kept = list[np.ndarray](), list[np.ndarray]()
    columns = np.concatenate(list(int8.by_column(lambda: [MATRIX.T[:2], MATRIX.T[2:]], 6, turned)))
    rows = np.concatenate(list(int8.by_row([MATRIX], kept)))
    assert turned[0].shape == (1, 6)
    np.testing.assert_array_equal(columns, rows.T)
    np.testing.assert_array_equal(turned[0][0], kept[0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_has_no_scale(bad: float) -> None:
    matrix = MATRIX.copy()
    matrix[3, 3] = bad
    with pytest.raises(FloatingPointError, match="NaN or infinity"):
        list(int8.by_row([matrix], []))
    with pytest.raises(FloatingPointError, match="NaN or infinity"):
        list(int8.by_column(lambda: [matrix], 5, []))


def test_the_shipped_model_can_be_had_in_float32(tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path / "small", int8=True)
    int8.expand(folder, tmp_path / "wide")
    found = stored(tmp_path / "wide" / "model.safetensors")
    assert {each.entry.dtype for each in found.values()} == {"F32"}
    assert not any(name.endswith("_scale") for name in found)
    assert "quantization" not in checkpoints.config(tmp_path / "wide")


def test_a_float_checkpoint_is_not_expanded(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="not in eight bits"):
        int8.expand(tiny_llama(tmp_path), tmp_path / "again")
