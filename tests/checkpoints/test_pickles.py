"""checkpoints/pickles.py: what torch.save writes comes back bit by bit."""

import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tertulia.checkpoints import pickles, pickles_described, safetensors
from tertulia.errors import CheckpointError

torch = pytest.importorskip("torch", reason="pip install 'tertulia[torch]'")
library = pytest.importorskip("safetensors.torch", reason="pip install 'tertulia[torch]'")
pytestmark = pytest.mark.models

LAYOUTS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before 1.6"])
Tensors = dict[str, Any]


def saved(path: Path, content: object, zipped: bool = True) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


def converted(source: Path) -> Tensors:
    target = (source if source.is_dir() else source.parent) / "out.safetensors"
    pickles.to_safetensors(source, target)
    found: Tensors = library.load_file(target)
    return found


def assert_same(found: Tensors, wanted: Tensors) -> None:
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        assert found[name].dtype == tensor.dtype and found[name].shape == tensor.shape
        assert torch.equal(bits(found[name]), bits(tensor)), name


def bits(tensor: Any) -> Any:
    return tensor.detach().contiguous().flatten().view(torch.uint8)


def some() -> Tensors:
    torch.manual_seed(0)
    matrix, cube = torch.randn(6, 4), torch.randn(3, 4, 5)
    return {
        "float32": matrix.clone(),
        "float64": torch.randn(3, dtype=torch.float64),
        "float16": torch.randn(5).half(),
        "bfloat16": torch.randn(7, 2).bfloat16(),
        "int64": torch.arange(5),
        "int32": torch.arange(4, dtype=torch.int32),
        "int16": torch.arange(3, dtype=torch.int16),
        "int8": torch.arange(-3, 3, dtype=torch.int8),
        "uint8": torch.arange(9, dtype=torch.uint8),
        "bool": torch.tensor([True, False]),
        "scalar": torch.tensor(3.5),
        "empty": torch.empty(0, 4),
        "transposed": matrix.t(),
        "slice": matrix[1:, 2],
        "steps": cube[:, ::2, 1::3],
        "permuted": cube.permute(2, 0, 1),
        "한국어 이름": torch.ones(2),
    }


@LAYOUTS
def test_every_type_and_every_view_comes_back(tmp_path: Path, zipped: bool) -> None:
    assert_same(converted(saved(tmp_path / "m.pth", some(), zipped)), some())


@LAYOUTS
def test_a_module_with_its_buffers_and_parameters_comes_back(tmp_path: Path, zipped: bool) -> None:
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    state = module.state_dict()
    assert hasattr(state, "_metadata")
    assert_same(converted(saved(tmp_path / "m.bin", state, zipped)), dict(state))
    parameters = OrderedDict(module.named_parameters())
    assert_same(converted(saved(tmp_path / "p.bin", parameters, zipped)), dict(parameters))


@LAYOUTS
def test_tied_weights_come_back_under_each_name(tmp_path: Path, zipped: bool) -> None:
    tied = torch.randn(5, 3)
    both = {"wte.weight": tied, "lm_head.weight": tied, "rows": tied[1:3]}
    assert_same(converted(saved(tmp_path / "m.pth", both, zipped)), both)


@LAYOUTS
@pytest.mark.parametrize("part", ["state_dict", "model", "model_state_dict", "module"])
def test_weights_kept_beside_other_things_are_found(
    tmp_path: Path, zipped: bool, part: str
) -> None:
    beside = {"epoch": 3, "best": np.float64(0.5), "optimizer": {"state": {0: torch.ones(2)}}}
    source = saved(tmp_path / "m.pth", {**beside, part: some()}, zipped)
    assert_same(converted(source), some())


def test_types_that_torch_saves_in_another_way_are_refused_with_the_cure(tmp_path: Path) -> None:
    for odd in (torch.zeros(3, dtype=torch.uint16), torch.zeros(3, dtype=torch.complex64)):
        source = saved(tmp_path / "m.pth", {"a": odd})
        with pytest.raises(CheckpointError, match=r"m\.pth .* safetensors\.torch\.save_file"):
            pickles.describe(source)


def test_a_number_that_stands_at_many_places_is_refused_with_the_cure(tmp_path: Path) -> None:
    source = saved(tmp_path / "m.pth", {"wide": torch.ones(1).expand(10**9, 10**9)})
    with pytest.raises(CheckpointError, match="'wide' .* make it contiguous"):
        pickles.describe(source)


def test_a_whole_module_is_refused(tmp_path: Path) -> None:
    source = saved(tmp_path / "m.pth", torch.nn.Linear(2, 2))
    with pytest.raises(CheckpointError, match=r"asks for 'torch\.nn\.modules\.linear\.Linear'"):
        pickles.describe(source)


