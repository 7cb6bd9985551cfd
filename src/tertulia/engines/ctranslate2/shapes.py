"""Whether the arrays of a model fit each other: CTranslate2 multiplies them unasked.

A matrix of another size than its neighbours would be read beyond its end, in a process that serves.
"""

import math
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from tertulia.engines.ctranslate2.model_file import Array, Contents
from tertulia.errors import CheckpointError

FLOATS = ("float32", "float16")
ATTENTION = re.compile(r"(.*)/layer_\d+/(self_attention|attention)/linear_(\d)/weight")
INNER = re.compile(r".*/ffn/linear_(0|0_noact|1)/weight")
WORDS = re.compile(r"(encoder/embeddings_0|decoder/embeddings|decoder/projection)/weight")
MOST = 1 << 20

KINDS: Mapping[str, Collection[int]] = {
    "activation": range(4),
    "pre_norm": range(2),
    "rotary_scaling_type": (0, 2),
    "alignment_heads": (1,),
    "alignment_layer": (-1,),
    **dict.fromkeys(
        ("alibi", "alibi_use_positive_positions", "scale_alibi", "start_from_zero_embedding")
        + ("embeddings_merge", "multi_query_attention", "rotary_interleave"),
        (0,),
    ),
}
"""Single numbers that name a way of computing, and the ways of the models that are converted."""

COUNTS = frozenset(
    ("num_heads", "num_heads_kv", "head_dim", "rotary_dim", "relative_attention_max_distance")
    + ("original_max_position_embeddings",)
)
FACTORS = frozenset(
    ("queries_scale", "scale_outputs", "rotary_base", "rotary_scaling_factor")
    + ("rotary_low_freq_factor", "rotary_high_freq_factor")
)


class Shapes:
    """The arrays of a model, to be compared.

    width, vocabulary  of the embeddings
    """

    def __init__(self, folder: Path, contents: Contents) -> None:
        self.folder, self.arrays = folder, contents.arrays
        self.kind = contents.kind
        words = self.matrix("decoder/embeddings/weight")
        self.vocabulary, self.width = words

    def check(self) -> None:
        """Raises CheckpointError for the first array that does not fit."""
        for name, array in self.arrays.items():
            end = name.rpartition("/")[2]
            if end == "weight":
                self.check_matrix(name)
            elif end in SIDES:
                self.check_side(name, array, end)
            elif array.value is None:
                raise self.wrong(name, "a single number")
            else:
                self.check_number(name, array.value)

    def stacks(self) -> tuple[str, ...]:
        return ("encoder", "decoder") if self.kind == "TransformerSpec" else ("decoder",)

    def check_matrix(self, name: str) -> None:
        """A layer's or an embedding's."""
        shape = self.matrix(name)
        if WORDS.fullmatch(name):
            fits = shape == (self.vocabulary, self.width)
        elif found := ATTENTION.fullmatch(name):
            fits = shape == self.attention(name, found[1], found[2], int(found[3]))
        elif found := INNER.fullmatch(name):
            inner = self.matrix(name.rpartition("/linear_")[0] + "/linear_0/weight")[0]
            fits = shape == ((self.width, inner) if found[1] == "1" else (inner, self.width))
        else:
            raise self.wrong(name, "an array that is known")
        if not fits:
            raise self.wrong(name, "of another shape")

    def attention(self, name: str, stack: str, kind: str, part: int) -> tuple[int, int]:
        """The shape that one layer of an attention must have."""
        path = name.rpartition("/linear_")[0]
        out = 1 if kind == "self_attention" else 2
        wide = self.matrix(f"{path}/linear_{out}/weight")[1]
        count = self.number(f"{stack}/num_heads")
        groups = self.number(f"{path}/num_heads_kv", count)
        if not count or wide % count or not 0 < groups <= count or count % groups:
            raise self.wrong(name, f"for {count} heads")
        if self.number(f"{path}/head_dim", wide // count) != wide // count:
            raise self.wrong(f"{path}/head_dim", f"{wide // count}")
        narrow = wide // count * groups
        if part == out:
            return self.width, wide
        if kind == "self_attention":
            return wide + 2 * narrow, self.width
        return (wide if part == 0 else 2 * narrow), self.width

    def check_side(self, name: str, array: Array, end: str) -> None:
        """A scale, a bias, a norm or a table, which belongs to a matrix or to the width."""
        path = name.rpartition("/")[0]
        if array.dtype not in FLOATS:
            raise self.wrong(name, "of floats")
        if end in ("weight_scale", "bias"):
            wanted: tuple[int, ...] = self.matrix(f"{path}/weight")[:1]
        elif end == "encodings":
            wanted = (*array.shape[:1], self.width)
        elif end == "relative_attention_bias":
            wanted = (*array.shape[:1], self.number(f"{path.split('/')[0]}/num_heads"))
        else:
            wanted = (self.width,)
        if array.shape != wanted:
            raise self.wrong(name, str(list(wanted)))

    def check_number(self, name: str, value: float) -> None:
        """A single number, which says how arrays are to be read."""
        end = name.rpartition("/")[2]
        allowed = (
            value in KINDS[end]
            if end in KINDS
            else (end in COUNTS and 0 < value < MOST and value == int(value))
            or (end in FACTORS and 0 < value < math.inf)
            or (end == "scale_embeddings" and 0 <= value < math.inf)
        )
        if not allowed:
            raise self.wrong(name, "a number that is known")
        if end == "rotary_dim":
            path, stack = name.rpartition("/")[0], name.partition("/")[0]
            head = self.matrix(f"{path}/linear_1/weight")[1] // self.number(f"{stack}/num_heads")
            if value % 2 or value > head:
                raise self.wrong(name, f"even, and no more than {head}")

    def matrix(self, name: str) -> tuple[int, int]:
        """The shape of a matrix that must be there, in int8 only with its scales."""
        array = self.arrays.get(name)
        if array is None or len(array.shape) != 2 or not all(array.shape):
            raise self.wrong(name, "a matrix")
        if array.dtype not in FLOATS and (
            array.dtype != "int8" or f"{name}_scale" not in self.arrays
        ):
            raise self.wrong(name, "of floats, or int8 with its scales")
        return array.shape[0], array.shape[1]

    def number(self, name: str, otherwise: int = 0) -> int:
        array = self.arrays.get(name)
        return otherwise if array is None or array.value is None else int(array.value)

    def rows(self, name: str) -> int | None:
        """Rows of a table, None where there is none."""
        array = self.arrays.get(name)
        return array.shape[0] if array is not None and array.shape else None

    def wrong(self, name: str, wanted: str) -> CheckpointError:
        array = self.arrays.get(name)
        told = "missing" if array is None else f"{list(array.shape)} {array.dtype}"
        if array is not None and array.value is not None:
            told = f"{array.value:g}"
        return CheckpointError(
            f"{self.folder}: {name[:80]!r} is {told}, must be {wanted}: the model is damaged, or "
            "was not made by `tertulia convert --for ctranslate2`; convert it again"
        )


SIDES = frozenset(("weight_scale", "bias", "gamma", "beta", "encodings", "relative_attention_bias"))
"""Ends of the names of arrays that are no matrices and no single numbers."""


def known(shapes: Shapes, told: Mapping[str, int | None]) -> dict[str, int | None]:
    """Positions that the tables have room for, by stack; config.json may say less, never more."""
    found: dict[str, int | None] = {}
    for stack in shapes.stacks():
        rows = shapes.rows(f"{stack}/position_encodings/encodings")
        some = [each for each in (rows, told.get(stack)) if each is not None]
        found[stack] = min(some, default=None)
    return found
