"""checkpoints/convert.py: another type, the same names and shapes; whole or not at all."""

import errno
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from tests.tiny_llama import tiny_llama, write_safetensors
from tests.tiny_models import tiny_model
from tests.tiny_seq2seq import tiny_seq2seq

from tertulia import Conversation, assembly, checkpoints, engines
from tertulia.checkpoints import convert, folder, layout, requantize, safetensors
from tertulia.checkpoints.safetensors import stored
from tertulia.errors import CheckpointError
from tertulia.prompt import Prompt, Span

WEIGHTS = folder.WEIGHTS
Arrays = Mapping[str, np.ndarray]
CHANCE = np.random.default_rng(5)
HI = Conversation().said("User", "Hi, how are you?")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERTULIA_HOME", str(tmp_path / "home"))


def model(place: Path, arrays: Arrays, *, name: str = WEIGHTS, **config: object) -> Path:
    """A folder with these arrays; a T5 called COSMO unless config says otherwise."""
    place.mkdir(parents=True, exist_ok=True)
    told = {"model_type": "t5", "is_encoder_decoder": True, **config}
    (place / "config.json").write_text(json.dumps(told))
    write_safetensors(place / name, arrays)
    return place


def matrix(rows: int, columns: int) -> np.ndarray:
    return CHANCE.normal(size=(rows, columns)).astype(np.float32)


T5 = {
    "shared.weight": matrix(9, 4),
    "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight": matrix(5, 2),
    "encoder.block.0.layer.0.layer_norm.weight": matrix(1, 4)[0],
    "encoder.block.0.layer.1.DenseReluDense.wo.weight": matrix(4, 6),
}
GPT2 = {
    "wte.weight": matrix(9, 4),
    "wpe.weight": matrix(7, 4),
    "h.0.attn.bias": np.ones((1, 1, 7, 7), np.float32),
    "h.0.attn.c_attn.weight": matrix(4, 12),
    "h.0.attn.c_attn.bias": matrix(1, 12)[0],
    "h.0.attn.c_proj.weight": matrix(4, 4),
}


def converted(source: Path, quantization: str = "int8", format: str = "") -> Path:
    target = source.with_name(f"{source.name}-{quantization}")
    return convert.convert(convert.planned(source, target, quantization, format))


def types(folder: Path) -> dict[str, tuple[str, tuple[int, ...]]]:
    held = [each for file in folder.glob("*.safetensors") for each in stored(file).items()]
    return {name: (each.entry.dtype, each.entry.shape) for name, each in held}


def values(folder: Path) -> dict[str, np.ndarray]:
    """Every array in float32, by a reader that is not the converter's."""
    wide = converted(folder, "float32")
    return {name: np.array(each.mapped()) for name, each in stored(wide / WEIGHTS).items()}


def test_in_int8_matrices_have_a_scale_for_each_row_and_the_rest_stays(tmp_path: Path) -> None:
    found = types(converted(model(tmp_path / "cosmo-xl", T5)))
    wo, bias = list(T5)[3], list(T5)[1]
    assert found == {
        "shared.weight_columns": ("I8", (4, 9)),
        "shared.weight": ("I8", (9, 4)),
        "shared.weight_scale": ("F32", (9,)),
        bias: ("F32", (5, 2)),
        list(T5)[2]: ("F32", (4,)),
        f"{wo}_columns": ("I8", (6, 4)),
        f"{wo}_scale": ("F32", (4,)),
    }


def test_an_embedding_lies_both_ways_only_where_it_is_the_head_too(tmp_path: Path) -> None:
    tied = types(converted(model(tmp_path / "cosmo-xl", T5)))
    own = types(converted(model(tmp_path / "cosmo-3b", {**T5, "lm_head.weight": matrix(9, 4)})))
    assert tied["shared.weight_columns"] == own["lm_head.weight_columns"] == ("I8", (4, 9))
    assert "shared.weight_columns" not in own
    assert "lm_head.weight" not in own


def test_both_ways_hold_the_same_numbers(tmp_path: Path) -> None:
    held = stored(converted(model(tmp_path / "cosmo-xl", T5)) / WEIGHTS)
    rows, columns = held["shared.weight"].mapped(), held["shared.weight_columns"].mapped()
    np.testing.assert_array_equal(rows.T, columns)


