"""T5 (COSMO, GODEL, Flan-T5): relative positions, RMS norms, an encoder and a decoder.

Source: Raffel et al. (2020), arXiv:1910.10683; transformers, modeling_t5.py. Two sorts go by this
name. The original has one layer with ReLU before each `wo`, and its head is the embedding, before
which the last x is scaled by d ** -0.5. Version 1.1 has a gate with GELU, a head of its own, and
no scale. Keys and queries are never scaled.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tertulia.engines.onnxruntime import cross_attention, step
from tertulia.engines.onnxruntime.config import Config
from tertulia.engines.onnxruntime.cross_attention import Projections
from tertulia.engines.onnxruntime.decoder import Decoder
from tertulia.engines.onnxruntime.embedding import Embedding
from tertulia.engines.onnxruntime.encoder import Encoder
from tertulia.engines.onnxruntime.graph import ACTIVATIONS, Graph
from tertulia.engines.onnxruntime.heads import Heads, Linear
from tertulia.engines.onnxruntime.start import start
from tertulia.engines.onnxruntime.weights import Checkpoint, Floats, Matrix

MODEL_TYPES = ("t5",)
WINDOW = 512
"""Tokens it was trained with. Relative positions have no end, so a larger window is allowed."""

UNSCALED = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Sizes of one checkpoint.

    encoder, decoder  their numbers of layers
    buckets, far      distances are told apart by so many buckets; from `far` on all share one
    gated             the layer before `wo` is two, one of which opens the other
    """

    encoder: int
    decoder: int
    width: int
    inner: int
    vocabulary: int
    heads: Heads
    buckets: int
    far: int
    eps: float
    activation: str
    gated: bool


@dataclass(frozen=True, slots=True)
class Layers:
    """A checkpoint's layers, read for a graph that grows by one at a time.

    stack  "encoder" or "decoder"
    """

    graph: Graph
    checkpoint: Checkpoint
    shape: Shape
    stack: str

    def projections(self, layer: int, part: int, kind: str) -> Projections:
        """Those of SelfAttention or EncDecAttention."""
        path = f"{self.stack}.block.{layer}.layer.{part}.{kind}"
        wide, width = self.shape.heads.count * self.shape.heads.size, self.shape.width
        return Projections(
            query=self.linear(f"{path}.q", wide, width),
            key=self.linear(f"{path}.k", wide, width),
            value=self.linear(f"{path}.v", wide, width),
            out=self.linear(f"{path}.o", width, wide),
        )

    def linear(self, path: str, out: int, into: int) -> Linear:
        return Linear(weights=self.checkpoint.matrix(f"{path}.weight", (out, into)))

    def inner(self, layer: int, part: int, x: str) -> str:
        """wo(act(wi(x))), or wo(act(wi_0(x)) * wi_1(x))."""
        path = f"{self.stack}.block.{layer}.layer.{part}.DenseReluDense"
        inner, width = self.shape.inner, self.shape.width
        names = ("wi_0", "wi_1") if self.shape.gated else ("wi",)
        first, *gate = (
            self.linear(f"{path}.{name}", inner, width).into(self.graph, x) for name in names
        )
        active = ACTIVATIONS[self.shape.activation](self.graph, first)
        wide = self.graph.op("Mul", active, *gate) if gate else active
        return self.linear(f"{path}.wo", width, inner).into(self.graph, wide)

    def norm(self, layer: int, part: int) -> Floats:
        """The weight of the norm before this part of a layer; behind the last, the last norm's."""
        stacked = getattr(self.shape, self.stack)
        path = f"{self.stack}.block.{layer}.layer.{part}.layer_norm"
        path = path if layer < stacked else f"{self.stack}.final_layer_norm"
        return self.checkpoint.vector(f"{path}.weight", self.shape.width)

    def into(self, x: str, *parts: Callable[[int, str], str], last: float = 1.0) -> str:
        """All layers over x, each made of these parts, and the last norm times `last`."""
        graph, eps = self.graph, self.shape.eps
        normed = graph.rms_norm(x, self.norm(0, 0), eps)
        count = getattr(self.shape, self.stack)
        for layer in range(count):
            for n, part in enumerate(parts):
                after = (layer, n + 1) if n + 1 < len(parts) else (layer + 1, 0)
                weight = self.norm(*after)
                if after[0] == count:
                    weight = weight * np.float32(last)
                normed, x = graph.skip_rms_norm(x, part(layer, normed), weight, eps)
        return normed


def build(checkpoint: Checkpoint, *, int8: bool, window: int | None) -> Decoder:
    """The graphs of an encoder and of one step behind it.

    window  tokens that the encoder reads, and that the decoder says; what config.json has as
            n_positions, or else 512, where it is None
    """
    config = Config(checkpoint)
    shape = sizes(config)
    known = window or config.whole("n_positions", otherwise=WINDOW)
    table = shape.vocabulary, shape.width
    words = checkpoint.matrix("shared.weight", table)
    head = checkpoint.matrix("lm_head.weight", table) if "lm_head.weight" in checkpoint else words
    encoder, decoder = Graph(int8), Graph(int8)
    encode(Layers(encoder, checkpoint, shape, "encoder"))
    decode(Layers(decoder, checkpoint, shape, "decoder"), head, scaled(config))
    tokens, forced = start(checkpoint)
    away = np.arange(1 - known, known)
    return Decoder(
        decoder,
        embedding=words,
        layers=shape.decoder,
        groups=shape.heads.count,
        head=shape.heads.room,
        window=known,
        bias=biases(checkpoint, shape, "decoder", -np.arange(known)),
        encoder=Encoder(
            encoder,
            Embedding(words),
            window=known,
            start=tokens,
            forced=forced,
            bias=biases(checkpoint, shape, "encoder", away),
        ),
    )


