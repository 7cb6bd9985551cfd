"""What a family puts into CTranslate2's specifications: layers, norms, attention, embeddings.

A specification is an object of the library whose attributes are arrays; its names are theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tertulia.checkpoints.ctranslate2.source import Model
from tertulia.checkpoints.int8 import Floats, by_row

Spec = Any
"""An object of ctranslate2.specs, which has no types."""


@dataclass(frozen=True, slots=True)
class Linear:
    """A layer's weights [out, in] and its bias [out]."""

    weight: Floats
    bias: Floats | None = None


@dataclass(frozen=True, slots=True)
class Layers:
    """Puts arrays of a model into specifications, matrices in int8 where that is wanted.

    Eight bits are made here and not by the library, which changes the arrays it is given and would
    hold the whole model in floats.
    """

    model: Model
    int8: bool

    def matrix(self, spec: Spec, weight: Floats) -> None:
        """A linear layer's or an embedding's weight; the library multiplies where we divide."""
        if not self.int8:
            spec.weight = weight
            return
        scales: list[Floats] = []
        [spec.weight] = by_row([weight], scales)
        spec.weight_scale = (1 / scales[0]).astype(np.float32)

    def linear(self, spec: Spec, layers: Sequence[Linear]) -> None:
        """Layers that read the same, one below the other; either all have a bias or none."""
        weight = (
            layers[0].weight if len(layers) == 1 else np.concatenate([e.weight for e in layers])
        )
        self.matrix(spec, weight)
        biases = [each.bias for each in layers if each.bias is not None]
        if biases:
            spec.bias = np.concatenate(biases)

    def read(self, path: str, out: int, into: int, *, bias: bool = True) -> Linear:
        """A layer that is stored as [out, in]."""
        weight = self.model.floats(f"{path}.weight", out, into)
        return Linear(weight, self.model.floats(f"{path}.bias", out) if bias else None)

    def turned(self, path: str, into: int, out: int) -> Linear:
        """A layer that is stored as [in, out], as GPT's are."""
        weight = np.ascontiguousarray(self.model.floats(f"{path}.weight", into, out).T)
        return Linear(weight, self.model.floats(f"{path}.bias", out))

    def norm(self, spec: Spec, path: str, width: int, *, bias: bool = True) -> None:
        """A layer norm, or an RMS norm, which has no bias."""
        spec.gamma = self.model.floats(f"{path}.weight", width)
        if bias:
            spec.beta = self.model.floats(f"{path}.bias", width)

    def crossed(self, spec: Spec, query: Linear, key: Linear, value: Linear, out: Linear) -> None:
        """Attention over a source."""
        self.linear(spec.linear[0], [query])
        self.linear(spec.linear[1], [key, value])
        self.linear(spec.linear[2], [out])

    def attention(self, spec: Spec, query: Linear, key: Linear, value: Linear, out: Linear) -> None:
        """Attention over what was read or said so far."""
        self.linear(spec.linear[0], [query, key, value])
        self.linear(spec.linear[1], [out])
