"""The graph that Llama, Mistral, Qwen, Gemma, Phi-3, SmolLM3, OLMo and StableLM share.

Rotary positions, a gated layer behind the attention, norms before or after either. A family's file
says in a Style what is its own.
"""

import numpy as np

from tertulia.engines.onnxruntime import rotary, step
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
    x = step.begin(graph, shape.width)
    tables = rotations(graph, config, shape, style, known)
    layers, said = Layers(graph, checkpoint, shape, style, tables), ""
    for layer in range(shape.layers):
        x, said = layers.attention(layer, x, said)
        x, said = layers.gated(layer, x, said)
    normed, _ = layers.joined(x, said, "model.norm")
    step.end(graph, normed, head, style.last_cap)
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
            turns = sizes.angles(rotary.angles(told, sizes.size, known, config))
            found[name] = graph.constant(np.cos(turns)), graph.constant(np.sin(turns))
    return found
