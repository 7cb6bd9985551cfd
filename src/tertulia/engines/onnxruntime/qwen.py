"""Qwen 2, 2.5 and 3: Llama with biases on queries, keys and values, or with norms on them."""

from tertulia.engines.onnxruntime import rotary
from tertulia.engines.onnxruntime.config import Config
from tertulia.engines.onnxruntime.decoder import Decoder
from tertulia.engines.onnxruntime.rotary_decoder import assemble
from tertulia.engines.onnxruntime.style import (
    ATTENTION,
    FULL,
    LAYER_TYPES,
    SLIDING,
    Style,
    sizes,
    sliding,
)
from tertulia.engines.onnxruntime.weights import Checkpoint

MODEL_TYPES = ("qwen2", "qwen3")

HEAD = 128
"""Numbers of a Qwen 3 head where config.json does not say."""


def build(checkpoint: Checkpoint, *, int8: bool, window: int | None) -> Decoder:
    """The graph of one step over kept keys and values.

    window  fewer positions than the model knows, to save memory
    """
    config = Config(checkpoint)
    third = config.told["model_type"] == "qwen3"
    shape = sizes(config, head=HEAD if third else None)
    config.only(hidden_act="silu")
    biased = ATTENTION - {"o_proj"}
    if third:
        biased = ATTENTION if config.flag("attention_bias") else frozenset()
    style = Style(
        rotations={"all": rotary.parameters(config)},
        rotated=["all"] * shape.layers,
        sliding=windows(config, shape.layers),
        biased=biased,
        head_norms="each" if third else "",
        tied=config.flag("tie_word_embeddings"),
    )
    return assemble(checkpoint, config, shape, style, int8=int8, known=shape.known(window))


def windows(config: Config, layers: int) -> tuple[int | None, ...]:
    """The sliding window of each layer; without layer_types those from max_window_layers on."""
    slides = config.flag("use_sliding_window")
    first = config.whole("max_window_layers", otherwise=28, least=0)
    full = min(first, layers) if slides else layers
    types = config.choices("layer_types", layers, LAYER_TYPES if slides else (FULL,))
    window = config.limit("sliding_window", 4096) if slides else None
    return sliding(types or (FULL,) * full + (SLIDING,) * (layers - full), window)
