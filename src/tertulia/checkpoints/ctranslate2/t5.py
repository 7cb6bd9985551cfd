"""T5 (COSMO, GODEL, Flan-T5), with the scale of its logits told by the model itself.

The library's own converter asks tie_word_embeddings, which every config.json says since
transformers 5: version 1.1 would then have its logits divided by sqrt(d_model), which changes no
greedy reply and every probability.
"""

import numpy as np
from ctranslate2.specs import Activation, TransformerSpec

from tertulia.checkpoints.ctranslate2.layers import Layers, Linear, Spec

MODEL_TYPES = ("t5",)
WINDOW = 512
ACTIVATIONS = {
    "relu": (Activation.RELU, False),
    "gated-relu": (Activation.RELU, True),
    "gated-gelu": (Activation.GELUTanh, True),
    "gated-silu": (Activation.SWISH, True),
}
"""feed_forward_proj: the activation, and whether a second layer opens the first."""


def spec(layers: Layers) -> Spec:
    """The specification of a T5."""
    model = layers.model
    kind = model.get("feed_forward_proj", "relu")
    if kind not in ACTIVATIONS:
        raise model.unknown("feed_forward_proj", kind, " and ".join(ACTIVATIONS))
    activation, gated = ACTIVATIONS[str(kind)]
    stacked = model.whole("num_layers", otherwise=6)
    found = TransformerSpec.from_config(
        (stacked, model.whole("num_decoder_layers", otherwise=stacked)),
        model.whole("num_heads", otherwise=8),
        pre_norm=True,
        activation=activation,
        ffn_glu=gated,
        relative_attention_bias=True,
        rms_norm=True,
    )
    width = model.whole("d_model", otherwise=512)
    size = model.whole("vocab_size", otherwise=32128), width
    words = model.floats("shared.weight", *size)
    own = "lm_head.weight" in model
    layers.matrix(found.encoder.embeddings[0], words)
    layers.matrix(found.decoder.embeddings, words)
    layers.matrix(found.decoder.projection, model.floats("lm_head.weight", *size) if own else words)
    if model.flag("scale_decoder_outputs", model.flag("tie_word_embeddings", True)):
        found.decoder.scale_outputs = width**-0.5
    for name in ("encoder", "decoder"):
        stack(layers, getattr(found, name), name, width, gated)
    found.config.layer_norm_epsilon = model.number("layer_norm_epsilon", 1e-6)
    return found


def stack(layers: Layers, spec: Spec, name: str, width: int, gated: bool) -> None:
    """An encoder or a decoder; the first layer's relative bias is every layer's."""
    model = layers.model
    spec.scale_embeddings = False
    layers.norm(spec.layer_norm, f"{name}.final_layer_norm", width, bias=False)
    buckets = model.whole("relative_attention_num_buckets", otherwise=32)
    bias = model.floats(
        f"{name}.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
        buckets,
        model.whole("num_heads", otherwise=8),
    )
    far = np.int32(model.whole("relative_attention_max_distance", otherwise=128))
    for number, layer in enumerate(spec.layer):
        path, own = f"{name}.block.{number}.layer", layer.self_attention
        own.relative_attention_bias, own.relative_attention_max_distance = bias, far
        own.queries_scale = 1.0
        layers.attention(own, *projections(layers, f"{path}.0.SelfAttention", width))
        layers.norm(own.layer_norm, f"{path}.0.layer_norm", width, bias=False)
        last = 1
        if name == "decoder":
            layer.attention.queries_scale = 1.0
            parts = projections(layers, f"{path}.1.EncDecAttention", width)
            layers.crossed(layer.attention, *parts)
            layers.norm(layer.attention.layer_norm, f"{path}.1.layer_norm", width, bias=False)
            last = 2
        inner(layers, layer.ffn, f"{path}.{last}", width, gated)


def projections(layers: Layers, path: str, width: int) -> tuple[Linear, Linear, Linear, Linear]:
    """Those of queries, keys and values, and the one behind them."""
    model = layers.model
    wide = model.whole("num_heads", otherwise=8) * model.whole("d_kv", otherwise=64)
    query, key, value = (layers.read(f"{path}.{n}", wide, width, bias=False) for n in "qkv")
    return query, key, value, layers.read(f"{path}.o", width, wide, bias=False)


def inner(layers: Layers, spec: Spec, path: str, width: int, gated: bool) -> None:
    """wo(act(wi(x))), or wo(act(wi_0(x)) * wi_1(x))."""
    wide, dense = layers.model.whole("d_ff", otherwise=2048), f"{path}.DenseReluDense"
    layers.norm(spec.layer_norm, f"{path}.layer_norm", width, bias=False)
    first = "wi_0" if gated else "wi"
    layers.linear(spec.linear_0, [layers.read(f"{dense}.{first}", wide, width, bias=False)])
    if gated:
        gate = layers.read(f"{dense}.wi_1", wide, width, bias=False)
        layers.linear(spec.linear_0_noact, [gate])
    layers.linear(spec.linear_1, [layers.read(f"{dense}.wo", width, wide, bias=False)])
