"""Llama-type decoders (Llama 1 to 3, tertulia-mini): RMS norms, rotary positions, gated SiLU."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tertulia.engines.onnxruntime.decoder import Decoder
from tertulia.engines.onnxruntime.graph import Graph
from tertulia.engines.onnxruntime.weights import Checkpoint, Floats, Matrix
from tertulia.errors import CheckpointError

MODEL_TYPES = ("llama",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Sizes of one checkpoint.

    groups  key/value heads, which divide heads
    window  positions the model knows
    """

    layers: int
    heads: int
    groups: int
    head: int
    width: int
    inner: int
    vocabulary: int
    window: int
    eps: float


def build(checkpoint: Checkpoint, *, int8: bool, window: int | None) -> Decoder:
    """The graph of one step over kept keys and values.

    window  fewer positions than the model knows, to save memory
    """
    shape = sizes(checkpoint)
    known = min(shape.window, window or shape.window)
    graph = Graph(int8)
    embedding = checkpoint.matrix("model.embed_tokens.weight", (shape.vocabulary, shape.width))
    head = embedding
    if not checkpoint.config.get("tie_word_embeddings", False):
        head = checkpoint.matrix("lm_head.weight", (shape.vocabulary, shape.width))
    assemble(graph, checkpoint, shape, rotary(checkpoint, shape.head, known), head)
    return Decoder(
        graph,
        embedding=embedding,
        layers=shape.layers,
        groups=shape.groups,
        head=shape.head,
        window=known,
    )


def assemble(
    graph: Graph, checkpoint: Checkpoint, shape: Shape, angles: Floats, head: Matrix
) -> None:
    """Every layer, then the head for the rows that are asked for."""
    cos, sin = graph.constant(np.cos(angles)), graph.constant(np.sin(angles))
    x = graph.input("x", "float32", "rows", "tokens", shape.width)
    graph.input("places", "int64", "asked")
    graph.input("lengths", "int32", "rows")
    graph.input("longest", "int32")
    first = checkpoint.vector("model.layers.0.input_layernorm.weight", shape.width)
    normed = graph.rms_norm(x, first, shape.eps)
    for layer in range(shape.layers):
        path = f"model.layers.{layer}"
        after = f"model.layers.{layer + 1}.input_layernorm"
        after = after if layer + 1 < shape.layers else "model.norm"
        said = attention(graph, checkpoint, shape, layer, normed, cos, sin)
        norm = f"{path}.post_attention_layernorm"
        weight = checkpoint.vector(f"{norm}.weight", shape.width)
        normed, x = graph.skip_rms_norm(x, said, weight, shape.eps)
        said = gated(graph, checkpoint, shape, f"{path}.mlp", normed)
        weight = checkpoint.vector(f"{after}.weight", shape.width)
        normed, x = graph.skip_rms_norm(x, said, weight, shape.eps)
    flat = graph.op("Reshape", normed, graph.constant(np.array([-1, shape.width])))
    graph.linear(graph.op("Gather", flat, "places", axis=0), head, to="logits")
    graph.output("logits", "float32", "asked", shape.vocabulary)


def attention(
    graph: Graph, checkpoint: Checkpoint, shape: Shape, layer: int, x: str, cos: str, sin: str
) -> str:
    """Queries, keys and values in one layer; rotation and masking are the kernel's."""
    path = f"model.layers.{layer}.self_attn"
    has_bias = bool(checkpoint.config.get("attention_bias", False))
    outs = {"q_proj": shape.heads, "k_proj": shape.groups, "v_proj": shape.groups}
    parts = [
        checkpoint.matrix(f"{path}.{name}.weight", (count * shape.head, shape.width))
        for name, count in outs.items()
    ]
    bias = None
    if has_bias:
        biases = [
            checkpoint.vector(f"{path}.{name}.bias", count * shape.head)
            for name, count in outs.items()
        ]
        bias = np.concatenate(biases)
    packed = graph.linear(x, parts[0].above(*parts[1:]), bias)
    size = ("rows", shape.groups, "room", shape.head)
    for kind in ("key", "value"):
        graph.input(f"past_{kind}{layer}", "float32", *size)
        graph.output(f"{kind}{layer}", "float32", *size)
    mixed = graph.name()
    graph.ops(
        "GroupQueryAttention",
        [packed, "", "", f"past_key{layer}", f"past_value{layer}", "lengths", "longest", cos, sin],
        [mixed, f"key{layer}", f"value{layer}"],
        num_heads=shape.heads,
        kv_num_heads=shape.groups,
        do_rotary=1,
    )
    out = checkpoint.matrix(f"{path}.o_proj.weight", (shape.width, shape.heads * shape.head))
    out_bias = checkpoint.vector(f"{path}.o_proj.bias", shape.width) if has_bias else None
    return graph.linear(mixed, out, out_bias)


