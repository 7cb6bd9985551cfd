"""GPT-2 (DialoGPT, PersonaGPT), and GPTs whose norms are behind their layers.

These are OpenAI's first, and Pingpong's, whose embeddings grow; see engines/onnxruntime/openai_gpt.
"""

from ctranslate2.specs import Activation, TransformerDecoderModelSpec

from tertulia.checkpoints.ctranslate2.layers import Layers, Spec

PINGPONG = "pingpong_gpt"
OPENAI = "openai-gpt"
MODEL_TYPES = ("gpt2", OPENAI, PINGPONG)
ACTIVATIONS = {"gelu_new": Activation.GELUTanh, "gelu": Activation.GELU, "relu": Activation.RELU}


def spec(layers: Layers) -> Spec:
    """The specification of a GPT; raises CheckpointError for variants that would be lost."""
    model = layers.model
    family = model.config["model_type"]
    pingpong, behind = family == PINGPONG, family != "gpt2"
    model.only(
        add_cross_attention=False, scale_attn_weights=True, scale_attn_by_inverse_layer_idx=False
    )
    key = "afn" if behind else "activation_function"
    activation = model.get(key, "gelu_new")
    if behind and activation == "gelu":
        # Their GELU is the tanh form (transformers, modeling_openai.py).
        activation = "gelu_new"
    if activation not in ACTIVATIONS:
        raise model.unknown(key, activation, " and ".join(ACTIVATIONS))
    width, count = model.whole("n_embd"), model.whole("n_head")
    if width % count:
        raise model.unknown("n_head", count, f"a number that divides n_embd {width}")
    found = TransformerDecoderModelSpec.from_config(
        model.whole("n_layer"),
        count,
        pre_norm=not behind,
        activation=ACTIVATIONS[str(activation)],
    )
    tokens, spots = ("tokens_embed", "positions_embed") if family == OPENAI else ("wte", "wpe")
    prefix = "transformer." if f"transformer.{tokens}.weight" in model else ""
    size = model.whole("vocab_size"), width
    words = model.floats(f"{prefix}{tokens}.weight", *size)
    tied = pingpong or model.flag("tie_word_embeddings", True)
    decoder = found.decoder
    decoder.scale_embeddings = width**0.5 if pingpong else False
    layers.matrix(decoder.embeddings, words)
    layers.matrix(decoder.projection, words if tied else model.floats("lm_head.weight", *size))
    places = model.whole("n_positions", "n_ctx", "n_ctxt")
    decoder.position_encodings.encodings = model.floats(f"{prefix}{spots}.weight", places, width)
    if not behind:
        layers.norm(decoder.layer_norm, f"{prefix}ln_f", width)
    inner = model.whole("n_inner", otherwise=4 * width)
    for number, layer in enumerate(decoder.layer):
        block(layers, layer, f"{prefix}h.{number}", width, inner)
    found.config.layer_norm_epsilon = model.number("layer_norm_epsilon", 1e-5)
    return found


def block(layers: Layers, layer: Spec, path: str, width: int, inner: int) -> None:
    """One layer: attention and two linear layers, each with its norm."""
    layers.norm(layer.self_attention.layer_norm, f"{path}.ln_1", width)
    every = layers.turned(f"{path}.attn.c_attn", width, 3 * width)
    layers.linear(layer.self_attention.linear[0], [every])
    out = layers.turned(f"{path}.attn.c_proj", width, width)
    layers.linear(layer.self_attention.linear[1], [out])
    layers.norm(layer.ffn.layer_norm, f"{path}.ln_2", width)
    layers.linear(layer.ffn.linear_0, [layers.turned(f"{path}.mlp.c_fc", width, inner)])
    layers.linear(layer.ffn.linear_1, [layers.turned(f"{path}.mlp.c_proj", inner, width)])
