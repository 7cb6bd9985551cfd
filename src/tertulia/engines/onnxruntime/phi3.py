"""Phi-3 and its kin: Llama with packed matrices, and a part of each head that is not turned."""

from tertulia.engines.onnxruntime import rotary
from tertulia.engines.onnxruntime.config import Config
from tertulia.engines.onnxruntime.decoder import Decoder
from tertulia.engines.onnxruntime.rotary_decoder import assemble
from tertulia.engines.onnxruntime.style import Style, sizes
from tertulia.engines.onnxruntime.weights import Checkpoint

MODEL_TYPES = ("phi3",)


def build(checkpoint: Checkpoint, *, int8: bool, window: int | None) -> Decoder:
    """The graph of one step over kept keys and values.

    window  fewer positions than the model knows, to save memory
    """
    config = Config(checkpoint)
    shape = sizes(config, eps=1e-5)
    config.only(hidden_act="silu")
    style = Style(
        rotations={"all": rotary.parameters(config)},
        rotated=["all"] * shape.layers,
        sliding=[config.limit("sliding_window")] * shape.layers,
        packed=True,
        tied=config.flag("tie_word_embeddings"),
    )
    return assemble(checkpoint, config, shape, style, int8=int8, known=shape.known(window))
