"""Checkpoints: what is read, and how lies are answered."""

import json
from mmap import mmap
from pathlib import Path

import numpy as np
import pytest
from tests.tiny_llama import int8_rows, write_safetensors

from tertulia.engines.onnxruntime.weights import Checkpoint, Matrix
from tertulia.errors import CheckpointError

ROWS = np.array([[1.5, -2.0, 0.25], [0.0, 8.0, -3.0]], np.float32)


def opened(folder: Path, **arrays: np.ndarray) -> Checkpoint:
    (folder / "config.json").write_text("{}", encoding="utf-8")
    write_safetensors(folder / "model.safetensors", arrays)
    return Checkpoint(folder)


def test_three_float_types_are_read_alike(tmp_path: Path) -> None:
    brain = (ROWS.view(np.uint32) >> 16).astype(np.uint16)
    checkpoint = opened(tmp_path, full=ROWS, half=ROWS.astype(np.float16), brain=brain)
    for name in ("full", "half", "brain"):
        assert np.array_equal(checkpoint.matrix(name, (2, 3)).floats(), ROWS)


def test_rows_of_int8_come_with_their_scales(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path, **dict(int8_rows("w", ROWS)))
    matrix = checkpoint.matrix("w", (2, 3))
    assert matrix.rows.dtype == np.int8
    assert np.abs(matrix.floats() - ROWS).max() < 8 / 127
    assert matrix.int8() is matrix


def test_a_row_of_zeros_survives_quantisation() -> None:
    assert np.array_equal(Matrix(np.zeros((2, 4), np.float32)).int8().floats(), np.zeros((2, 4)))


def test_another_shape_than_the_config_asks_for_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"shape \[2, 3\].*asks for \[3, 2\]"):
        opened(tmp_path, w=ROWS).matrix("w", (3, 2))


def header(**entry: object) -> bytes:
    told = json.dumps(
        {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **entry}}
    ).encode()
    return len(told).to_bytes(8, "little") + told + bytes(8)


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"short",
        (2**63).to_bytes(8, "little") + b"{}",
        (4).to_bytes(8, "little") + b"{{{{",
        (2).to_bytes(8, "little") + b"[]",
        header(data_offsets=[0, 16], shape=[4]),
        header(data_offsets=[-8, 0]),
        header(data_offsets=[8, 0]),
        header(shape=[3]),
        header(shape=[-2]),
        header(shape=[2.0]),
        header(shape="2"),
        header(dtype=4),
    ],
)
def test_a_header_that_lies_is_refused(tmp_path: Path, file: bytes) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "model.safetensors").write_bytes(file)
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        Checkpoint(tmp_path)


@pytest.mark.parametrize("name", ["../other.safetensors", "/etc/passwd", "a/b", "..\\x", 7])
def test_an_index_may_only_name_files_of_its_own_folder(tmp_path: Path, name: object) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    index = json.dumps({"weight_map": {"w": name}})
    (tmp_path / "model.safetensors.index.json").write_text(index, encoding="utf-8")
    with pytest.raises(CheckpointError, match="do not trust"):
        Checkpoint(tmp_path)


def test_shards_are_read_through_their_index(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    write_safetensors(tmp_path / "one.safetensors", {"a": ROWS})
    write_safetensors(tmp_path / "two.safetensors", {"b": 2 * ROWS})
    index = json.dumps({"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}})
    (tmp_path / "model.safetensors.index.json").write_text(index, encoding="utf-8")
    assert np.array_equal(Checkpoint(tmp_path).matrix("b", (2, 3)).floats(), 2 * ROWS)


def test_a_folder_without_weights_says_what_a_model_is(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="a model is a folder with config.json"):
        Checkpoint(tmp_path)


@pytest.mark.parametrize("shape", [(1, 1), (33, 7), (64, 100), (100, 64)])
def test_columns_are_the_rows_turned(shape: tuple[int, int]) -> None:
    rows = np.arange(shape[0] * shape[1], dtype=np.int32).reshape(shape)
    turned = Matrix(rows).turned()
    assert turned.flags.c_contiguous
    assert np.array_equal(turned, rows.T)


def test_columns_that_lie_so_already_are_not_copied() -> None:
    stored = np.zeros((8, 6), np.int8)
    assert np.shares_memory(Matrix(stored.T).turned(), stored)


def test_columns_in_a_file_are_a_matrix_of_rows_without_a_copy(tmp_path: Path) -> None:
    (_, rows), (_, scale) = int8_rows("w", ROWS)
    checkpoint = opened(tmp_path, **{"w_columns": np.ascontiguousarray(rows.T), "w_scale": scale})
    matrix = checkpoint.matrix("w", (2, 3))
    assert "w" in checkpoint
    assert np.array_equal(matrix.rows[:], rows)
    assert isinstance(matrix.turned().base, np.memmap | mmap)
    both = matrix.above(matrix)
    assert np.array_equal(both.rows[:], np.concatenate((rows, rows)))
    assert both.turned().flags.c_contiguous


def test_a_matrix_that_lies_both_ways_gives_each_way_as_it_lies(tmp_path: Path) -> None:
    rows, scale = np.arange(6, dtype=np.int8).reshape(2, 3), np.ones(2, np.float32)
    columns = np.ascontiguousarray(rows.T)
    checkpoint = opened(tmp_path, w=rows, w_columns=columns, w_scale=scale)
    found = checkpoint.matrix("w", (2, 3))
    np.testing.assert_array_equal(found.rows, rows)
    np.testing.assert_array_equal(found.turned(), columns)
    assert found.rows.flags.c_contiguous and found.turned().flags.c_contiguous
    assert not found.turned().flags.owndata


@pytest.mark.parametrize("columns", [ROWS.T, np.ones((2, 3), np.int8)])
def test_columns_of_another_type_or_shape_are_refused(tmp_path: Path, columns: np.ndarray) -> None:
    arrays = {"w_columns": np.ascontiguousarray(columns), "w_scale": np.ones(2, np.float32)}
    with pytest.raises(CheckpointError, match="w_columns"):
        opened(tmp_path, **arrays).matrix("w", (2, 3))
