"""GPT-NeoX (Pythia, Polyglot-Ko): layer norms, a part of each head turned, two layers at once."""

from dataclasses import dataclass

import numpy as np

from tertulia.engines.onnxruntime import rotary, step
from tertulia.engines.onnxruntime.config import Config
from tertulia.engines.onnxruntime.decoder import Decoder
from tertulia.engines.onnxruntime.graph import ACTIVATIONS, Graph
from tertulia.engines.onnxruntime.heads import Attention, Linear
from tertulia.engines.onnxruntime.style import Shape, sizes
from tertulia.engines.onnxruntime.weights import Checkpoint, Floats

MODEL_TYPES = ("gpt_neox",)

TURNED, THETA = 0.25, 10_000.0
"""The share of a head and the base, where config.json does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """A graph that grows by a layer at a time.

    tables    names of cosines and sines
    biased    the attention's linear layers have biases
    together  a layer's attention and its two linear layers read the same sum
    """

    graph: Graph
    checkpoint: Checkpoint
    shape: Shape
    tables: tuple[str, str]
    activation: str
    biased: bool
    together: bool

    def add(self, layer: int, x: str) -> str:
        """The sum x with what one more layer adds to it."""
        graph, path = self.graph, f"gpt_neox.layers.{layer}"
        after = self.norm(f"{path}.post_attention_layernorm")
        seen = graph.layer_norm(x, *self.norm(f"{path}.input_layernorm"))
        said = self.attention(layer, seen, f"{path}.attention")
        if self.together:
            normed, x = graph.layer_norm(x, *after), graph.op("Add", x, said)
        else:
            normed, x = graph.skip_layer_norm(x, said, *after)
        return graph.op("Add", x, self.inner(normed, f"{path}.mlp"))

    def attention(self, layer: int, x: str, path: str) -> str:
        """Each head's query, key and value follow one another in one matrix."""
        sizes, width = self.shape.heads, self.shape.width
        every = self.linear(f"{path}.query_key_value", width, 3 * width, self.biased)
        places = np.arange(3 * width).reshape(sizes.count, 3, sizes.size)
        query, key, value = (every.picked(places[:, n].reshape(-1)) for n in range(3))
        out = self.linear(f"{path}.dense", width, width, self.biased)
        attention = Attention(query=query, key=key, value=value, out=out, rotation=self.tables)
        return attention.into(self.graph, x, sizes, layer)

    def inner(self, x: str, path: str) -> str:
        width, inner = self.shape.width, self.shape.inner
        wide = self.linear(f"{path}.dense_h_to_4h", width, inner).into(self.graph, x)
        active = ACTIVATIONS[self.activation](self.graph, wide)
        return self.linear(f"{path}.dense_4h_to_h", inner, width).into(self.graph, active)

    def norm(self, path: str) -> tuple[Floats, Floats, float]:
        """A layer norm's weight, bias and epsilon."""
        width = self.shape.width
        weight = self.checkpoint.vector(f"{path}.weight", width)
        return weight, self.checkpoint.vector(f"{path}.bias", width), self.shape.eps

    def linear(self, path: str, into: int, out: int, biased: bool = True) -> Linear:
        return Linear(
            weights=self.checkpoint.matrix(f"{path}.weight", (out, into)),
            bias=self.checkpoint.vector(f"{path}.bias", out) if biased else None,
        )


def build(checkpoint: Checkpoint, *, int8: bool, window: int | None) -> Decoder:
    """The graph of one step over kept keys and values.

    window  fewer positions than the model knows, to save memory
    """
    config, graph = Config(checkpoint), Graph(int8)
    turned = config.number("rotary_pct", TURNED)
    shape = sizes(config, turned=turned, eps_key="layer_norm_eps", eps=1e-5)
    config.only(num_key_value_heads=None, head_dim=None)
    known = shape.known(window)
    told = rotary.parameters(config, theta=config.number("rotary_emb_base", THETA), part=turned)
    turns = shape.heads.angles(rotary.angles(told, shape.heads.size, known, config))
    size = (shape.vocabulary, shape.width)
    embedding = head = checkpoint.matrix("gpt_neox.embed_in.weight", size)
    if not config.flag("tie_word_embeddings"):
        name = "embed_out.weight" if "embed_out.weight" in checkpoint else "lm_head.weight"
        head = checkpoint.matrix(name, size)
    x = step.begin(graph, shape.width)
    layers = Layers(
        graph=graph,
        checkpoint=checkpoint,
        shape=shape,
        tables=(graph.constant(np.cos(turns)), graph.constant(np.sin(turns))),
        activation=config.one_of("hidden_act", tuple(ACTIVATIONS), "gelu"),
        biased=config.flag("attention_bias", True),
        together=config.flag("use_parallel_residual", True),
    )
    for layer in range(shape.layers):
        x = layers.add(layer, x)
    step.end(graph, graph.layer_norm(x, *layers.norm("gpt_neox.final_layer_norm")), head)
    return Decoder(
        graph,
        embedding=embedding,
        layers=shape.layers,
        groups=shape.heads.groups,
        head=shape.heads.room,
        window=known,
    )
