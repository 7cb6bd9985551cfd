"""SmolLM 3: Llama, but every fourth layer does not know positions. SmolLM 1 and 2 are Llamas."""

from tertulia.engines.onnxruntime import rotary
from tertulia.engines.onnxruntime.config import Config
from tertulia.engines.onnxruntime.decoder import Decoder
from tertulia.engines.onnxruntime.rotary_decoder import assemble
from tertulia.engines.onnxruntime.style import ATTENTION, FULL, GATED, NO_ROTATION, Style, sizes
from tertulia.engines.onnxruntime.weights import Checkpoint

MODEL_TYPES = ("smollm3",)

THETA = 2_000_000.0
"""Where config.json does not say."""


def build(checkpoint: Checkpoint, *, int8: bool, window: int | None) -> Decoder:
    """The graph of one step over kept keys and values.

    window  fewer positions than the model knows, to save memory
    """
    config = Config(checkpoint)
    shape = sizes(config)
    config.only(hidden_act="silu", use_sliding_window=False)
    config.choices("layer_types", shape.layers, (FULL,))
    biased = ATTENTION if config.flag("attention_bias") else frozenset()
    style = Style(
        rotations={"all": rotary.parameters(config, theta=THETA)},
        rotated=rotated(config, shape.layers),
        sliding=[None] * shape.layers,
        biased=biased | (GATED if config.flag("mlp_bias") else frozenset()),
        tied=config.flag("tie_word_embeddings", True),
    )
    return assemble(checkpoint, config, shape, style, int8=int8, known=shape.known(window))


def rotated(config: Config, layers: int) -> list[str]:
    """The rotation of each layer; despite its name, no_rope_layers has a 1 for those with one."""
    told = config.get("no_rope_layers")
    if told is None:
        turn = config.whole("no_rope_layer_interval", otherwise=4)
        told = [int((layer + 1) % turn != 0) for layer in range(layers)]
    if not isinstance(told, list) or len(told) != layers or not set(told) <= {0, 1}:
        raise config.refusal("no_rope_layers", told, f"a list of {layers} times 0 or 1")
    return ["all" if turned else NO_ROTATION for turned in told]
