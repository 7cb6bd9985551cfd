"""Pingpong's Meena (ScatterLab): two layers of an encoder, a deep decoder, one table of positions.

The first max_encoder_length positions are the encoder's, the others the decoder's. Mathematics,
and names of arrays, are those of the published code, with its own config.json:

    vocab_size, d_model, max_position_embeddings, max_encoder_length,
    {encoder,decoder}_{layers,attention_heads,ffn_dim}, bos_token_id, eos_token_id, pad_token_id

Source: pingpong-ai/dialogue-generation-models, modeling_meena.py.
"""

from tertulia.engines.onnxruntime import bart_layers
from tertulia.engines.onnxruntime.bart_layers import Layers
from tertulia.engines.onnxruntime.config import Config
from tertulia.engines.onnxruntime.decoder import Decoder
from tertulia.engines.onnxruntime.embedding import Embedding
from tertulia.engines.onnxruntime.encoder import Encoder
from tertulia.engines.onnxruntime.graph import Graph
from tertulia.engines.onnxruntime.start import start
from tertulia.engines.onnxruntime.weights import Checkpoint

MODEL_TYPES = ("pingpong_meena",)
EPS = 1e-6


def build(checkpoint: Checkpoint, *, int8: bool, window: int | None) -> Decoder:
    """The graphs of an encoder and of one step behind it.

    window  fewer positions than the model knows, of each of both
    """
    config = Config(checkpoint)
    shape = bart_layers.shape(config, activation="gelu_new", eps=EPS)
    encoder = Layers(Graph(int8), checkpoint, shape, shape.encoder)
    decoder = Layers(Graph(int8), checkpoint, shape, shape.decoder)
    words = checkpoint.matrix("model.shared.weight", (shape.vocabulary, shape.width))
    bart_layers.encode(encoder, normed=False)
    bart_layers.decode(decoder, words, normed=False)
    known, read = config.whole("max_position_embeddings"), config.whole("max_encoder_length")
    if read >= known:
        raise config.refusal("max_encoder_length", read, f"less than {known} positions")
    table = checkpoint.matrix("model.position.weight", (known, shape.width)).floats()
    scale = float(shape.width**0.5)
    tokens, forced = start(checkpoint)
    source, said = table[:read][:window], table[read:][:window]
    return Decoder(
        decoder.graph,
        embedding=words,
        layers=shape.decoder.layers,
        groups=shape.decoder.heads.count,
        head=shape.decoder.heads.room,
        window=len(said),
        scale=scale,
        positions=said,
        encoder=Encoder(
            encoder.graph,
            Embedding(words, scale, source),
            window=len(source),
            start=tokens,
            forced=forced,
        ),
    )
