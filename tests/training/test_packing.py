"""training/packing.py: many lengths into rows of one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tertulia.training import packing
from tertulia.training.masking import Tokens


@given(st.lists(st.integers(1, 40), max_size=60))
def test_every_example_that_fits_is_in_one_row_and_no_row_is_too_long(lengths: list[int]) -> None:
    rows = packing.bins(lengths, 32)
    placed = sorted(index for row in rows for index in row)
    assert placed == [index for index, length in enumerate(lengths) if length <= 32]
    assert all(sum(lengths[index] for index in row) <= 32 for row in rows)


def test_rows_keep_ids_and_say_which_are_learned() -> None:
    examples = [Tokens([1, 5, 6], [False, True, True]), Tokens([1, 7], [False, True])]
    rows = packing.pack(examples, width=6, pad=0)
    assert (rows % packing.LEARNED).tolist() == [[1, 5, 6, 1, 7, 0]]
    assert (rows >= packing.LEARNED).tolist() == [[False, True, True, False, True, False]]
    assert rows.dtype == np.uint16