def gated(graph: Graph, checkpoint: Checkpoint, shape: Shape, path: str, x: str) -> str:
    """down(silu(gate(x)) * up(x))."""

    def layer(name: str, x: str, out: int, into: int) -> str:
        bias = None
        if checkpoint.config.get("mlp_bias", False):
            bias = checkpoint.vector(f"{path}.{name}.bias", out)
        return graph.linear(x, checkpoint.matrix(f"{path}.{name}.weight", (out, into)), bias)

    gate = layer("gate_proj", x, shape.inner, shape.width)
    opened = graph.silu(gate)
    inner = graph.op("Mul", opened, layer("up_proj", x, shape.inner, shape.width))
    return layer("down_proj", inner, shape.width, shape.inner)


def sizes(checkpoint: Checkpoint) -> Shape:
    """What config.json says; raises CheckpointError for what this graph cannot do."""
    config, place = checkpoint.config, checkpoint.folder / "config.json"

    def whole(key: str, otherwise: int | None = None) -> int:
        value = config.get(key)
        value = otherwise if value is None else value
        if type(value) is not int or value < 1:
            raise CheckpointError(f"{place}: {key} is {value!r}, must be a whole number above 0")
        return value

    if config.get("hidden_act", "silu") != "silu":
        raise CheckpointError(
            f"{place}: hidden_act is {config['hidden_act']!r}, and only silu is known here: use "
            "the transformers engine"
        )
    heads, width = whole("num_attention_heads"), whole("hidden_size")
    shape = Shape(
        layers=whole("num_hidden_layers"),
        heads=heads,
        groups=whole("num_key_value_heads", heads),
        head=whole("head_dim", width // heads),
        width=width,
        inner=whole("intermediate_size"),
        vocabulary=whole("vocab_size"),
        window=whole("max_position_embeddings"),
        eps=positive(config.get("rms_norm_eps", 1e-6), f"{place}: rms_norm_eps"),
    )
    if shape.heads % shape.groups or shape.head % 16:
        raise CheckpointError(
            f"{place}: {shape.heads} heads of {shape.head} in {shape.groups} groups: groups must "
            "divide heads, and heads be multiples of 16; use the transformers engine"
        )
    return shape


def rotary(checkpoint: Checkpoint, head: int, window: int) -> Floats:
    """Angles [window, head / 2] of rotary positions (arXiv:2104.09864), as config.json has them."""
    place = f"{checkpoint.folder / 'config.json'}: rope"
    asked = checkpoint.config.get("rope_parameters") or checkpoint.config.get("rope_scaling") or {}
    if not isinstance(asked, dict):
        raise CheckpointError(f"{place} parameters are {asked!r}, must be an object")
    told = {"rope_theta": checkpoint.config.get("rope_theta", 10_000.0), **asked}
    theta = positive(told["rope_theta"], f"{place}_theta")
    turns = theta ** (-np.arange(0, head, 2, dtype=np.float32) / np.float32(head))
    kind = told.get("rope_type", told.get("type", "default"))
    if kind == "linear":
        turns = turns / positive(told.get("factor"), f"{place} factor")
    elif kind == "llama3":
        turns = by_bands(turns, told, place)
    elif kind != "default" or told.get("partial_rotary_factor", 1.0) != 1.0:
        raise CheckpointError(
            f"{place} parameters are {told}, and only default, linear and llama3 rotations of the "
            "whole head are known here: use the transformers engine"
        )
    angles: Floats = np.arange(window, dtype=np.float32)[:, None] * turns.astype(np.float32)
    return angles


def by_bands(turns: Floats, told: Mapping[str, Any], place: str) -> Floats:
    """Llama 3.1's scaling: slow turns divided by factor, fast ones kept, those between blended.

    turns  radians a position, [head / 2]
    Source: transformers, modeling_rope_utils.py, _compute_llama3_parameters.
    """
    factor, low, high, old = (
        positive(told.get(key), f"{place} {key}")
        for key in (
            "factor",
            "low_freq_factor",
            "high_freq_factor",
            "original_max_position_embeddings",
        )
    )
    laps = old * turns / (2 * math.pi)
    blend = np.clip((laps - low) / (high - low), 0, 1)
    scaled: Floats = (1 - blend) * turns / factor + blend * turns
    return scaled


def positive(value: object, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise CheckpointError(f"{place} is {value!r}, must be a number above 0")
    return float(value)
