"""Checkpoints of decoder families as they come: keys, spellings, types, shards, names."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.tiny_llama import LLAMA3, int8_rows, write_safetensors
from tests.tiny_models import FAMILIES, tiny_model

from tertulia.engines.onnxruntime import FAMILIES as BUILDERS
from tertulia.engines.onnxruntime.decoder import Network
from tertulia.engines.onnxruntime.weights import Checkpoint
from tertulia.errors import CheckpointError

pytestmark = pytest.mark.models

EXACT = 1e-4
IDS = np.random.default_rng(3).integers(0, 300, (2, 50))
SHARED = Path(__file__).parents[4] / "shared" / "golden"


@pytest.fixture(autouse=True)
def torch() -> Any:
    found = pytest.importorskip("torch", reason="pip install 'tertulia[torch]'")
    pytest.importorskip("transformers", reason="pip install 'tertulia[torch]'")
    found.set_num_threads(1)
    return found


def found(folder: Path, ids: np.ndarray = IDS, *, int8: bool = False) -> np.ndarray:
    """Our logits, [rows, tokens, vocabulary]."""
    checkpoint = Checkpoint(folder)
    build = BUILDERS[str(checkpoint.config["model_type"])].build
    network = Network(build(checkpoint, int8=int8, window=None), threads=1)
    decoder, (rows, tokens) = network.decoder, ids.shape
    room = np.zeros((2 * decoder.layers, rows, decoder.groups, tokens, decoder.head), np.float32)
    logits = network.run(ids, np.zeros(rows, np.int32), room, range(rows * tokens))
    return logits.reshape(rows, tokens, -1)


def expected(model: Any, ids: np.ndarray = IDS) -> np.ndarray:
    import torch

    with torch.no_grad():
        logits: np.ndarray = model.float()(torch.tensor(ids)).logits.numpy()
    return logits


def apart(folder: Path, model: Any) -> float:
    """The largest difference of logits to transformers'."""
    return float(np.abs(found(folder) - expected(model)).max())


def edit(folder: Path, **changes: object) -> None:
    place = folder / "config.json"
    config = json.loads(place.read_text(encoding="utf-8"))
    place.write_text(json.dumps({**config, **changes}), encoding="utf-8")


KEYS: list[tuple[str, str, object]] = [
    ("llama3", "rope_parameters", {**LLAMA3, "rope_type": "default"}),
    ("llama3", "rope_parameters", {**LLAMA3, "original_max_position_embeddings": 256}),
    ("llama3", "rope_parameters", {**LLAMA3, "factor": 4.0}),
    ("llama3", "rope_parameters", {**LLAMA3, "rope_theta": 10000.0}),
    ("llama3", "rms_norm_eps", 0.01),
    ("gpt2", "layer_norm_epsilon", 0.01),
    ("gpt2", "activation_function", "relu"),
    ("gpt2", "scale_attn_weights", False),
    ("gpt2", "scale_attn_by_inverse_layer_idx", True),
    ("openai-gpt", "afn", "silu"),
    ("mistral sliding", "sliding_window", None),
    ("mistral sliding", "sliding_window", 8),
    ("qwen2 sliding", "sliding_window", 10),
    ("qwen2 sliding", "layer_types", ["full_attention", "full_attention"]),
    ("gemma2", "sliding_window", 7),
    ("gemma2", "query_pre_attn_scalar", 32),
    ("gemma2", "attn_logit_softcapping", None),
    ("gemma2", "final_logit_softcapping", None),
    ("gemma3_text", "layer_types", ["sliding_attention", "full_attention", "sliding_attention"]),
    ("gemma3_text", "sliding_window", 6),
    ("phi3", "rope_parameters", {"rope_theta": 1e4, "partial_rotary_factor": 0.5}),
    ("smollm3", "no_rope_layers", [1, 1, 1, 1]),
    ("gpt_neox", "use_parallel_residual", False),
    ("gpt_neox", "rope_parameters", {"rope_theta": 1e4, "partial_rotary_factor": 0.5}),
    ("stablelm", "rope_parameters", {"rope_theta": 1e4, "partial_rotary_factor": 0.5}),
]


