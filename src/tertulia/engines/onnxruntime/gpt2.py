"""GPT-2 (DialoGPT, PersonaGPT): a table of positions, layer norms in front of either layer."""

from tertulia.engines.onnxruntime import step
from tertulia.engines.onnxruntime.config import Config
from tertulia.engines.onnxruntime.decoder import Decoder
from tertulia.engines.onnxruntime.gpt_layers import Layers, Shape
from tertulia.engines.onnxruntime.graph import ACTIVATIONS, Graph
from tertulia.engines.onnxruntime.heads import heads
from tertulia.engines.onnxruntime.weights import Checkpoint

MODEL_TYPES = ("gpt2",)


def build(checkpoint: Checkpoint, *, int8: bool, window: int | None) -> Decoder:
    """The graph of one step over kept keys and values.

    window  fewer positions than the model knows, to save memory
    """
    config = Config(checkpoint)
    # reorder_and_upcast_attn is another way to the same numbers in float32.
    config.only(add_cross_attention=False)
    shape = sizes(config)
    prefix = "transformer." if "transformer.wte.weight" in checkpoint else ""
    size = (shape.vocabulary, shape.width)
    embedding = checkpoint.matrix(f"{prefix}wte.weight", size)
    tied = config.flag("tie_word_embeddings", True)
    graph = Graph(int8)
    layers = Layers(graph, checkpoint, shape, prefix)
    x = step.begin(graph, shape.width)
    normed = graph.layer_norm(x, *layers.norm("h.0.ln_1"))
    for layer in range(shape.layers):
        said = layers.attention(layer, normed, scale(config, shape, layer))
        normed, x = graph.skip_layer_norm(x, said, *layers.norm(f"h.{layer}.ln_2"))
        said = layers.inner(layer, normed)
        after = f"h.{layer + 1}.ln_1" if layer + 1 < shape.layers else "ln_f"
        normed, x = graph.skip_layer_norm(x, said, *layers.norm(after))
    step.end(graph, normed, embedding if tied else checkpoint.matrix("lm_head.weight", size))
    known = min(shape.window, window or shape.window)
    positions = checkpoint.matrix(f"{prefix}wpe.weight", (shape.window, shape.width))
    return Decoder(
        graph,
        embedding=embedding,
        layers=shape.layers,
        groups=shape.heads.groups,
        head=shape.heads.room,
        window=known,
        positions=positions.floats()[:known],
    )


def sizes(config: Config) -> Shape:
    """Sizes as GPT-2's config.json names them."""
    width, count = config.whole("n_embd"), config.whole("n_head")
    if width % count:
        raise config.refusal("n_head", count, f"a number that divides n_embd {width}")
    return Shape(
        layers=config.whole("n_layer"),
        width=width,
        inner=config.whole("n_inner", otherwise=4 * width),
        vocabulary=config.whole("vocab_size"),
        window=config.whole("n_positions", "n_ctx"),
        eps=config.number("layer_norm_epsilon", 1e-5),
        activation=config.one_of("activation_function", tuple(ACTIVATIONS), "gelu_new"),
        heads=heads(config, count=count, groups=count, size=width // count),
    )


def scale(config: Config, shape: Shape, layer: int) -> float | None:
    """What products of queries and keys are multiplied by; None for 1 / sqrt(head)."""
    usual = config.flag("scale_attn_weights", True)
    by_layer = config.flag("scale_attn_by_inverse_layer_idx")
    if usual and not by_layer:
        return None
    found = shape.heads.size**-0.5 if usual else 1.0
    return found / (layer + 1) if by_layer else found
