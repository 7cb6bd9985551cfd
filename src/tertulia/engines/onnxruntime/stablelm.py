"""StableLM 2 and 3B: Llama with layer norms and a quarter of each head turned."""

from tertulia.engines.onnxruntime import rotary
from tertulia.engines.onnxruntime.config import Config
from tertulia.engines.onnxruntime.decoder import Decoder
from tertulia.engines.onnxruntime.rotary_decoder import assemble
from tertulia.engines.onnxruntime.style import ATTENTION, Style, sizes
from tertulia.engines.onnxruntime.weights import Checkpoint

MODEL_TYPES = ("stablelm",)

TURNED = 0.25
"""Of a head, where config.json does not say."""


def build(checkpoint: Checkpoint, *, int8: bool, window: int | None) -> Decoder:
    """The graph of one step over kept keys and values.

    window  fewer positions than the model knows, to save memory
    """
    config = Config(checkpoint)
    shape = sizes(config, turned=TURNED, eps_key="layer_norm_eps", eps=1e-5)
    config.only(hidden_act="silu", qk_layernorm=False, use_parallel_residual=False)
    style = Style(
        rotations={"all": rotary.parameters(config, part=TURNED)},
        rotated=["all"] * shape.layers,
        sliding=[None] * shape.layers,
        biased=ATTENTION - {"o_proj"} if config.flag("use_qkv_bias") else frozenset(),
        norm="layer",
        tied=config.flag("tie_word_embeddings"),
    )
    return assemble(checkpoint, config, shape, style, int8=int8, known=shape.known(window))