@pytest.mark.parametrize(("family", "key", "other"), KEYS)
def test_a_key_that_was_dropped_or_misread_would_be_seen(
    tmp_path: Path, family: str, key: str, other: object
) -> None:
    model = tiny_model(tmp_path, **FAMILIES[family])
    assert apart(tmp_path, model) < EXACT
    edit(tmp_path, **{key: other})
    assert apart(tmp_path, model) > 100 * EXACT


def test_llama_3s_scaling_is_read_in_the_spelling_of_its_own_config(tmp_path: Path) -> None:
    model = tiny_model(tmp_path, **FAMILIES["llama3"])
    scaling = {key: value for key, value in LLAMA3.items() if key != "rope_theta"}
    edit(tmp_path, rope_parameters=None, rope_theta=LLAMA3["rope_theta"], rope_scaling=scaling)
    assert apart(tmp_path, model) < EXACT


def test_gemma_3s_two_rotations_are_read_in_the_spelling_of_its_own_config(tmp_path: Path) -> None:
    model = tiny_model(tmp_path, **{**FAMILIES["gemma3_text"], "num_hidden_layers": 3})
    edit(
        tmp_path,
        rope_parameters=None,
        layer_types=None,
        sliding_window_pattern=3,
        rope_theta=1000.0,
        rope_local_base_freq=50.0,
        rope_scaling={"rope_type": "linear", "factor": 8.0},
    )
    assert apart(tmp_path, model) < EXACT


def test_qwens_last_layers_slide_when_layer_types_are_not_told(tmp_path: Path) -> None:
    model = tiny_model(tmp_path, **FAMILIES["qwen2 sliding"])
    edit(tmp_path, layer_types=None)
    assert apart(tmp_path, model) < EXACT
    edit(tmp_path, max_window_layers=0)
    assert apart(tmp_path, model) > 100 * EXACT
    edit(tmp_path, use_sliding_window=False)
    assert apart(tmp_path, model) > 100 * EXACT


def test_gpt_neox_reads_rotations_in_the_spelling_of_its_own_config(tmp_path: Path) -> None:
    model = tiny_model(tmp_path, **{**FAMILIES["gpt_neox"], "rotary_pct": 0.5})
    edit(tmp_path, rope_parameters=None, rotary_pct=0.5, rotary_emb_base=10000)
    assert apart(tmp_path, model) < EXACT


@pytest.mark.parametrize("family", ["gpt2", "llama, heads of ten", "gemma2", "qwen3"])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_halves_are_read_as_what_they_are(
    tmp_path: Path, torch: Any, family: str, dtype: str
) -> None:
    model = tiny_model(tmp_path, **FAMILIES[family]).to(getattr(torch, dtype))
    model.save_pretrained(tmp_path)
    types = {tensor.dtype for tensor in Checkpoint(tmp_path).tensors.values()}
    assert types == {"BF16" if dtype == "bfloat16" else "F16"}
    # Read anew: buffers that are in no file, as angles, became halves too.
    model = type(model).from_pretrained(tmp_path, dtype=torch.float32)
    assert apart(tmp_path, model) < EXACT


