"""checkpoints/ctranslate2: what is converted, what is refused, and that nothing is half done."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.tiny_ctranslate2 import converted
from tests.tiny_llama import LLAMA3, tiny_llama, write_safetensors
from tests.tiny_seq2seq import BART, BLENDERBOT_SMALL, T5, tiny_seq2seq

from tertulia import checkpoints
from tertulia.checkpoints import ctranslate2
from tertulia.checkpoints.convert import convert, planned
from tertulia.engines.ctranslate2 import folder, model_file
from tertulia.errors import CheckpointError


def test_the_folder_says_what_it_is_and_brings_its_tokenizer(tmp_path: Path) -> None:
    made = converted(tiny_seq2seq(tmp_path / "tiny", T5), "int8")
    assert checkpoints.find(str(made)) == made
    told = checkpoints.described(made)
    assert (told.format, told.family, told.quantization) == ("native", "t5", "int8")
    assert (made / "tokenizer.json").read_bytes() == (tmp_path / "tiny/tokenizer.json").read_bytes()


@pytest.mark.parametrize(("quantization", "dtype"), [("int8", "int8"), ("float32", "float32")])
def test_matrices_have_the_type_that_was_asked_for(
    tmp_path: Path, quantization: str, dtype: str
) -> None:
    made = converted(tiny_llama(tmp_path / "tiny"), quantization)
    arrays = model_file.contents(made).arrays
    assert {each.dtype for name, each in arrays.items() if name.endswith("/weight")} == {dtype}
    assert arrays["decoder/layer_norm/gamma"].dtype == "float32"


def test_a_llama_may_be_stored_in_float16(tmp_path: Path) -> None:
    made = converted(tiny_llama(tmp_path / "tiny"), "float16")
    assert model_file.contents(made).arrays["decoder/embeddings/weight"].dtype == "float16"


def test_int8_of_ours_and_plain_weights_become_the_same(tmp_path: Path) -> None:
    tiny_llama(tmp_path / "plain")
    small = convert(planned(tmp_path / "plain", tmp_path / "small", "int8", "native"))
    one, other = converted(tmp_path / "plain", "int8"), converted(small, "int8")
    assert (one / "model.bin").stat().st_size == (other / "model.bin").stat().st_size
    data = [np.frombuffer((each / "model.bin").read_bytes(), np.uint8) for each in (one, other)]
    assert (data[0] != data[1]).mean() < 0.01


def test_a_model_that_does_not_say_where_replies_end_ends_nowhere(tmp_path: Path) -> None:
    made = converted(tiny_llama(tmp_path / "tiny", eos_token_id=None))
    assert folder.about(made).ends == ()


SORTS: dict[str, tuple[dict[str, Any], str]] = {
    "gelu": ({"hidden_act": "gelu"}, "hidden_act is 'gelu', and only 'silu'"),
    "yarn": (
        {"rope_parameters": {**LLAMA3, "rope_type": "yarn"}},
        "rope_type is 'yarn', and only default, linear and llama3",
    ),
    "part of a head": (
        {"rope_parameters": {"rope_theta": 1e4, "partial_rotary_factor": 0.5}},
        "partial_rotary_factor is 0.5",
    ),
    "no first positions": (
        {"rope_parameters": {**LLAMA3, "original_max_position_embeddings": None}},
        "original_max_position_embeddings is None",
    ),
    "sliding": ({"model_type": "mistral", "sliding_window": 9}, "sliding_window is 9"),
    "layers that slide": ({"layer_types": ["sliding_attention"] * 2}, "layer_types is"),
    "quantised": ({"quantization_config": {"bits": 4}}, "quantised already"),
    "another width": ({"intermediate_size": 97}, "config.json makes it"),
    "a width of words": ({"intermediate_size": "96"}, "must be a whole number above 0"),
    "no biases": ({"attention_bias": True}, "has no array 'model.layers.0.self_attn.q_proj.bias'"),
    "another family": ({"model_type": "gemma"}, "for CTranslate2 only bart, blenderbot"),
}


@pytest.mark.parametrize("sort", SORTS)
def test_what_would_be_converted_wrongly_is_refused(tmp_path: Path, sort: str) -> None:
    changes, told = SORTS[sort]
    source = tiny_llama(tmp_path / "tiny")
    path = source / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}))
    with pytest.raises(CheckpointError, match=told):
        converted(source)
    assert [each.name for each in tmp_path.iterdir()] == ["tiny"]


@pytest.mark.parametrize(
    "family", [BLENDERBOT_SMALL, {**BART, "share_encoder_decoder_embeddings": False}]
)
def test_encoder_decoders_of_other_sorts_are_refused(
    tmp_path: Path, family: dict[str, Any]
) -> None:
    with pytest.raises(CheckpointError, match="use the onnxruntime engine"):
        converted(tiny_seq2seq(tmp_path / "tiny", family))


def test_a_t5_is_not_stored_in_float16(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="overflows in float16"):
        converted(tiny_seq2seq(tmp_path / "tiny", T5), "float16")


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    source = tiny_llama(tmp_path / "tiny")
    header = checkpoints.config(source)
    from tests.tiny_llama import tiny_weights

    arrays = tiny_weights(header, np.random.default_rng(0))
    arrays["model.layers.1.mlp.up_proj.weight"][3, 5] = np.nan
    write_safetensors(source / "model.safetensors", arrays)
    with pytest.raises(CheckpointError, match=r"up_proj\.weight holds NaN or infinity"):
        converted(source, "int8")
    assert [each.name for each in tmp_path.iterdir()] == ["tiny"]


def test_what_is_converted_is_not_converted_again(tmp_path: Path) -> None:
    made = converted(tiny_llama(tmp_path / "tiny"))
    with pytest.raises(CheckpointError, match="is for CTranslate2 already"):
        ctranslate2.planned(made, tmp_path / "again", "int8")


def test_a_wrong_type_is_told_with_the_right_ones(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="known names are int8, float16, float32"):
        converted(tiny_llama(tmp_path / "tiny"), "bfloat16")
