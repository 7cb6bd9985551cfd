"""Llama 1 to 3 and tertulia-mini, and Mistral, which adds a sliding window."""

from tertulia.engines.onnxruntime import rotary
from tertulia.engines.onnxruntime.config import Config
from tertulia.engines.onnxruntime.decoder import Decoder
from tertulia.engines.onnxruntime.rotary_decoder import assemble
from tertulia.engines.onnxruntime.style import ATTENTION, GATED, Style, sizes
from tertulia.engines.onnxruntime.weights import Checkpoint

MODEL_TYPES = ("llama", "mistral")

MISTRAL_WINDOW = 4096
"""Where config.json does not mention a sliding window; null there means none."""


def build(checkpoint: Checkpoint, *, int8: bool, window: int | None) -> Decoder:
    """The graph of one step over kept keys and values.

    window  fewer positions than the model knows, to save memory
    """
    config = Config(checkpoint)
    shape = sizes(config)
    config.only(hidden_act="silu", layer_types=None)
    biased: frozenset[str] = frozenset()
    slides = None
    if config.told["model_type"] == "mistral":
        slides = config.limit("sliding_window", MISTRAL_WINDOW)
    else:
        biased |= ATTENTION if config.flag("attention_bias") else frozenset()
        biased |= GATED if config.flag("mlp_bias") else frozenset()
    style = Style(
        rotations={"all": rotary.parameters(config)},
        rotated=["all"] * shape.layers,
        sliding=[slides] * shape.layers,
        biased=biased,
        tied=config.flag("tie_word_embeddings"),
    )
    return assemble(checkpoint, config, shape, style, int8=int8, known=shape.known(window))
