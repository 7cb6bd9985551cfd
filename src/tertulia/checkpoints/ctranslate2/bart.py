"""BART, Marian, BlenderBot and Pingpong's Meena: encoders and decoders with tables of positions."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from ctranslate2.specs import Activation, TransformerSpec

from tertulia.checkpoints.ctranslate2.layers import Layers, Linear, Spec
from tertulia.checkpoints.ctranslate2.source import Model
from tertulia.checkpoints.int8 import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What is a family's own.

    unused      rows of a position table before the first position; None where both stacks share one
    sines       positions are sines and cosines, and in no file
    summed      the sum of words and positions has a norm
    before      each part of a layer has its norm before it, and a last one follows all layers
    activation  None asks config.json
    eps         of norms
    """

    unused: int | None = 0
    sines: bool = False
    summed: bool = False
    before: bool = False
    activation: str | None = None
    eps: float = 1e-5


MEENA = "pingpong_meena"
STYLES: Mapping[str, Style] = {
    "bart": Style(unused=2, summed=True),
    "marian": Style(sines=True),
    "blenderbot": Style(before=True),
    MEENA: Style(unused=None, activation="gelu_new", eps=1e-6),
}
MODEL_TYPES = tuple(STYLES)
ACTIVATIONS = {
    "gelu": Activation.GELU,
    "gelu_new": Activation.GELUTanh,
    "relu": Activation.RELU,
    "swish": Activation.SWISH,
    "silu": Activation.SWISH,
}


def spec(layers: Layers) -> Spec:
    """The specification of a BART; raises CheckpointError for variants that would be lost."""
    model = layers.model
    model.only(share_encoder_decoder_embeddings=True)
    style = STYLES[model.config["model_type"]]
    activation = style.activation or model.get("activation_function", "gelu")
    if activation not in ACTIVATIONS:
        raise model.unknown("activation_function", activation, " and ".join(ACTIVATIONS))
    heads = [model.whole(f"{each}_attention_heads") for each in ("encoder", "decoder")]
    found = TransformerSpec.from_config(
        (model.whole("encoder_layers"), model.whole("decoder_layers")),
        heads[0],
        pre_norm=style.before,
        activation=ACTIVATIONS[str(activation)],
        layernorm_embedding=style.summed,
    )
    found.decoder.num_heads = np.int16(heads[1])
    prefix = "model." if "model.shared.weight" in model else ""
    width = model.whole("d_model")
    size = model.whole("vocab_size"), width
    words = model.floats(f"{prefix}shared.weight", *size)
    own = "lm_head.weight" in model
    head = model.floats("lm_head.weight", *size) if own else words
    layers.linear(found.decoder.projection, [Linear(head, last_bias(model, size[0]))])
    scaled = model.flag("scale_embedding", style.unused is None)
    places = positions(model, style, prefix, width)
    for name, table in zip(("encoder", "decoder"), places, strict=True):
        stack = getattr(found, name)
        stack.scale_embeddings = width**0.5 if scaled else False
        stack.position_encodings.encodings = table
        layers.matrix(stack.embeddings[0] if name == "encoder" else stack.embeddings, words)
        filled(layers, stack, f"{prefix}{name}", style)
    found.config.layer_norm_epsilon = style.eps
    return found


def last_bias(model: Model, size: int) -> Floats | None:
    """final_logits_bias [vocabulary], which most have as zeros or not at all."""
    if "final_logits_bias" not in model:
        return None
    bias = model.floats("final_logits_bias", 1, size)[0]
    return bias if np.any(bias) else None


def positions(model: Model, style: Style, prefix: str, width: int) -> tuple[Floats, Floats]:
    """The encoder's and the decoder's."""
    known = model.whole("max_position_embeddings")
    if style.sines:
        return sines(known, width), sines(known, width)
    if style.unused is None:
        read = model.whole("max_encoder_length")
        table = model.floats("model.position.weight", known, width)
        return table[:read].copy(), table[read:].copy()
    names = (f"{prefix}{each}.embed_positions.weight" for each in ("encoder", "decoder"))
    rows = known + style.unused
    first, second = (model.floats(name, rows, width)[style.unused :].copy() for name in names)
    return first, second


def sines(places: int, width: int) -> Floats:
    """[places, width]: sines of all waves, then cosines (transformers, modeling_marian.py)."""
    waves = np.arange(places)[:, None] / 10_000 ** (2 * (np.arange(width) // 2) / width)
    return np.concatenate((np.sin(waves[:, ::2]), np.cos(waves[:, 1::2])), axis=1, dtype=np.float32)


def filled(layers: Layers, stack: Spec, path: str, style: Style) -> None:
    """All layers of an encoder or of a decoder."""
    model, width = layers.model, layers.model.whole("d_model")
    kind = path.rpartition(".")[2]
    inner = model.whole(f"{kind}_ffn_dim")
    if style.summed:
        layers.norm(stack.layernorm_embedding, f"{path}.layernorm_embedding", width)
    if style.before:
        layers.norm(stack.layer_norm, f"{path}.layer_norm", width)
    for number, layer in enumerate(stack.layer):
        at = f"{path}.layers.{number}"
        layers.attention(layer.self_attention, *projections(layers, f"{at}.self_attn", width))
        layers.norm(layer.self_attention.layer_norm, f"{at}.self_attn_layer_norm", width)
        if kind == "decoder":
            layers.crossed(layer.attention, *projections(layers, f"{at}.encoder_attn", width))
            layers.norm(layer.attention.layer_norm, f"{at}.encoder_attn_layer_norm", width)
        layers.linear(layer.ffn.linear_0, [layers.read(f"{at}.fc1", inner, width)])
        layers.linear(layer.ffn.linear_1, [layers.read(f"{at}.fc2", width, inner)])
        layers.norm(layer.ffn.layer_norm, f"{at}.final_layer_norm", width)


def projections(layers: Layers, path: str, width: int) -> tuple[Linear, Linear, Linear, Linear]:
    """Those of queries, keys and values, and the one behind them."""
    query, key, value, out = (
        layers.read(f"{path}.{name}_proj", width, width) for name in ("q", "k", "v", "out")
    )
    return query, key, value, out
