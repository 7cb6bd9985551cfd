"""Llama 1 to 3 (Thanos), Mistral without its window, and Qwen 2.

The library's own converter drops the scaling of Llama 3's rotation without a word. It needs the
factor and the old positions in every attention; the factor alone is worse than neither.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from ctranslate2.specs import Activation, RotaryScalingType, TransformerDecoderModelSpec

from tertulia.checkpoints.ctranslate2.layers import Layers, Spec
from tertulia.checkpoints.ctranslate2.source import Model

MODEL_TYPES = ("llama", "mistral", "qwen2")
MISTRAL_WINDOW = 4096
EVERYTHING = "full_attention"
"""What a layer sees, in layer_types: the only sort that is converted."""


def spec(layers: Layers) -> Spec:
    """The specification of a Llama; raises CheckpointError for variants that would be lost."""
    model = layers.model
    stacked = model.whole("num_hidden_layers")
    model.only(hidden_act="silu", layer_types=[EVERYTHING] * stacked)
    if slides(model):
        raise model.unknown("sliding_window", model.get("sliding_window"), "none")
    count, width = model.whole("num_attention_heads"), model.whole("hidden_size")
    groups = model.whole("num_key_value_heads", otherwise=count)
    head = model.whole("head_dim", otherwise=width // count)
    scaling = rotation(model)
    found = TransformerDecoderModelSpec.from_config(
        stacked,
        count,
        activation=Activation.SWISH,
        pre_norm=True,
        ffn_glu=True,
        rms_norm=True,
        rotary_dim=head,
        rotary_interleave=False,
        num_heads_kv=groups if groups != count else None,
        head_dim=head if head * count != width else None,
        **scaling,
    )
    decoder = found.decoder
    decoder.scale_embeddings = False
    size = model.whole("vocab_size"), width
    words = model.floats("model.embed_tokens.weight", *size)
    tied = model.flag("tie_word_embeddings")
    layers.matrix(decoder.embeddings, words)
    layers.matrix(decoder.projection, words if tied else model.floats("lm_head.weight", *size))
    layers.norm(decoder.layer_norm, "model.norm", width, bias=False)
    for number, layer in enumerate(decoder.layer):
        banded(model, layer.self_attention)
        block(layers, layer, f"model.layers.{number}", width, (count * head, groups * head))
    found.config.layer_norm_epsilon = model.number("rms_norm_eps", 1e-6)
    return found


def slides(model: Model) -> bool:
    """Whether some layers see a window of positions only."""
    kind = model.config["model_type"]
    if kind == "mistral":
        told = model.config.get("sliding_window", MISTRAL_WINDOW)
        return told is not None and told < model.whole("max_position_embeddings")
    return kind == "qwen2" and model.flag("use_sliding_window")


def told_rotation(model: Model) -> Mapping[str, Any]:
    """Rotation as config.json has it, in the spelling of transformers 5 or of those before it."""
    told = model.get("rope_scaling") or model.get("rope_parameters", {})
    if not isinstance(told, dict):
        raise model.wrong("rope_parameters", told, "an object")
    return {"rope_theta": model.get("rope_theta", 10_000.0), **told}


def rotation(model: Model) -> Mapping[str, Any]:
    """The same for the specification."""
    told = told_rotation(model)
    kind = told.get("rope_type", told.get("type", "default"))
    if told.get("partial_rotary_factor", 1) != 1:
        raise model.unknown("partial_rotary_factor", told["partial_rotary_factor"], "1")
    theta = {"rotary_base": model.positive("rope_theta", told["rope_theta"])}
    if kind == "default":
        return theta
    factor = model.positive("rope factor", told.get("factor"))
    if kind == "linear":
        scaling = {"rotary_scaling_type": RotaryScalingType.Linear}
        return {**theta, **scaling, "rotary_scaling_factor": factor}
    if kind != "llama3":
        raise model.unknown("rope_type", kind, "default, linear and llama3")
    first = model.get(
        "original_max_position_embeddings", told.get("original_max_position_embeddings")
    )
    if type(first) is not int or first < 1:
        raise model.wrong("original_max_position_embeddings", first, "a whole number above 0")
    scaling = {"rotary_scaling_type": RotaryScalingType.Llama3}
    return {**theta, **scaling, "original_max_position_embeddings": first}


def banded(model: Model, attention: Spec) -> None:
    """Llama 3's bands, for which the specification has no arguments."""
    told = told_rotation(model)
    if told.get("rope_type", told.get("type")) != "llama3":
        return
    # The library freezes the names that it thinks of, and forgets this one.
    attention.__dict__["rotary_scaling_factor"] = np.float32(told["factor"])
    for name in ("low_freq_factor", "high_freq_factor"):
        value = model.positive(f"rope {name}", told.get(name))
        setattr(attention, f"rotary_{name}", np.float32(value))


def block(layers: Layers, layer: Spec, path: str, width: int, heads: tuple[int, int]) -> None:
    """One layer.

    heads  outputs of the queries, and of the keys
    """
    model, inner = layers.model, layers.model.whole("intermediate_size")
    own, wide, narrow = f"{path}.self_attn", *heads
    biased = model.flag("attention_bias")
    of_keys = biased or model.config["model_type"] == "qwen2"
    layers.norm(layer.self_attention.layer_norm, f"{path}.input_layernorm", width, bias=False)
    layers.attention(
        layer.self_attention,
        layers.read(f"{own}.q_proj", wide, width, bias=of_keys),
        layers.read(f"{own}.k_proj", narrow, width, bias=of_keys),
        layers.read(f"{own}.v_proj", narrow, width, bias=of_keys),
        layers.read(f"{own}.o_proj", width, wide, bias=biased),
    )
    layers.norm(layer.ffn.layer_norm, f"{path}.post_attention_layernorm", width, bias=False)
    bias = model.flag("mlp_bias")
    gate = layers.read(f"{path}.mlp.gate_proj", inner, width, bias=bias)
    layers.linear(layer.ffn.linear_0, [gate])
    layers.linear(
        layer.ffn.linear_0_noact, [layers.read(f"{path}.mlp.up_proj", inner, width, bias=bias)]
    )
    layers.linear(
        layer.ffn.linear_1, [layers.read(f"{path}.mlp.down_proj", width, inner, bias=bias)]
    )