def test_what_gpt2_stores_as_in_by_out_has_a_scale_for_each_output(tmp_path: Path) -> None:
    found = types(converted(model(tmp_path / "DialoGPT-small", GPT2, model_type="gpt2")))
    assert found == {
        "wte.weight_columns": ("I8", (4, 9)),
        "wte.weight": ("I8", (9, 4)),
        "wte.weight_scale": ("F32", (9,)),
        "wpe.weight": ("F32", (7, 4)),
        "h.0.attn.c_attn.weight": ("I8", (4, 12)),
        "h.0.attn.c_attn.weight_scale": ("F32", (1, 12)),
        "h.0.attn.c_attn.bias": ("F32", (12,)),
        "h.0.attn.c_proj.weight": ("I8", (4, 4)),
        "h.0.attn.c_proj.weight_scale": ("F32", (1, 4)),
    }


@pytest.mark.parametrize(("arrays", "family"), [(T5, "t5"), (GPT2, "gpt2")])
@pytest.mark.parametrize("block", [1, 40, 1 << 22])
def test_int8_is_within_half_a_step_whatever_the_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arrays: Arrays, family: str, block: int
) -> None:
    monkeypatch.setattr(requantize, "BLOCK_BYTES", block)
    source = model(tmp_path / "m", arrays, model_type=family)
    small = convert.convert(convert.planned(source, tmp_path / "s", "int8", "godel"))
    again = values(small)
    for name in again:
        axis = 0 if ".c_" in name else 1
        whole = arrays[name]
        step = np.abs(whole).max(axis=axis, keepdims=True) / 127 if whole.ndim == 2 else 0
        assert (np.abs(again[name] - whole) <= step / 2 + 1e-6).all(), name