def encode(layers: Layers) -> None:
    """The encoder's graph: x and bias become keys and values of every layer of the decoder."""
    graph, shape = layers.graph, layers.shape
    x = graph.input("x", "float32", 1, "tokens", shape.width)
    graph.input("bias", "float32", 1, shape.heads.count, "tokens", "tokens")

    def attention(layer: int, x: str) -> str:
        parts = layers.projections(layer, 0, "SelfAttention")
        return cross_attention.of_source(graph, x, parts, shape.heads, UNSCALED, "bias")

    read = layers.into(x, attention, lambda layer, x: layers.inner(layer, 1, x))
    decoder = Layers(graph, layers.checkpoint, shape, "decoder")
    for layer in range(shape.decoder):
        parts = decoder.projections(layer, 1, "EncDecAttention")
        cross_attention.keep_source(graph, read, parts, shape.heads, layer)


def decode(layers: Layers, head: Matrix, scaled: bool) -> None:
    """The decoder's graph."""
    graph, shape = layers.graph, layers.shape
    x = step.begin(graph, shape.width)
    cross_attention.begin(graph, shape.heads, biased=True)

    def said(layer: int, x: str) -> str:
        parts = layers.projections(layer, 0, "SelfAttention")
        return cross_attention.over_said(graph, x, parts, shape.heads, UNSCALED, layer, "bias")

    def source(layer: int, x: str) -> str:
        parts = layers.projections(layer, 1, "EncDecAttention")
        return cross_attention.over_source(graph, x, parts, shape.heads, UNSCALED, layer)

    last = float(shape.width**-0.5) if scaled else 1.0
    x = layers.into(x, said, source, lambda layer, x: layers.inner(layer, 2, x), last=last)
    step.end(graph, x, head)


def scaled(config: Config) -> bool:
    """Whether logits are scaled by d ** -0.5.

    transformers reads it off tie_word_embeddings, which version 1.1 has false, and writes it down
    as scale_decoder_outputs since version 5, in which every config.json says it is tied.
    """
    tied = config.flag("tie_word_embeddings", True)
    return config.flag("scale_decoder_outputs", tied)


def biases(checkpoint: Checkpoint, shape: Shape, stack: str, away: NDArray[np.int64]) -> Floats:
    """What is added to products of queries and keys, [heads, distances].

    away  how far the key is behind the query, negative before it
    """
    name = f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
    table = checkpoint.matrix(name, (shape.buckets, shape.heads.count)).floats()
    found = bucket(away, shape.buckets, shape.far, both=stack == "encoder")
    return np.ascontiguousarray(table[found].T)


def bucket(away: NDArray[np.int64], buckets: int, far: int, *, both: bool) -> NDArray[np.int64]:
    """Buckets of distances: one each for the near half, then wider and wider ones.

    both  half of the buckets are for keys behind the query; none are otherwise

    Source: transformers, modeling_t5.py, _relative_position_bucket, float32 like there.
    """
    half = buckets // 2 if both else buckets
    distance = np.abs(away) if both else np.maximum(-away, 0)
    near = half // 2
    ratio = np.log(np.maximum(distance, near).astype(np.float32) / np.float32(near))
    share = ratio / np.float32(np.log(far / near)) * np.float32(half - near)
    wide = np.minimum(near + share.astype(np.int64), half - 1)
    first = half * (away > 0) if both else 0
    return first + np.where(distance < near, distance, wide)


def sizes(config: Config) -> Shape:
    """What config.json says; raises CheckpointError for what these graphs cannot do."""
    layers, heads = config.whole("num_layers", otherwise=6), config.whole("num_heads", otherwise=8)
    kind = config.get("feed_forward_proj", "relu")
    gated, _, name = str(kind).rpartition("-")
    name = "gelu_new" if kind == "gated-gelu" else name
    if gated not in ("", "gated") or name not in ACTIVATIONS:
        raise config.refusal("feed_forward_proj", kind, "relu and gated-gelu")
    return Shape(
        encoder=layers,
        decoder=config.whole("num_decoder_layers", otherwise=layers),
        width=config.whole("d_model", otherwise=512),
        inner=config.whole("d_ff", otherwise=2048),
        vocabulary=config.whole("vocab_size", otherwise=32128),
        heads=Heads(count=heads, groups=heads, size=config.whole("d_kv", otherwise=64)),
        buckets=config.whole("relative_attention_num_buckets", otherwise=32),
        far=config.whole("relative_attention_max_distance", otherwise=128),
        eps=config.number("layer_norm_epsilon", 1e-6),
        activation=name,
        gated=gated == "gated",
    )
