"""GPT with layer norms behind its layers: OpenAI's first, and Pingpong's, whose embeddings grow.

Pingpong's mathematics, with the names of its arrays: embeddings times sqrt(width), a tied head
without that factor. transformers has the same model as OpenAIGPT with scaled embeddings and an
untied head.
"""

from tertulia.engines.onnxruntime import step
from tertulia.engines.onnxruntime.config import Config
from tertulia.engines.onnxruntime.decoder import Decoder
from tertulia.engines.onnxruntime.gpt_layers import Layers, Shape
from tertulia.engines.onnxruntime.graph import Graph
from tertulia.engines.onnxruntime.heads import heads
from tertulia.engines.onnxruntime.weights import Checkpoint

PINGPONG = "pingpong_gpt"
MODEL_TYPES = ("openai-gpt", PINGPONG)

ACTIVATION = {"gelu": "gelu_new", "relu": "relu", "silu": "silu", "swish": "silu"}
"""Its GELU is the tanh form (transformers, modeling_openai.py)."""


def build(checkpoint: Checkpoint, *, int8: bool, window: int | None) -> Decoder:
    """The graph of one step over kept keys and values.

    window  fewer positions than the model knows, to save memory
    """
    config = Config(checkpoint)
    pingpong = config.told["model_type"] == PINGPONG
    shape = sizes(config)
    tokens, places = ("wte", "wpe") if pingpong else ("tokens_embed", "positions_embed")
    prefix = "transformer." if f"transformer.{tokens}.weight" in checkpoint else ""
    size = (shape.vocabulary, shape.width)
    embedding = checkpoint.matrix(f"{prefix}{tokens}.weight", size)
    tied = pingpong or config.flag("tie_word_embeddings", True)
    graph = Graph(int8)
    layers = Layers(graph, checkpoint, shape, prefix)
    x = step.begin(graph, shape.width)
    for layer in range(shape.layers):
        said = layers.attention(layer, x)
        x, _ = graph.skip_layer_norm(x, said, *layers.norm(f"h.{layer}.ln_1"))
        said = layers.inner(layer, x)
        x, _ = graph.skip_layer_norm(x, said, *layers.norm(f"h.{layer}.ln_2"))
    step.end(graph, x, embedding if tied else checkpoint.matrix("lm_head.weight", size))
    known = min(shape.window, window or shape.window)
    positions = checkpoint.matrix(f"{prefix}{places}.weight", (shape.window, shape.width))
    return Decoder(
        graph,
        embedding=embedding,
        layers=shape.layers,
        groups=shape.heads.groups,
        head=shape.heads.room,
        window=known,
        scale=shape.width**0.5 if pingpong else 1.0,
        positions=positions.floats()[:known],
    )


def sizes(config: Config) -> Shape:
    """Sizes as GPT's config.json names them; Pingpong's own spells n_ctx with a t."""
    width, count = config.whole("n_embd"), config.whole("n_head")
    if width % count:
        raise config.refusal("n_head", count, f"a number that divides n_embd {width}")
    return Shape(
        layers=config.whole("n_layer"),
        width=width,
        inner=config.whole("n_inner", otherwise=4 * width),
        vocabulary=config.whole("vocab_size"),
        window=config.whole("n_positions", "n_ctx", "n_ctxt"),
        eps=config.number("layer_norm_epsilon", 1e-5),
        activation=ACTIVATION[config.one_of("afn", tuple(ACTIVATION), "gelu")],
        heads=heads(config, count=count, groups=count, size=width // count),
    )
