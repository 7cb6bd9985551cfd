"""Gemma 1 and 2 and the text models of Gemma 3: norms times 1 + weight, scaled embeddings.

Gemma 2 adds norms behind layers, soft caps and a sliding window in every other layer, Gemma 3
norms of queries and keys and a rotation of its own where the window slides.
"""

from tertulia.engines.onnxruntime import rotary
from tertulia.engines.onnxruntime.config import Config
from tertulia.engines.onnxruntime.decoder import Decoder
from tertulia.engines.onnxruntime.rotary_decoder import assemble
from tertulia.engines.onnxruntime.style import (
    ATTENTION,
    FULL,
    LAYER_TYPES,
    SLIDING,
    Shape,
    Style,
    sizes,
    sliding,
)
from tertulia.engines.onnxruntime.weights import Checkpoint
from tertulia.errors import CheckpointError

MODEL_TYPES = ("gemma", "gemma2", "gemma3_text")

HEAD = 256
"""Numbers of a head where config.json does not say."""

GELU_TANH = "gelu_pytorch_tanh"


def build(checkpoint: Checkpoint, *, int8: bool, window: int | None) -> Decoder:
    """The graph of one step over kept keys and values.

    window  fewer positions than the model knows, to save memory
    """
    config = Config(checkpoint)
    shape = sizes(config, head=HEAD)
    if config.flag("use_bidirectional_attention"):
        raise config.refusal("use_bidirectional_attention", True, "false")
    style = first(config, shape) if config.told["model_type"] == "gemma" else later(config, shape)
    return assemble(checkpoint, config, shape, style, int8=int8, known=shape.known(window))


def first(config: Config, shape: Shape) -> Style:
    # Some of the first releases say "gelu" and mean its tanh form (transformers, #29402).
    config.one_of("hidden_act", ("gelu", GELU_TANH), GELU_TANH)
    return Style(
        rotations={FULL: rotary.parameters(config)},
        rotated=[FULL] * shape.layers,
        sliding=[None] * shape.layers,
        biased=biased(config),
        norm="rms1",
        activation=GELU_TANH,
        embedded=shape.width**0.5,
        tied=config.flag("tie_word_embeddings", True),
    )


def later(config: Config, shape: Shape) -> Style:
    config.one_of("hidden_activation", (GELU_TANH,), GELU_TANH)
    third = config.told["model_type"] == "gemma3_text"
    types = config.choices("layer_types", shape.layers, LAYER_TYPES)
    if types is None:
        turn = config.whole("sliding_window_pattern", otherwise=6) if third else 2
        types = tuple(SLIDING if (n + 1) % turn else FULL for n in range(shape.layers))
    return Style(
        rotations=two_rotations(config) if third else {FULL: rotary.parameters(config)},
        rotated=types if third else [FULL] * shape.layers,
        sliding=sliding(types, config.limit("sliding_window", 4096)),
        biased=biased(config),
        head_norms="each" if third else "",
        before=("input_layernorm", "pre_feedforward_layernorm"),
        after=("post_attention_layernorm", "post_feedforward_layernorm"),
        norm="rms1",
        activation=GELU_TANH,
        scale=config.number("query_pre_attn_scalar", 256) ** -0.5,
        cap=cap(config, "attn_logit_softcapping", None if third else 50.0),
        last_cap=cap(config, "final_logit_softcapping", None if third else 30.0),
        embedded=shape.width**0.5,
        tied=config.flag("tie_word_embeddings", True),
    )


def biased(config: Config) -> frozenset[str]:
    return ATTENTION if config.flag("attention_bias") else frozenset()


def cap(config: Config, key: str, otherwise: float | None) -> float:
    """A soft cap; 0 for none, which null says."""
    told = config.told.get(key, otherwise)
    return 0.0 if told is None else config.number(key, otherwise)


def two_rotations(config: Config) -> dict[str, rotary.Parameters]:
    """Gemma 3's, by layer types; before transformers 5 the sliding ones had a key of their own."""
    told = config.get("rope_parameters", {})
    if not isinstance(told, dict) or not all(isinstance(each, dict) for each in told.values()):
        raise CheckpointError(
            f"{config.place}: rope_parameters are {told!r}, must have an object for each of "
            f"{' and '.join(LAYER_TYPES)}"
        )
    scaling = config.get("rope_scaling", {})
    if not isinstance(scaling, dict):
        raise CheckpointError(f"{config.place}: rope_scaling is {scaling!r}, must be an object")
    theta = {FULL: config.get("rope_theta", 1e6), SLIDING: config.get("rope_local_base_freq", 1e4)}
    full = {"rope_theta": theta[FULL], **told.get(FULL, {}), **scaling}
    return {FULL: full, SLIDING: {"rope_theta": theta[SLIDING], **told.get(SLIDING, {})}}
