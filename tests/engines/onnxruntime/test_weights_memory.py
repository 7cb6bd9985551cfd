"""What reading weights takes beside the weights: a little at a time, no page for longer."""

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.tiny_llama import write_safetensors

from tertulia.engines.onnxruntime.weights import BLOCK_BYTES, Checkpoint, Matrix, Stored

SHAPE = (4096, 1024)
MAPS = Path("/proc/self/maps")
INT8_BYTES = SHAPE[0] * SHAPE[1]


@pytest.fixture(scope="module", params=["float32", "float16", "bfloat16"])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    (folder / "config.json").write_text(json.dumps({}), encoding="utf-8")
    floats = np.random.default_rng(0).standard_normal(SHAPE, np.float32)
    half = (floats.view(np.uint32) >> 16).astype(np.uint16)
    array = half if request.param == "bfloat16" else floats.astype(request.param)
    write_safetensors(folder / "model.safetensors", {"w": array})
    return folder


def peak(work: Callable[[], object]) -> int:
    """The most bytes of arrays there were at once; pages of the file are not among them."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_floats_become_int8_without_being_held(checkpoint: Path) -> None:
    matrix = Checkpoint(checkpoint).matrix("w", SHAPE)
    assert peak(matrix.int8) < INT8_BYTES + 8 * BLOCK_BYTES < 4 * INT8_BYTES


def test_int8_is_that_of_the_whole_matrix_at_once(checkpoint: Path) -> None:
    matrix = Checkpoint(checkpoint).matrix("w", SHAPE)
    found, whole = matrix.int8(), matrix.floats()
    scale = np.abs(whole).max(axis=1) / np.float32(127)
    assert found.scale is not None and np.array_equal(found.scale, scale)
    assert np.array_equal(found.rows, np.rint(whole / scale[:, None]))


def test_an_embedding_is_read_where_it_is_looked_up(checkpoint: Path) -> None:
    embedding = Checkpoint(checkpoint).matrix("w", SHAPE)
    ids = np.array([[7, 4000, 7]])
    assert peak(lambda: embedding.rows[ids]) < 1 << 16
    assert np.array_equal(embedding.rows[ids], embedding.floats()[ids])


@pytest.mark.skipif(not MAPS.exists(), reason="only Linux tells what is mapped")
def test_stretches_of_rows_leave_nothing_mapped(checkpoint: Path) -> None:
    rows = Checkpoint(checkpoint).matrix("w", SHAPE).rows
    assert isinstance(rows, Stored)
    assert np.array_equal(Matrix(rows[100:200]).floats(), rows[:][100:200])
    file = str(checkpoint / "model.safetensors")
    assert file not in MAPS.read_text(encoding="utf-8")