@pytest.mark.models
def test_bfloat16_is_rounded_to_the_nearest_as_torch_does(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    edges = np.array([[1.00390625, 1.01171875, -1.00390625, 1e-40, 3.0e38, -0.0]], np.float32)
    arrays = {"shared.weight": np.concatenate([edges, matrix(50, 6)]), "norm.weight": edges[0]}
    folder = converted(model(tmp_path / "cosmo-xl", arrays), "bfloat16")
    assert types(folder) == {"shared.weight": ("BF16", (51, 6)), "norm.weight": ("F32", (6,))}
    expected = torch.tensor(arrays["shared.weight"]).bfloat16().view(torch.uint16).numpy()
    found = stored(folder / WEIGHTS)["shared.weight"].mapped()
    np.testing.assert_array_equal(found, expected)
    assert checkpoints.config(folder)["dtype"] == "bfloat16"


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_every_float_type_can_be_read(tmp_path: Path, dtype: type) -> None:
    save_file = pytest.importorskip("safetensors.numpy").save_file
    source = model(tmp_path / "cosmo-xl", T5)
    save_file({name: array.astype(dtype) for name, array in T5.items()}, source / WEIGHTS)
    for name, array in values(source).items():
        np.testing.assert_allclose(array, T5[name], rtol=1e-3, atol=1e-6)


def test_a_converted_model_says_what_the_engine_would_have_made_of_it(tmp_path: Path) -> None:
    wide, said = tiny_llama(tmp_path / "wide", tie_word_embeddings=False), []
    for each in (wide, converted(wide), converted(wide, "float32")):
        agent = assembly.open_agent(
            model=str(each), changes={"max_new_tokens": 12, "candidates": 1}
        )
        said.append(agent.reply(HI, seed=3).text)
        agent.engine.close()
    assert said[0] == said[2] and len(set(said)) <= 2


def likelihoods(folder: Path, quantization: str) -> np.ndarray:
    """Of some letters after others, by the default engine."""
    engine = engines.load("onnxruntime", model=folder, quantization=quantization, threads=1)
    prompt = Prompt((Span(" hello there, how are you?"),))
    [found] = engine.score([prompt], [[Span(" the rain in an inn and the thin then")]])
    engine.close()
    return np.array(found)


@pytest.mark.parametrize("family", ["t5", pytest.param("gpt2", marks=pytest.mark.models)])
def test_int8_in_the_file_is_as_near_to_float32_as_the_engines_own(
    tmp_path: Path, family: str
) -> None:
    source = tmp_path / "m"
    if family == "t5":
        tiny_seq2seq(source)
    else:
        pytest.importorskip("transformers")
        tiny_model(source, model_type="gpt2", n_embd=64, n_layer=2, n_head=4, n_positions=256)
    exact = likelihoods(source, "float32")
    own = np.abs(likelihoods(source, "int8") - exact).mean()
    ours = np.abs(likelihoods(converted(source, "int8", "transcript"), "int8") - exact).mean()
    assert ours < 1.5 * own + 0.02 * exact.std()


def test_the_shipped_model_there_and_back_is_the_same_numbers(tmp_path: Path) -> None:
    before = tiny_llama(tmp_path / "small", int8=True)
    again = converted(converted(before, "float32"))
    held = stored(again / WEIGHTS)
    for name, each in stored(before / WEIGHTS).items():
        same = held[name].mapped() if name in held else held[f"{name}_columns"].mapped().T
        np.testing.assert_array_equal(same, each.mapped())
    assert checkpoints.config(again)["quantization"] == "int8_per_row"


def test_columns_there_and_back_are_the_same_bytes(tmp_path: Path) -> None:
    before = converted(model(tmp_path / "cosmo-xl", T5))
    again = converted(converted(before, "float32"))
    assert (again / WEIGHTS).read_bytes() == (before / WEIGHTS).read_bytes()


def test_rows_and_columns_talk_alike_to_the_last_bit(tmp_path: Path) -> None:
    rows = tiny_llama(tmp_path / "rows", int8=True)
    columns = convert.convert(convert.planned(rows, tmp_path / "columns", "int8", "transcript"))
    assert any(name.endswith("_columns") for name in stored(columns / WEIGHTS))
    assert np.array_equal(likelihoods(rows, "int8"), likelihoods(columns, "int8"))


def test_parts_stay_parts_and_the_index_names_the_scales(tmp_path: Path) -> None:
    source = tmp_path / "cosmo-xl"
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    halves = [dict(list(T5.items())[:2]), dict(list(T5.items())[2:])]
    for name, half in zip(names, halves, strict=True):
        model(source, half, name=name)
    index = {key: name for name, half in zip(names, halves, strict=True) for key in half}
    (source / folder.INDEX).write_text(json.dumps({"weight_map": index}))
    small = converted(source)
    assert [path.name for path in folder.weights(small)] == names
    assert folder.weight_map(small)["shared.weight_scale"] == names[0]
    assert len(types(small)) == 7


def test_what_belongs_to_the_model_comes_along_and_code_does_not(tmp_path: Path) -> None:
    source = tiny_llama(tmp_path / "m", auto_map={"AutoModel": "evil.Model"})
    beside = {"LICENSE", "README.md", "generation_config.json", "tokenizer.json"}
    for name in {*beside, "evil.py", "notes.txt", ".hidden"} - {"tokenizer.json"}:
        (source / name).write_text("{}")
    small = converted(source)
    assert {path.name for path in small.iterdir()} == {
        *beside, "config.json", "tertulia.toml", WEIGHTS
    }  # fmt: skip
    assert "auto_map" not in checkpoints.config(small)


def test_the_manifest_comes_along_with_the_new_type(tmp_path: Path) -> None:
    source = model(tmp_path / "m", T5)
    (source / "tertulia.toml").write_text('format = "godel"\nvariant = "server"\nlicence = "MIT"')
    found = checkpoints.described(converted(source))
    assert (found.format, found.variant, found.licence) == ("godel", "server", "MIT")
    assert found.quantization == "int8"
    given = checkpoints.described(converted(source, "bfloat16", "cosmo"))
    assert (given.format, given.variant, given.decoding) == ("cosmo", "", "cosmo")


@pytest.mark.models
def test_files_of_torch_are_converted_without_being_opened_by_it(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    source = tiny_llama(tmp_path / "m")
    held = stored(source / WEIGHTS)
    tensors = {name: torch.tensor(np.array(each.mapped())) for name, each in held.items()}
    torch.save(tensors, source / "pytorch_model.bin")
    safe = converted(source, "float32")
    (source / WEIGHTS).unlink()
    folder = convert.convert(convert.planned(source, tmp_path / "from-bin", "float32"))
    for name, each in stored(folder / WEIGHTS).items():
        np.testing.assert_array_equal(each.mapped(), stored(safe / WEIGHTS)[name].mapped())


def interrupted(name: str, done: int) -> None:
    raise KeyboardInterrupt


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    source = model(tmp_path / "cosmo-xl", T5)
    with pytest.raises(KeyboardInterrupt):
        convert.convert(convert.planned(source, tmp_path / "small", "int8"), interrupted)
    assert [path.name for path in tmp_path.iterdir()] == ["cosmo-xl"]


def test_a_disk_that_fills_up_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(safetensors.os, "fsync", full)
    with pytest.raises(CheckpointError, match="No space left on device.*free some space"):
        converted(model(tmp_path / "cosmo-xl", T5))
    assert [path.name for path in tmp_path.iterdir()] == ["cosmo-xl"]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("quantization", convert.QUANTIZATIONS)
def test_a_weight_that_is_no_number_is_refused_and_leaves_nothing(
    tmp_path: Path, bad: float, quantization: str
) -> None:
    arrays = {**T5, "shared.weight": T5["shared.weight"].copy()}
    arrays["shared.weight"][3, 2] = bad
    with pytest.raises(CheckpointError, match=r"shared\.weight holds NaN or infinity"):
        converted(model(tmp_path / "cosmo-xl", arrays), quantization)
    assert [path.name for path in tmp_path.iterdir()] == ["cosmo-xl"]


def test_a_folder_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    source = model(tmp_path / "cosmo-xl", T5)
    converted(source)
    with pytest.raises(CheckpointError, match="is there already"):
        converted(source)
    with pytest.raises(CheckpointError, match="is there already"):
        convert.planned(source, source, "int8")


def test_an_empty_folder_may_be_the_target(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    source = model(tmp_path / "cosmo-xl", T5)
    convert.convert(convert.planned(source, tmp_path / "empty", "int8"))
    assert (tmp_path / "empty" / WEIGHTS).is_file()


def test_another_one_at_work_is_told_from_a_finished_one(tmp_path: Path) -> None:
    source = model(tmp_path / "cosmo-xl", T5)
    (tmp_path / ".cosmo-xl-int8.part").mkdir()
    with pytest.raises(CheckpointError, match="wait for the other process"):
        converted(source)


def test_a_disk_without_room_is_known_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = model(tmp_path / "cosmo-xl", T5)
    monkeypatch.setattr(safetensors.shutil, "disk_usage", lambda path: type("D", (), {"free": 9}))
    with pytest.raises(CheckpointError, match="its disk has 0.0 GB left"):
        converted(source)
    assert [path.name for path in tmp_path.iterdir()] == ["cosmo-xl"]


@pytest.mark.parametrize(
    ("quantization", "config", "told"),
    [
        ("float16", {}, "a t5 overflows in float16"),
        ("float16", {"model_type": "gpt2"}, "quantization is 'float16': did you mean 'bfloat16'"),
        ("int4", {}, "quantization is 'int4': did you mean 'int8'"),
        ("int8", {"model_type": "mamba"}, "'mamba' stores its matrices is not known"),
        ("int8", {"quantization_config": {"quant_method": "gptq"}}, "quantised already"),
    ],
)
def test_what_cannot_be_converted_is_told(
    tmp_path: Path, quantization: str, config: dict[str, object], told: str
) -> None:
    with pytest.raises(CheckpointError, match=told):
        converted(model(tmp_path / "cosmo-xl", T5, **config), quantization, "cosmo")


@pytest.mark.parametrize(
    "arrays",
    [
        {"w.weight": np.ones((3, 4), np.int8)},
        {"w.weight": np.ones((3, 4), np.int8), "w.weight_scale": np.ones(5, np.float32)},
        {"w.weight": np.ones((3, 4), np.int8), "w.weight_scale": np.ones(3, np.int8)},
        {"w": np.ones(3, np.int8), "w_scale": np.ones(3, np.float32)},
    ],
)
def test_int8_of_another_kind_is_not_taken_for_ours(tmp_path: Path, arrays: Arrays) -> None:
    with pytest.raises(CheckpointError, match="int8 without a scale|must be a float type"):
        converted(model(tmp_path / "cosmo-xl", arrays))


@pytest.mark.parametrize("columns", [np.ones((4, 3), np.float32), np.ones(4, np.int8)])
def test_columns_that_are_no_int8_matrix_are_refused(tmp_path: Path, columns: np.ndarray) -> None:
    arrays = {"w.weight_columns": columns, "w.weight_scale": np.ones(3, np.float32)}
    with pytest.raises(CheckpointError, match="must be an int8 matrix"):
        converted(model(tmp_path / "cosmo-xl", arrays))


def test_every_family_of_the_default_engine_can_be_made_small() -> None:
    from tertulia.engines import onnxruntime

    assert [family for family in onnxruntime.FAMILIES if not layout.known(family)] == []


def test_a_model_without_a_place_of_its_own_goes_beside_its_source(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    home = checkpoints.home()
    assert convert.target_of(str(tmp_path / "mine"), "int8") == tmp_path / "mine-int8"
    assert convert.target_of("cosmo-xl", "int8") == home / "allenai" / "cosmo-xl-int8"
    assert convert.target_of("builtin", "float32") == home / "tertulia" / "mini-float32"