@pytest.mark.parametrize("family", ["gpt2 untied, other scales", "phi3", "gpt_neox"])
def test_shards_are_found_through_their_index(tmp_path: Path, family: str) -> None:
    model = tiny_model(tmp_path, **FAMILIES[family])
    (tmp_path / "model.safetensors").unlink()
    model.save_pretrained(tmp_path, max_shard_size="60KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 2
    assert apart(tmp_path, model) < EXACT


@pytest.mark.parametrize(("family", "words"), [("gpt2", "wte"), ("openai-gpt", "tokens_embed")])
def test_gpt_may_have_names_without_a_prefix(tmp_path: Path, family: str, words: str) -> None:
    model = tiny_model(tmp_path, **FAMILIES[family])
    model.transformer.save_pretrained(tmp_path)
    assert f"{words}.weight" in Checkpoint(tmp_path)
    assert apart(tmp_path, model) < EXACT


def int8_columns(name: str, array: np.ndarray) -> dict[str, np.ndarray]:
    """A matrix stored as [in, out] in int8, with a scale for each output, [1, out]."""
    (_, rows), (scale_name, scale) = int8_rows(name, array.T)
    return {name: np.ascontiguousarray(rows.T), scale_name: scale[None]}


@pytest.mark.parametrize("family", ["gpt2", "openai-gpt", "qwen2", "gemma3_text", "phi3"])
def test_int8_in_the_file_is_used_as_it_is(tmp_path: Path, family: str) -> None:
    tiny_model(tmp_path, **FAMILIES[family])
    small: dict[str, np.ndarray] = {}
    floats: dict[str, np.ndarray] = {}
    for name, tensor in Checkpoint(tmp_path).tensors.items():
        array, turned = tensor.floats().copy(), ".c_" in name and len(tensor.shape) == 2
        parts = int8_columns(name, array) if turned else dict(int8_rows(name, array))
        scale = parts.get(f"{name}_scale", np.ones(1, np.float32))
        scale = scale[:, None] if scale.ndim < array.ndim else scale
        small |= parts
        floats[name] = parts[name].astype(np.float32) * scale
    write_safetensors(tmp_path / "model.safetensors", floats)
    quantised_here = found(tmp_path, int8=True)
    (tmp_path / "model.safetensors").unlink()
    write_safetensors(tmp_path / "model.safetensors", small)
    apart = found(tmp_path, int8=True) - quantised_here
    assert np.sqrt((apart**2).mean()) < 0.01 * quantised_here.std()


REFUSED: list[tuple[str, str, object, str]] = [
    ("gpt2", "add_cross_attention", True, "only false"),
    ("gpt2", "activation_function", "mish", "activation_function is 'mish'"),
    ("gpt2", "n_head", 5, "divides n_embd 64"),
    ("gpt2", "scale_attn_weights", "yes", "must be true or false"),
    ("gpt2", "n_positions", 128, r"shape \[256, 64\]"),
    ("openai-gpt", "afn", "mish", "afn is 'mish'"),
    ("mistral", "layer_types", ["full_attention"] * 2, "layer_types"),
    ("mistral", "sliding_window", 0, "sliding_window is 0"),
    ("mistral", "num_key_value_heads", 3, "groups must divide heads"),
    ("qwen2", "layer_types", ["full_attention", "linear_attention"], "layer_types"),
    ("qwen3", "hidden_act", "gelu", "only silu"),
    ("gemma", "use_bidirectional_attention", True, "only false"),
    ("gemma2", "layer_types", ["full_attention"], "3 of full_attention and sliding_attention"),
    ("gemma3_text", "rope_parameters", {"rope_theta": 1e4}, "an object for each of"),
    ("phi3", "rope_parameters", {"rope_type": "longrope"}, "only default, linear and llama3"),
    ("phi3", "rope_parameters", {"partial_rotary_factor": 2.0}, "no more than these"),
    ("smollm3", "no_rope_layers", [1, 2, 1, 1], "0 or 1"),
    ("olmo", "clip_qkv", 8.0, "only null"),
    ("stablelm", "qk_layernorm", True, "only false"),
    ("stablelm", "use_parallel_residual", True, "only false"),
    ("gpt_neox", "num_key_value_heads", 2, "only null"),
]


@pytest.mark.parametrize(("family", "key", "value", "said"), REFUSED)
def test_what_a_graph_cannot_do_is_refused_with_its_place(
    tmp_path: Path, family: str, key: str, value: object, said: str
) -> None:
    tiny_model(tmp_path, **FAMILIES[family])
    edit(tmp_path, **{key: value})
    with pytest.raises(CheckpointError, match=said) as refused:
        found(tmp_path)
    assert str(tmp_path) in str(refused.value)
