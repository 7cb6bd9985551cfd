"""The graph that Llama, Mistral, Qwen, Gemma, Phi-3, SmolLM3, OLMo and StableLM share.

Rotary positions, a gated layer behind the attention, norms before or after either. A family's file
says in a Style what is its own.
"""

import numpy as np

from tertulia.engines.onnxruntime import rotary
from tertulia.engines.onnxruntime.config import Config
from tertulia.engines.onnxruntime.decoder import Decoder
from tertulia.engines.onnxruntime.graph import Graph
from tertulia.engines.onnxruntime.rotary_layers import Layers
from tertulia.engines.onnxruntime.style import Shape, Style
from tertulia.engines.onnxruntime.weights import Checkpoint


def assemble(
    checkpoint: Checkpoint, config: Config, shape: Shape, style: Style, *, int8: bool, known: int
) -> Decoder:
    """Every layer, then the head for the rows that are asked for.

    known  positions there is room for
    """
    graph = Graph(int8)
    size = (shape.vocabulary, shape.width)
    embedding = checkpoint.matrix("model.embed_tokens.weight", size)
    head = embedding if style.tied else checkpoint.matrix("lm_head.weight", size)
    x = graph.input("x", "float32", "rows", "tokens", shape.width)
    graph.input("places", "int64", "asked")
    graph.input("lengths", "int32", "rows")
    graph.input("longest", "int32")
    tables = rotations(graph, config, shape, style, known)
    layers, said = Layers(graph, checkpoint, shape, style, tables), ""
    for layer in range(shape.layers):
        x, said = layers.attention(layer, x, said)
        x, said = layers.gated(layer, x, said)
    normed, _ = layers.joined(x, said, "model.norm")
    flat = graph.op("Reshape", normed, graph.constant(np.array([-1, shape.width])))
    asked = graph.op("Gather", flat, "places", axis=0)
    logits = graph.linear(asked, head, to="" if style.last_cap else "logits")
    if style.last_cap:
        graph.softcap(logits, style.last_cap, to="logits")
    graph.output("logits", "float32", "asked", shape.vocabulary)
    return Decoder(
        graph,
        embedding=embedding,
        layers=shape.layers,
        groups=shape.heads.groups,
        head=shape.heads.room,
        window=known,
        scale=style.embedded,
    )


def rotations(
    graph: Graph, config: Config, shape: Shape, style: Style, known: int
) -> dict[str, tuple[str, str]]:
    """Names of the cosines and sines of the rotations that layers use."""
    found = {}
    for name in dict.fromkeys(style.rotated):
        if name in style.rotations:
            told, sizes = style.rotations[name], shape.heads
            turns = sizes.angles(rotary.angles(told, sizes.turned, known, config))
            found[name] = graph.constant(np.cos(turns)), graph.constant(np.sin(turns))
    return found
