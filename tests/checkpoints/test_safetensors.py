"""checkpoints/safetensors.py: files written array by array, which the published library reads."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tertulia.checkpoints import safetensors
from tertulia.checkpoints.safetensors import Entry, stored, writing
from tertulia.errors import CheckpointError

ARRAYS = {
    "matrix": np.arange(12, dtype=np.float32).reshape(3, 4).T,
    "bias": np.arange(5, dtype=np.float16),
    "one": np.array(7, dtype=np.int64),
    "none": np.empty((0, 3), np.float32),
}
ENTRIES = {
    "matrix": Entry("F32", (4, 3)),
    "bias": Entry("F16", (5,)),
    "one": Entry("I64", ()),
    "none": Entry("F32", (0, 3)),
}


def written(path: Path) -> Path:
    with writing(path, ENTRIES) as file:
        for name, array in ARRAYS.items():
            file.append(name, array)
    return path


def test_the_published_library_reads_what_is_written(tmp_path: Path) -> None:
    found = load_file(written(tmp_path / "model.safetensors"))
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_what_the_published_library_writes_is_read(tmp_path: Path) -> None:
    save_file({name: array.copy() for name, array in ARRAYS.items()}, tmp_path / "theirs")
    found = stored(tmp_path / "theirs")
    assert {name: each.entry for name, each in found.items()} == ENTRIES
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name].mapped(), array)


def test_an_array_may_come_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safetensors, "BLOCK_BYTES", 24)
    found = load_file(written(tmp_path / "model.safetensors"))
    np.testing.assert_array_equal(found["matrix"], ARRAYS["matrix"])


def test_an_array_may_come_in_pieces(tmp_path: Path) -> None:
    with writing(tmp_path / "model", {"matrix": Entry("F32", (4, 3))}) as file:
        file.extend("matrix", (row for row in ARRAYS["matrix"]))
    np.testing.assert_array_equal(load_file(tmp_path / "model")["matrix"], ARRAYS["matrix"])


def test_a_file_that_was_not_finished_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        with writing(tmp_path / "model.safetensors", ENTRIES) as file:
            file.append("matrix", ARRAYS["matrix"])
            raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_there_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = written(tmp_path / "model.safetensors")
    before = path.read_bytes()
    with pytest.raises(ValueError, match="never appended"):
        with writing(path, {"bias": ENTRIES["bias"]}):
            pass
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("bias", ARRAYS["bias"]),
        ("matrix", ARRAYS["matrix"].T),
        ("matrix", ARRAYS["matrix"].astype(np.float64)),
    ],
    ids=["another's turn", "another shape", "another type"],
)
def test_only_what_was_declared_is_taken(tmp_path: Path, name: str, array: np.ndarray) -> None:
    with pytest.raises(ValueError, match="declared"):
        with writing(tmp_path / "model.safetensors", ENTRIES) as file:
            file.append(name, array)


def test_a_disk_without_room_is_known_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"needs 4000000000\.0 GB .* free some space"):
        with writing(tmp_path / "model.safetensors", {"all": Entry("F32", (10**9, 10**9))}):
            pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nowhere/model.* name another folder"):
        written(tmp_path / "nowhere" / "model.safetensors")


def file_of(path: Path, header: object, length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    size = len(text) if length is None else length
    path.write_bytes(size.to_bytes(8, "little") + text + bytes(16))
    return path


def entry(dtype: str = "F32", shape: object = (4,), offsets: object = (0, 16)) -> object:
    return {"a": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


@pytest.mark.parametrize(
    ("header", "length"),
    [
        (entry(), 2**63),
        (entry(), 10**6),
        (b"no json", None),
        (b"\xff\xfe", None),
        (b"[" * 100_000, None),
        ([], None),
        ({"a": 1}, None),
        (entry(dtype="F99"), None),
        (entry(offsets=(0, 17)), None),
        (entry(offsets=(16, 0)), None),
        (entry(offsets=(-16, 0)), None),
        (entry(offsets=(0, 8)), None),
        (entry(shape=(2**62, 2**62)), None),
        (entry(shape=(-2, -2)), None),
        (entry(shape=(True, 4)), None),
        (entry(shape=(4.0,)), None),
    ],
)
def test_a_header_that_lies_is_refused(tmp_path: Path, header: object, length: int | None) -> None:
    path = file_of(tmp_path / "lies.safetensors", header, length)
    with pytest.raises(CheckpointError, match=r"lies\.safetensors is damaged .* fetch it again"):
        stored(path)
