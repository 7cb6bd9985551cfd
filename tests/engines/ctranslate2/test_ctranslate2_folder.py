"""Folders for CTranslate2 that are cut short, lie or come from elsewhere: none is opened."""

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.tiny_ctranslate2 import converted, opened
from tests.tiny_llama import LLAMA3, tiny_llama
from tests.tiny_seq2seq import BART, tiny_seq2seq

from tertulia.engines.ctranslate2 import folder as folders
from tertulia.engines.ctranslate2 import model_file
from tertulia.errors import CheckpointError, TertuliaError


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return converted(tiny_seq2seq(tmp_path_factory.mktemp("model") / "tiny", BART), "int8")


@pytest.fixture
def folder(good: Path, tmp_path: Path) -> Path:
    return shutil.copytree(good, tmp_path / "copy")


def changed(folder: Path, old: bytes, new: bytes) -> None:
    path = folder / "model.bin"
    whole = path.read_bytes()
    assert old in whole
    path.write_bytes(whole.replace(old, new, 1))


def test_a_folder_is_told_by_its_file_and_not_by_its_config_alone(good: Path) -> None:
    found = folders.about(good)
    assert (found.prompt, found.reply, found.window) == (96, 96, None)
    assert len(found.start) == 1 and len(found.ends) == 1


@pytest.mark.parametrize("left", [0, 3, 40, 1000, -1])
def test_a_file_that_is_cut_short_is_refused(folder: Path, left: int) -> None:
    path = folder / "model.bin"
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(CheckpointError, match=r"model\.bin is damaged .* convert the model again"):
        opened(folder)


def test_a_file_that_goes_on_behind_its_end_is_refused(folder: Path) -> None:
    with (folder / "model.bin").open("ab") as file:
        file.write(b"more")
    with pytest.raises(CheckpointError, match="4 bytes behind its end"):
        opened(folder)


@pytest.mark.parametrize(
    ("name", "after"),
    [
        (b"decoder/layer_0/ffn/linear_0/weight\0\x02", struct.pack("<II", 64, 80)),
        (b"decoder/layer_0/ffn/linear_0/weight\0\x02", struct.pack("<II", 5120, 1)),
        (b"encoder/layer_1/self_attention/linear_1/weight\0\x02", struct.pack("<II", 32, 128)),
        (b"encoder/layer_1/self_attention/layer_norm/gamma\0\x01", struct.pack("<I", 1 << 31)),
        (b"encoder/num_heads\0\x00\x02\x02\0\0\0", struct.pack("<h", 0)),
        (b"encoder/num_heads\0\x00\x02\x02\0\0\0", struct.pack("<h", 7)),
        (b"decoder/activation\0\x00\x01\x01\0\0\0", b"\x63"),
        (b"decoder/alibi\0\x00\x01\x01\0\0\0", b"\x01"),
    ],
)
def test_arrays_that_do_not_fit_each_other_are_refused(
    folder: Path, name: bytes, after: bytes
) -> None:
    path = folder / "model.bin"
    whole = path.read_bytes()
    place = whole.index(name) + len(name)
    path.write_bytes(whole[:place] + after + whole[place + len(after) :])
    with pytest.raises(CheckpointError, match="convert"):
        opened(folder)


def test_a_missing_array_is_refused(folder: Path) -> None:
    changed(
        folder, b"decoder/layer_2/ffn/linear_1/weight\0", b"decoder/layer_2/ffn/linear_9/weight\0"
    )
    with pytest.raises(CheckpointError, match="linear_1/weight' is missing"):
        opened(folder)


def test_more_arrays_than_a_model_has_are_refused(folder: Path) -> None:
    kind = b"TransformerSpec\0" + struct.pack("<I", 7)
    whole = (folder / "model.bin").read_bytes()
    place = whole.index(kind) + len(kind)
    (folder / "model.bin").write_bytes(whole[:place] + b"\xff\xff\xff\x7f" + whole[place + 4 :])
    with pytest.raises(CheckpointError, match="it promises 2147483647 arrays"):
        opened(folder)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 5000), byte=st.integers(0, 255))
