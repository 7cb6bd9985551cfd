"""Tiny encoder-decoder checkpoints with a byte-fallback tokenizer, made of nothing.

Needs numpy and tokenizers only, so that unit tests run without torch.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from tertulia.formats.native import CONTROLS
from tests.tiny_llama import END, tiny_tokenizer, write_safetensors

T5 = {
    "architectures": ["T5ForConditionalGeneration"],
    "model_type": "t5",
    "is_encoder_decoder": True,
    "d_model": 64,
    "d_kv": 16,
    "d_ff": 96,
    "num_layers": 2,
    "num_decoder_layers": 2,
    "num_heads": 4,
    "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 20,
    "layer_norm_epsilon": 1e-6,
    "feed_forward_proj": "gated-gelu",
    "tie_word_embeddings": False,
    "dropout_rate": 0.0,
}
"""Version 1.1, as COSMO and GODEL have it."""

ORIGINAL = {"feed_forward_proj": "relu", "tie_word_embeddings": True}
"""What the first T5 has otherwise."""

BART = {
    "architectures": ["BartForConditionalGeneration"],
    "model_type": "bart",
    "is_encoder_decoder": True,
    "d_model": 64,
    "encoder_layers": 2,
    "encoder_ffn_dim": 96,
    "encoder_attention_heads": 4,
    "decoder_layers": 3,
    "decoder_ffn_dim": 80,
    "decoder_attention_heads": 2,
    "max_position_embeddings": 96,
    "activation_function": "gelu",
    "scale_embedding": False,
    "dropout": 0.0,
    "forced_eos_token_id": None,
}
MARIAN = {
    **BART,
    "architectures": ["MarianMTModel"],
    "model_type": "marian",
    "activation_function": "swish",
    "scale_embedding": True,
}
BLENDERBOT = {
    **BART,
    "architectures": ["BlenderbotForConditionalGeneration"],
    "model_type": "blenderbot",
    "scale_embedding": True,
}
BLENDERBOT_SMALL = {
    **BLENDERBOT,
    "architectures": ["BlenderbotSmallForConditionalGeneration"],
    "model_type": "blenderbot-small",
}
MEENA = {
    "model_type": "pingpong_meena",
    "max_position_embeddings": 96,
    "max_encoder_length": 56,
    "d_model": 64,
    "encoder_ffn_dim": 96,
    "encoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_ffn_dim": 96,
    "decoder_layers": 3,
    "decoder_attention_heads": 4,
}
"""Pingpong's own keys, which say neither activation nor scale."""

FAMILIES: Mapping[str, Mapping[str, object]] = {"t5": T5, "blenderbot": BLENDERBOT, "meena": MEENA}
"""Three that have nothing but the loop in common."""


