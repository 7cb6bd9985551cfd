"""OLMo 1, whose norms have no weights, and OLMo 2, whose norms are behind layers and on queries."""

from dataclasses import replace

from tertulia.engines.onnxruntime import rotary
from tertulia.engines.onnxruntime.config import Config
from tertulia.engines.onnxruntime.decoder import Decoder
from tertulia.engines.onnxruntime.rotary_decoder import assemble
from tertulia.engines.onnxruntime.style import ATTENTION, Style, sizes
from tertulia.engines.onnxruntime.weights import Checkpoint

MODEL_TYPES = ("olmo", "olmo2")

EPS = 1e-5
"""Of OLMo 1's norms, which config.json does not mention, and of OLMo 2's where it does not."""


def build(checkpoint: Checkpoint, *, int8: bool, window: int | None) -> Decoder:
    """The graph of one step over kept keys and values.

    window  fewer positions than the model knows, to save memory
    """
    config = Config(checkpoint)
    shape = sizes(config, eps=EPS)
    config.only(hidden_act="silu", clip_qkv=None)
    style = Style(
        rotations={"all": rotary.parameters(config)},
        rotated=["all"] * shape.layers,
        sliding=[None] * shape.layers,
        biased=ATTENTION if config.flag("attention_bias") else frozenset(),
        tied=config.flag("tie_word_embeddings"),
    )
    if config.told["model_type"] == "olmo":
        shape, style = replace(shape, eps=EPS), replace(style, norm="bare")
    else:
        after = ("post_attention_layernorm", "post_feedforward_layernorm")
        style = replace(style, head_norms="all", before=("", ""), after=after)
    return assemble(checkpoint, config, shape, style, int8=int8, known=shape.known(window))
