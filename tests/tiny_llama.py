"""A tiny Llama checkpoint with a byte-fallback tokenizer, made of nothing in a few milliseconds.

Needs numpy and tokenizers only, so that unit tests run without torch.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from tokenizers import AddedToken, Tokenizer, decoders, models

from tertulia.formats.native import CONTROLS

LETTERS = " etaoinshrdlucmfwypvbgkjqxzETAOINSHRDLU.,!?'-:0123456789"
MERGES = (("t", "h"), ("th", "e"), (" ", "the"), (" ", "a"), ("a", "n"), ("an", "d"), ("i", "n"))
END = "<|end|>"
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-5,
    "max_position_embeddings": 512,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
    "attention_bias": False,
    "mlp_bias": False,
    "tie_word_embeddings": True,
    "torch_dtype": "float32",
}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
"""Rope parameters in which all three of Llama 3's bands are met by sixteen dimensions."""


def tiny_llama(folder: Path, seed: int = 0, *, int8: bool = False, **config: object) -> Path:
    """Writes config.json, tokenizer.json and model.safetensors; gives the folder back.

    int8    the built-in model's layout: rows of int8 beside their float32 scales
    config  keys of config.json other than CONFIG's
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = tiny_tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    size, end = tokenizer.get_vocab_size(), tokenizer.token_to_id(END)
    whole = {**CONFIG, "vocab_size": size, "eos_token_id": end, **config}
    weights = tiny_weights(whole, np.random.default_rng(seed))
    if int8:
        whole["quantization"] = "int8_per_row"
        weights = dict(pair for name, array in weights.items() for pair in int8_rows(name, array))
    (folder / "config.json").write_text(json.dumps(whole, indent=1), encoding="utf-8")
    write_safetensors(folder / "model.safetensors", weights)
    return folder


def tiny_tokenizer() -> Tokenizer:
    """The native format's control tokens, 256 bytes, some letters, a few merges."""
    pieces = [f"<0x{byte:02X}>" for byte in range(256)]
    pieces += [*LETTERS, *(left + right for left, right in MERGES)]
    vocabulary = {name: n for n, name in enumerate((*CONTROLS, *pieces))}
    tokenizer = Tokenizer(models.BPE(vocabulary, list(MERGES), byte_fallback=True))
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens([AddedToken(name, normalized=False) for name in CONTROLS])
    return tokenizer


def tiny_weights(
    config: Mapping[str, object], chance: np.random.Generator
) -> dict[str, np.ndarray]:
    """Random weights under their names in the checkpoint, [out, in], lively enough to talk."""
    number = {key: value for key, value in config.items() if isinstance(value, int)}
    width, inner, head = number["hidden_size"], number["intermediate_size"], number["head_dim"]
    heads, groups = number["num_attention_heads"] * head, number["num_key_value_heads"] * head
    shapes = {
        "self_attn.q_proj": (heads, width),
        "self_attn.k_proj": (groups, width),
        "self_attn.v_proj": (groups, width),
        "self_attn.o_proj": (width, heads),
        "mlp.gate_proj": (inner, width),
        "mlp.up_proj": (inner, width),
        "mlp.down_proj": (width, inner),
    }

    def matrix(rows: int, columns: int) -> np.ndarray:
        return (chance.standard_normal((rows, columns)) * 1.5 / columns**0.5).astype(np.float32)

    def near_one() -> np.ndarray:
        return (1 + 0.1 * chance.standard_normal(width)).astype(np.float32)

    weights = {"model.embed_tokens.weight": matrix(number["vocab_size"], width) * 2}
    for layer in range(number["num_hidden_layers"]):
        for name, shape in shapes.items():
            path = f"model.layers.{layer}.{name}"
            weights[f"{path}.weight"] = matrix(*shape)
            if config["attention_bias" if "self_attn" in name else "mlp_bias"]:
                weights[f"{path}.bias"] = matrix(1, shape[0])[0]
        for name in ("input_layernorm", "post_attention_layernorm"):
            weights[f"model.layers.{layer}.{name}.weight"] = near_one()
    weights["model.norm.weight"] = near_one()
    if not config["tie_word_embeddings"]:
        weights["lm_head.weight"] = matrix(number["vocab_size"], width) * 2
    return weights


def int8_rows(name: str, array: np.ndarray) -> Iterable[tuple[str, np.ndarray]]:
    """A matrix as rows of int8 and their scales; anything else as it is."""
    if array.ndim != 2:
        return [(name, array)]
    scale = np.abs(array).max(axis=1) / 127
    rows = np.rint(array / scale[:, None]).astype(np.int8)
    return [(name, rows), (f"{name}_scale", scale.astype(np.float32))]


DTYPES = {"float32": "F32", "float16": "F16", "int8": "I8", "uint16": "BF16"}
"""numpy has no bfloat16: its bits travel as uint16."""


def write_safetensors(path: Path, tensors: Mapping[str, np.ndarray]) -> None:
    """Eight bytes of header length, the header in JSON, the arrays."""
    header, start = {}, 0
    for name, array in tensors.items():
        places = [start, start := start + array.nbytes]
        header[name] = {
            "dtype": DTYPES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": places,
        }
    told = json.dumps(header).encode()
    told += b" " * (-len(told) % 8)
    with path.open("wb") as file:
        file.write(len(told).to_bytes(8, "little") + told)
        for array in tensors.values():
            file.write(np.ascontiguousarray(array).tobytes())
