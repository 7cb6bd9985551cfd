"""What a first layer reads: rows of an embedding, scaled, perhaps normed, with their positions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tertulia.engines.onnxruntime.weights import Floats, Matrix

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class WordNorm:
    """A layer norm (arXiv:1607.06450) of rows before positions are added to them."""

    weight: Floats
    bias: Floats
    eps: float

    def __call__(self, rows: Floats) -> Floats:
        centred = rows - rows.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + np.float32(self.eps))
        normed: Floats = centred / spread * self.weight + self.bias
        return normed


@dataclass(frozen=True, slots=True)
class Embedding:
    """Rows by token.

    words      [vocabulary, width]
    scale      what they are multiplied by, as in Vaswani et al. (2017), 3.4
    positions  [window, width], added to these rows; None where the graph turns or biases instead
    norm       of the rows, before positions are added
    """

    words: Matrix
    scale: float = 1.0
    positions: Floats | None = None
    norm: WordNorm | None = None

    def look_up(self, ids: Ids, kept: NDArray[np.int32]) -> Floats:
        """[rows, tokens, width].

        ids   [rows, tokens]
        kept  [rows], positions before them
        """
        x = self.words.rows[ids].astype(np.float32)
        if self.words.scale is not None:
            x *= self.words.scale[ids][..., None]
        if self.scale != 1.0:
            x *= np.float32(self.scale)
        if self.norm is not None:
            x = self.norm(x)
        if self.positions is not None:
            x += self.positions[kept[:, None] + np.arange(ids.shape[1])]
        return x