def test_whatever_byte_of_a_header_is_changed_nothing_but_a_refusal_comes_of_it(
    folder: Path, good: Path, place: int, byte: int
) -> None:
    whole = bytearray((good / "model.bin").read_bytes())
    whole[place] = byte
    (folder / "model.bin").write_bytes(whole)
    try:
        folders.about(folder)
    except TertuliaError as error:
        assert "convert" in str(error)


def rewritten(change: Callable[[dict[str, object]], object]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / "config.json"
        told = json.loads(path.read_text("utf-8"))
        change(told["ctranslate2"])
        path.write_text(json.dumps(told))

    return apply


def without_table(folder: Path) -> None:
    path = folder / "config.json"
    told = json.loads(path.read_text("utf-8"))
    del told["ctranslate2"]
    path.write_text(json.dumps(told))


def shorter_vocabulary(folder: Path) -> None:
    path = folder / "shared_vocabulary.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8"))[:-1]))


WRONG: dict[str, tuple[Callable[[Path], None], str]] = {
    "made elsewhere": (without_table, "other converters lose the scale of T5's logits"),
    "another version": (rewritten(lambda t: t.update(conversion=2)), "was not made by"),
    "an end beyond": (rewritten(lambda t: t.update(ends=[10**6])), "must be an id below"),
    "an end of letters": (rewritten(lambda t: t.update(ends=["1"])), "must be an id below"),
    "no start": (rewritten(lambda t: t.update(start=[])), "start is"),
    "no positions": (rewritten(lambda t: t.update(positions=[0, 1])), "no number of positions"),
    "names": (shorter_vocabulary, "one for each row of the embeddings"),
    "no names": (lambda f: (f / "shared_vocabulary.json").unlink(), "is not there"),
    "no weights": (lambda f: (f / "model.bin").unlink(), "has no model.bin"),
    "no JSON": (lambda f: (f / "config.json").write_text("{" * 9), "is not JSON"),
    "no config": (lambda f: (f / "config.json").unlink(), "is not there"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_folder_that_is_not_ours_is_refused_with_the_cure(folder: Path, name: str) -> None:
    spoil, told = WRONG[name]
    spoil(folder)
    with pytest.raises(CheckpointError, match=told):
        opened(folder)


def test_a_config_that_promises_more_positions_than_the_table_has_is_not_believed(
    folder: Path,
) -> None:
    rewritten(lambda table: table.update(positions=[4096, 4096]))(folder)
    assert opened(folder).context_window == 96


def test_a_tokenizer_with_more_ids_than_rows_is_refused(folder: Path) -> None:
    path = folder / "tokenizer.json"
    told = json.loads(path.read_text("utf-8"))
    told["model"]["vocab"]["beyond"] = 5000
    path.write_text(json.dumps(told))
    with pytest.raises(CheckpointError, match="take both from the same model"):
        opened(folder)


def test_a_decoder_has_one_window_for_both(tmp_path: Path) -> None:
    found = folders.about(converted(tiny_llama(tmp_path / "tiny")))
    assert (found.prompt, found.reply, found.start) == (512, 512, ())


def test_one_array_may_have_two_names(good: Path) -> None:
    arrays = model_file.contents(good).arrays
    assert arrays["decoder/projection/weight"] == arrays["decoder/embeddings/weight"]


def test_an_array_under_another_name_is_missed_by_name(folder: Path) -> None:
    name = b"decoder/layer_1/ffn/layer_norm/gamma\0"
    changed(folder, name, name.replace(b"layer_1", b"layer_7"))
    with pytest.raises(CheckpointError, match="layer_1/ffn/layer_norm/gamma not found"):
        opened(folder)


def test_a_way_of_computing_that_is_not_made_here_is_refused(tmp_path: Path) -> None:
    made = converted(tiny_llama(tmp_path / "tiny", rope_parameters=LLAMA3))
    kind = b"layer_1/self_attention/rotary_scaling_type\0\x00\x01\x01\0\0\0"
    changed(made, kind + b"\x02", kind + b"\x01")
    with pytest.raises(
        CheckpointError, match="rotary_scaling_type' is 1, must be a number that is known"
    ):
        opened(made)


def test_matrices_of_fewer_bits_are_not_believed(folder: Path) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "quantization_bits": 4}))
    with pytest.raises(CheckpointError, match="quantization_bits is 4"):
        opened(folder)