def tiny_seq2seq(
    folder: Path, config: Mapping[str, object] = T5, seed: int = 0, **changed: object
) -> Path:
    """Writes config.json, tokenizer.json and model.safetensors; gives the folder back.

    config   one of the above
    changed  keys of it with other values
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = tiny_tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    tokens = {
        "vocab_size": tokenizer.get_vocab_size(),
        "pad_token_id": tokenizer.token_to_id(CONTROLS[1]),
        "bos_token_id": tokenizer.token_to_id(CONTROLS[0]),
        "eos_token_id": tokenizer.token_to_id(END),
        "decoder_start_token_id": tokenizer.token_to_id(CONTROLS[0]),
    }
    whole = {**config, **tokens, **changed}
    (folder / "config.json").write_text(json.dumps(whole, indent=1), encoding="utf-8")
    write_safetensors(folder / "model.safetensors", tiny_weights(whole, seed))
    return folder


def tiny_weights(config: Mapping[str, object], seed: int = 0) -> dict[str, np.ndarray]:
    """Random weights under their names in the checkpoint, lively enough that logits differ."""
    names = t5_shapes if config["model_type"] == "t5" else bart_shapes
    chance = np.random.default_rng(seed)
    return {name: lively(name, shape, chance) for name, shape in names(config)}


def lively(name: str, shape: tuple[int, ...], chance: np.random.Generator) -> np.ndarray:
    """Norms near one, biases near zero, matrices that keep the size of what goes through them."""
    drawn = chance.standard_normal(shape)
    if "relative_attention_bias" in name:
        return drawn.astype(np.float32)
    if len(shape) == 1 or name == "final_logits_bias":
        near_one = "norm" in name and name.endswith("weight")
        return (near_one + 0.2 * drawn).astype(np.float32)
    if name == "shared.weight" or "position" in name:
        return drawn.astype(np.float32)
    size = 2.0 if "shared" in name or "lm_head" in name else 1.5
    size = 0.5 if name.endswith("Attention.q.weight") else size
    return (size * drawn / shape[1] ** 0.5).astype(np.float32)


Shapes = Iterator[tuple[str, tuple[int, ...]]]


def number(config: Mapping[str, object], key: str) -> int:
    value = config[key]
    assert isinstance(value, int)
    return value


def t5_shapes(config: Mapping[str, object]) -> Shapes:
    width, inner, vocabulary = (number(config, key) for key in ("d_model", "d_ff", "vocab_size"))
    heads, buckets = number(config, "num_heads"), number(config, "relative_attention_num_buckets")
    wide = heads * number(config, "d_kv")
    gated = str(config["feed_forward_proj"]).startswith("gated")
    yield "shared.weight", (vocabulary, width)
    if not config["tie_word_embeddings"]:
        yield "lm_head.weight", (vocabulary, width)
    for stack, count in (("encoder", "num_layers"), ("decoder", "num_decoder_layers")):
        first = f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
        yield first, (buckets, heads)
        yield f"{stack}.final_layer_norm.weight", (width,)
        for layer in range(number(config, count)):
            path = f"{stack}.block.{layer}.layer"
            attentions = ["SelfAttention", "EncDecAttention"][: 1 + (stack == "decoder")]
            for part, kind in enumerate(attentions):
                yield f"{path}.{part}.layer_norm.weight", (width,)
                for name in "qkv":
                    yield f"{path}.{part}.{kind}.{name}.weight", (wide, width)
                yield f"{path}.{part}.{kind}.o.weight", (width, wide)
            last = f"{path}.{len(attentions)}"
            yield f"{last}.layer_norm.weight", (width,)
            for name in ("wi_0", "wi_1") if gated else ("wi",):
                yield f"{last}.DenseReluDense.{name}.weight", (inner, width)
            yield f"{last}.DenseReluDense.wo.weight", (width, inner)


def bart_shapes(config: Mapping[str, object]) -> Shapes:
    width, kind = number(config, "d_model"), config["model_type"]
    places = number(config, "max_position_embeddings")
    yield "model.shared.weight", (number(config, "vocab_size"), width)
    if kind == "pingpong_meena":
        yield "model.position.weight", (places, width)
    else:
        yield "final_logits_bias", (1, number(config, "vocab_size"))
    for stack in ("encoder", "decoder"):
        path = f"model.{stack}"
        if kind not in ("pingpong_meena", "marian"):
            yield f"{path}.embed_positions.weight", (places + 2 * (kind == "bart"), width)
        if kind in ("bart", "blenderbot-small"):
            yield from norm(f"{path}.layernorm_embedding", width)
        if kind == "blenderbot":
            yield from norm(f"{path}.layer_norm", width)
        attentions = ["self_attn", "encoder_attn"][: 1 + (stack == "decoder")]
        for layer in range(number(config, f"{stack}_layers")):
            for name in attentions:
                yield from norm(f"{path}.layers.{layer}.{name}_layer_norm", width)
                for each in "qkv":
                    yield from linear(f"{path}.layers.{layer}.{name}.{each}_proj", width, width)
                yield from linear(f"{path}.layers.{layer}.{name}.out_proj", width, width)
            inner = number(config, f"{stack}_ffn_dim")
            yield from linear(f"{path}.layers.{layer}.fc1", inner, width)
            yield from linear(f"{path}.layers.{layer}.fc2", width, inner)
            yield from norm(f"{path}.layers.{layer}.final_layer_norm", width)


def norm(path: str, width: int) -> Shapes:
    yield f"{path}.weight", (width,)
    yield f"{path}.bias", (width,)


def linear(path: str, out: int, into: int) -> Shapes:
    yield f"{path}.weight", (out, into)
    yield f"{path}.bias", (out,)
