"""BART, Marian, BlenderBot and BlenderBot-small: an encoder and a decoder with known positions.

Source: Lewis et al. (2020), arXiv:1910.13461; Roller et al. (2021), arXiv:2004.13637; transformers,
modeling_bart.py, modeling_marian.py, modeling_blenderbot.py, modeling_blenderbot_small.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tertulia.engines.onnxruntime import bart_layers
from tertulia.engines.onnxruntime.bart_layers import Layers, Shape
from tertulia.engines.onnxruntime.config import Config
from tertulia.engines.onnxruntime.decoder import Decoder
from tertulia.engines.onnxruntime.embedding import Embedding, WordNorm
from tertulia.engines.onnxruntime.encoder import Encoder
from tertulia.engines.onnxruntime.graph import ACTIVATIONS, Graph
from tertulia.engines.onnxruntime.start import start
from tertulia.engines.onnxruntime.weights import Checkpoint, Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What is a family's own.

    unused  rows of a position table before the first position
    sines   positions are computed, not stored
    summed  the encoder's, the decoder's sum of words and positions has a norm
    worded  the decoder's words have that norm before positions are added
    before  see bart_layers.Shape
    """

    unused: int = 0
    sines: bool = False
    summed: tuple[bool, bool] = (False, False)
    worded: bool = False
    before: bool = False


STYLES: Mapping[str, Style] = {
    "bart": Style(unused=2, summed=(True, True)),
    "marian": Style(sines=True),
    "blenderbot": Style(before=True),
    "blenderbot-small": Style(summed=(True, False), worded=True),
}
MODEL_TYPES = tuple(STYLES)
EPS = 1e-5


def build(checkpoint: Checkpoint, *, int8: bool, window: int | None) -> Decoder:
    """The graphs of an encoder and of one step behind it.

    window  fewer positions than the model knows, of each of both
    """
    config = Config(checkpoint)
    config.only(share_encoder_decoder_embeddings=True)
    style = STYLES[config.one_of("model_type", STYLES, "bart")]
    activation = config.one_of("activation_function", ACTIVATIONS, "gelu")
    shape = bart_layers.shape(config, activation=activation, eps=EPS, before=style.before)
    # A model that was saved without its head has the same names without this.
    prefix = "model." if "model.shared.weight" in checkpoint else ""
    encoder = Layers(Graph(int8), checkpoint, shape, shape.encoder, prefix)
    decoder = Layers(Graph(int8), checkpoint, shape, shape.decoder, prefix)
    table = shape.vocabulary, shape.width
    words = checkpoint.matrix(f"{prefix}shared.weight", table)
    head = checkpoint.matrix("lm_head.weight", table) if "lm_head.weight" in checkpoint else words
    bart_layers.encode(encoder, normed=style.summed[0])
    bart_layers.decode(decoder, head, logits_bias(checkpoint, shape), normed=style.summed[1])
    known = config.whole("max_position_embeddings")
    room = min(known, window or known)
    scale = float(shape.width**0.5) if config.flag("scale_embedding") else 1.0
    tokens, forced = start(checkpoint)
    places = positions(encoder, style, known)[:room]
    return Decoder(
        decoder.graph,
        embedding=words,
        layers=shape.decoder.layers,
        groups=shape.decoder.heads.count,
        head=shape.decoder.heads.room,
        window=room,
        # Before a norm a scale cancels but for epsilon: transformers leaves it out there.
        scale=1.0 if style.worded else scale,
        positions=positions(decoder, style, known)[:room],
        norm=WordNorm(*decoder.norm("layernorm_embedding")) if style.worded else None,
        encoder=Encoder(
            encoder.graph,
            Embedding(words, scale, places),
            window=room,
            start=tokens,
            forced=forced,
        ),
    )


def positions(layers: Layers, style: Style, known: int) -> Floats:
    """Of an encoder or of a decoder, [known, width]."""
    width = layers.shape.width
    if style.sines:
        return bart_layers.sinusoids(known, width)
    name = f"{layers.prefix}{layers.stack.name}.embed_positions.weight"
    table = layers.checkpoint.matrix(name, (known + style.unused, width))
    return table.floats()[style.unused :]


def logits_bias(checkpoint: Checkpoint, shape: Shape) -> Floats | None:
    """final_logits_bias [vocabulary], which most checkpoints have as zeros or not at all."""
    if "final_logits_bias" not in checkpoint:
        return None
    bias = checkpoint.matrix("final_logits_bias", (1, shape.vocabulary)).floats()[0]
    return bias if np.any(bias) else None
