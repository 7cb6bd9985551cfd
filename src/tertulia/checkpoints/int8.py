"""Weights in eight bits: how tertulia-mini is shipped, and what `tertulia convert` makes.

A matrix NAME [out, in] is an int8 array NAME of the same shape and a float32 array NAME_scale
[out]: symmetric, scale = largest magnitude of the row / 127, so that W is about int8 x scale. That
is how an embedding lies, whose rows are looked up. A layer's matrix is NAME_columns [in, out], the
same numbers turned, with the same NAME_scale: kernels read them so, straight from the file. A
matrix that its family stores as [in, out] (GPT-2's Conv1D) has a scale for each output too,
NAME_scale [1, out]: the scale's shape says which it is, and the product is the same one. An
embedding that is the head as well lies both ways, since turning it takes time and memory whenever
the model is opened.

config.json says `"quantization": "int8_per_row"`.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tertulia.checkpoints.folder import config
from tertulia.errors import CheckpointError

SCHEME = "int8_per_row"
SUFFIX = "_scale"
COLUMNS = "_columns"

TURNED_ROWS = 32
"""Turned at once: they stay in the nearest cache, which makes it five times as fast."""

Floats = NDArray[np.float32]
Blocks = Callable[[], Iterable[Floats]]
"""Reads a matrix from its beginning, some rows at a time."""


def scales(largest: Floats) -> Floats:
    """Of rows or columns with these largest magnitudes; 1 for zeros.

    Raises FloatingPointError for NaN and infinity.
    """
    if not np.isfinite(largest).all():
        raise FloatingPointError("holds NaN or infinity")
    return np.where(largest > 0, largest / np.float32(127), np.float32(1)).astype(np.float32)


def by_row(blocks: Iterable[Floats], kept: list[Floats]) -> Iterator[NDArray[np.int8]]:
    """Blocks of rows as int8; their scales, each [rows of the block], are put into `kept`."""
    for block in blocks:
        kept.append(scales(np.abs(block).max(axis=1, initial=0)))
        yield rounded(block, kept[-1][:, None])


def columns(rows: Iterable[NDArray[np.int8]], shape: tuple[int, int]) -> NDArray[np.int8]:
    """Blocks of the rows of a matrix [out, in] = shape, turned: [in, out]."""
    turned = np.empty(shape[::-1], np.int8)
    first = 0
    for block in rows:
        for start in range(0, len(block), TURNED_ROWS):
            some = block[start : start + TURNED_ROWS]
            turned[:, first : first + len(some)] = some.T
            first += len(some)
    return turned


def by_column(blocks: Blocks, columns: int, kept: list[Floats]) -> Iterator[NDArray[np.int8]]:
    """The same with one scale for each column, [1, columns]; the matrix is read twice."""
    largest = np.zeros((1, columns), np.float32)
    for block in blocks():
        np.maximum(largest, np.abs(block).max(axis=0, initial=0, keepdims=True), out=largest)
    kept.append(scales(largest))
    for block in blocks():
        yield rounded(block, kept[-1])


def rounded(block: Floats, scale: Floats) -> NDArray[np.int8]:
    steps = block / scale
    np.rint(steps, out=steps)
    return steps.astype(np.int8)


def expand(source: Path, target: Path) -> None:
    """A folder of int8 weights as one of float32 that loads in transformers, tokenizer included.

    target  does not exist, or is an empty folder

    Raises CheckpointError when the source is not in this scheme.
    """
    from tertulia.checkpoints import convert

    if config(source).get("quantization") != SCHEME:
        raise CheckpointError(
            f"{source}/config.json does not say quantization {SCHEME!r}: its weights are not in"
            " eight bits, load them as they are"
        )
    convert.convert(convert.planned(source, target, "float32"))
