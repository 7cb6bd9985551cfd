"""Attention heads as the kernel takes them, and one layer's attention over kept keys and values.

The kernel turns whole heads, first half against second half, and its work is cut into blocks by
their size. So the numbers of a head are laid out anew when weights are read: what is turned comes
to the halves' beginnings, what is not turned after it with an angle of zero, and zeros fill the
head up to a multiple of BLOCK. Products of queries and keys do not change by that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tertulia.engines.onnxruntime.config import Config
from tertulia.engines.onnxruntime.graph import Graph
from tertulia.engines.onnxruntime.local_window import local_window
from tertulia.engines.onnxruntime.weights import Floats, Matrix
from tertulia.errors import CheckpointError

BLOCK = 16
"""What prefill's stretches rely on; the rotating kernel takes no other heads."""

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """Weights [out, in] and perhaps a bias [out]."""

    weights: Matrix
    bias: Floats | None = None

    def picked(self, places: Places) -> "Linear":
        """The outputs of these numbers; -1 is one that is always zero."""
        bias = None if self.bias is None else np.where(places < 0, 0, self.bias[places])
        return Linear(weights=self.weights.picked(places), bias=bias)

    def part(self, first: int, last: int) -> "Linear":
        """The outputs from first to last."""
        bias = None if self.bias is None else self.bias[first:last]
        return Linear(weights=self.weights.part(first, last), bias=bias)

    def above(self, *others: "Linear") -> "Linear":
        """One layer that gives the outputs of all; either all have a bias, or none has."""
        biases = [each.bias for each in (self, *others) if each.bias is not None]
        return Linear(
            weights=self.weights.above(*(each.weights for each in others)),
            bias=np.concatenate(biases) if biases else None,
        )

    def ready(self, graph: Graph) -> "Linear":
        """In the graph's arithmetic, so that matrices put together are never floats for long."""
        return replace(self, weights=self.weights.int8()) if graph.int8 else self

    def into(self, graph: Graph, x: str) -> str:
        return graph.linear(x, self.weights, self.bias)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """Sizes of a layer's attention.

    count   query heads
    groups  key/value heads, which divide count
    size    numbers in each
    turned  how many of them rotary positions turn; 0 where there are none
    """

    count: int
    groups: int
    size: int
    turned: int = 0

    @property
    def room(self) -> int:
        """Numbers of a head in the kernel and in the cache."""
        return -(-self.size // BLOCK) * BLOCK

    @property
    def filling(self) -> float:
        """The share of a head that is not zeros of ours."""
        return self.size / self.room

    def layout(self, turned: int) -> Places:
        """Where each number of a head comes from, [room], when so many are turned; -1 is a zero."""
        half, first = self.room // 2, turned // 2
        rest = np.full(self.room - turned, -1)
        rest[: self.size - turned] = np.arange(turned, self.size)
        left, right = np.split(rest, [half - first])
        return np.concatenate((np.arange(first), left, np.arange(first, turned), right))

    def every(self, head: Places, count: int) -> Places:
        """A head's layout for so many heads one after the other."""
        starts = np.arange(count)[:, None] * self.size
        return np.where(head < 0, -1, starts + head).reshape(-1)

    def is_stored(self, head: Places) -> bool:
        """Whether a layout is that of the checkpoint."""
        return np.array_equal(head, np.arange(self.size))

    def laid(self, layer: Linear, head: Places) -> Linear:
        """A layer whose outputs are heads, in this layout."""
        if self.is_stored(head):
            return layer
        count = len(layer.weights.rows) // self.size
        return layer.picked(self.every(head, count))

    def gathered(self, weights: Matrix) -> Matrix:
        """The matrix that reads all heads' values, [width, count * size]."""
        if self.room == self.size:
            return weights
        return weights.columns(self.every(self.layout(0), self.count))

    def angles(self, turns: Floats) -> Floats:
        """Angles [window, turned / 2] as the kernel wants them, [window, room / 2]."""
        assert turns.shape[1] == self.turned // 2
        return np.pad(turns, ((0, 0), (0, self.room // 2 - turns.shape[1])))


def heads(config: Config, *, count: int, groups: int, size: int, turned: int = 0) -> Heads:
    """Heads, checked; raises CheckpointError when groups do not divide them."""
    if count % groups:
        raise CheckpointError(
            f"{config.place}: {count} heads in {groups} groups: groups must divide heads; take "
            "config.json and weights from the same model"
        )
    return Heads(count=count, groups=groups, size=size, turned=turned)


@dataclass(frozen=True, slots=True, kw_only=True)
class Norm:
    """An RMS norm of queries or keys before they are turned.

    weight  [size], for each head by itself, or [heads * size], for all of them at once
    """

    weight: Floats
    eps: float

    def into(self, graph: Graph, x: str, sizes: Heads) -> str:
        """The norm over what the head's zeros make wider: both sums are over the same numbers."""
        whole = len(self.weight) > sizes.size
        count = len(self.weight) // sizes.size
        weight = np.append(self.weight, np.float32(0))[
            sizes.every(sizes.layout(sizes.turned), count)
        ]
        weight, eps = weight * np.float32(sizes.filling**0.5), self.eps * sizes.filling
        if whole:
            return graph.rms_norm(x, weight, eps)
        split = graph.op("Reshape", x, graph.constant(np.array([0, 0, -1, sizes.room])))
        normed = graph.rms_norm(split, weight, eps)
        return graph.op("Reshape", normed, graph.constant(np.array([0, 0, -1])))


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """One layer's attention.

    query, key, value  whose outputs are heads
    out                [width, count * size]
    norms              of queries and of keys
    rotation           names of cosines and sines, [window, room / 2]
    window             positions that are seen, the own one included; all where it is None
    scale              of products; 1 / sqrt(size) where it is None
    cap                products are softly capped at; none where it is 0
    every              query, key and value as they are stored together, one after the other
    """

    query: Linear
    key: Linear
    value: Linear
    out: Linear
    every: Linear | None = None
    norms: tuple[Norm, Norm] | None = None
    rotation: tuple[str, str] | None = None
    window: int | None = None
    scale: float | None = None
    cap: float = 0.0

    def into(self, graph: Graph, x: str, sizes: Heads, layer: int) -> str:
        """The attention of x [rows, tokens, width], which also keeps keys and values."""
        cache = ("rows", sizes.groups, "room", sizes.room)
        for kind in ("key", "value"):
            graph.input(f"past_{kind}{layer}", "float32", *cache)
            graph.output(f"{kind}{layer}", "float32", *cache)
        mixed = graph.name()
        graph.ops(
            "GroupQueryAttention",
            [
                *self.inputs(graph, x, sizes),
                *(f"past_key{layer}", f"past_value{layer}", "lengths", "longest"),
                *(self.rotation or ()),
            ],
            [mixed, f"key{layer}", f"value{layer}"],
            num_heads=sizes.count,
            kv_num_heads=sizes.groups,
            **self.attributes(sizes),
        )
        weights = sizes.gathered(self.out.weights)
        return graph.linear(mixed, weights, self.out.bias)

    def inputs(self, graph: Graph, x: str, sizes: Heads) -> Sequence[str]:
        """Queries, keys and values, which travel as one where nothing happens to them."""
        layouts = sizes.layout(sizes.turned), sizes.layout(sizes.turned), sizes.layout(0)
        if self.every is not None and self.norms is None and all(map(sizes.is_stored, layouts)):
            return self.every.into(graph, x), "", ""
        query, key, value = (
            sizes.laid(each, layout).ready(graph)
            for each, layout in zip((self.query, self.key, self.value), layouts, strict=True)
        )
        if self.norms is None:
            return query.above(key, value).into(graph, x), "", ""
        normed = (
            norm.into(graph, each.into(graph, x), sizes)
            for norm, each in zip(self.norms, (query, key), strict=True)
        )
        return (*normed, value.into(graph, x))

    def attributes(self, sizes: Heads) -> dict[str, int | float]:
        told: dict[str, int | float] = {"do_rotary": int(self.rotation is not None)}
        if self.scale is not None or sizes.room != sizes.size:
            told["scale"] = float(self.scale or sizes.size**-0.5)
        if self.cap:
            told["softcap"] = self.cap
        if self.window is not None:
            told["local_window_size"] = local_window(self.window)
        return told