@pytest.mark.parametrize(
    "content",
    [
        torch.ones(2),
        [torch.ones(2)],
        {},
        {"a": 1},
        {1: torch.ones(2)},
        {"a": torch.ones(2), "b": [torch.ones(2)]},
        {"a": torch.ones(2), "b": {"c": torch.ones(2)}},
        {"state_dict": {"a": torch.ones(2)}, "model": {"a": torch.ones(2)}},
        {"encoder": {"a": torch.ones(2)}},
        {"__metadata__": torch.ones(2)},
        {"\x1b[31m": torch.ones(2)},
        {"a" * 1000: torch.ones(2)},
    ],
    ids=range(12),
)
def test_what_is_not_tensors_by_name_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(CheckpointError, match=r"m\.pth is not opened: .* Nothing in it was run"):
        pickles.describe(saved(tmp_path / "m.pth", content))


def test_a_description_gives_shapes_before_anything_is_read(tmp_path: Path) -> None:
    found = pickles.describe(saved(tmp_path / "m.pth", {"a": torch.ones(3, 2).half()}))
    assert found["a"].entry == safetensors.Entry("F16", (3, 2))


def test_a_flipped_bit_is_found_by_the_checksum(tmp_path: Path) -> None:
    source = saved(tmp_path / "m.pth", {"a": torch.ones(64)})
    place = pickles.describe(source)["a"].storage.start
    data = bytearray(source.read_bytes())
    data[place + 9] ^= 1
    source.write_bytes(data)
    with pytest.raises(CheckpointError, match=r"m\.pth is damaged at byte \d+ .* fetch it again"):
        pickles.to_safetensors(source, tmp_path / "out.safetensors")
    assert list(tmp_path.iterdir()) == [source]


def test_files_without_checksums_are_taken(tmp_path: Path) -> None:
    torch.serialization.set_crc32_options(False)
    try:
        source = saved(tmp_path / "m.pth", some())
    finally:
        torch.serialization.set_crc32_options(True)
    assert_same(converted(source), some())


@LAYOUTS
def test_a_file_cut_short_is_refused(tmp_path: Path, zipped: bool) -> None:
    source = saved(tmp_path / "m.pth", {"a": torch.ones(1000)}, zipped)
    data = source.read_bytes()
    for length in (0, 3, 300, len(data) // 2, len(data) - 1):
        source.write_bytes(data[:length])
        with pytest.raises(CheckpointError, match=r"m\.pth is not opened"):
            pickles.describe(source)


def sharded(folder: Path, places: dict[str, str], parts: dict[str, Tensors]) -> Path:
    for name, part in parts.items():
        saved(folder / name, part)
    table = {"metadata": {}, "weight_map": places}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(table))
    return folder


def test_a_model_in_parts_becomes_one_file(tmp_path: Path) -> None:
    tensors = some()
    names = list(tensors)
    halves = {"one.bin": names[:8], "two.bin": names[8:]}
    sharded(
        tmp_path,
        {name: part for part, inside in halves.items() for name in inside},
        {part: {name: tensors[name] for name in inside} for part, inside in halves.items()},
    )
    assert_same(converted(tmp_path), tensors)


def test_a_model_in_one_part_is_found_by_its_name(tmp_path: Path) -> None:
    saved(tmp_path / "pytorch_model.bin", some())
    saved(tmp_path / "optimizer.pt", {"state": torch.ones(2)})
    assert_same(converted(tmp_path), some())


@pytest.mark.parametrize("places", [{"a": "one.bin"}, {"a": "one.bin", "c": "one.bin"}])
def test_an_index_that_tells_of_other_tensors_is_refused(
    tmp_path: Path, places: dict[str, str]
) -> None:
    sharded(tmp_path, places, {"one.bin": {"a": torch.ones(1), "b": torch.ones(1)}})
    with pytest.raises(CheckpointError, match=r"other tensors than one\.bin"):
        pickles.describe(tmp_path)


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    sharded(tmp_path, {"a": "one.bin", "b": "two.bin"}, {"one.bin": {"a": torch.ones(1)}})
    with pytest.raises(CheckpointError, match=r"two\.bin cannot be read"):
        pickles.describe(tmp_path)


def test_an_answer_without_end_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickles_described, "LARGEST_ANSWER", 1000)
    source = saved(tmp_path / "m.pth", {f"a{n}": torch.ones(1) for n in range(50)})
    with pytest.raises(CheckpointError, match="its description is over"):
        pickles.describe(source)


def test_one_storage_under_very_many_names_is_refused(tmp_path: Path) -> None:
    large = torch.ones(100_000)
    source = saved(tmp_path / "m.pth", {f"a{n}": large for n in range(40)})
    with pytest.raises(CheckpointError, match="more than 16 times it"):
        pickles.describe(source)
