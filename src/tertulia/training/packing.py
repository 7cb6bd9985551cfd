"""Examples of many lengths into rows of one length, so that a compiled step sees fixed shapes."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tertulia.training.masking import Tokens

LEARNED = 0x8000
"""Bit of a stored token that says it counts in the loss; the lower 15 bits are the id."""

Rows = npt.NDArray[np.uint16]


def bins(lengths: Sequence[int], width: int) -> list[list[int]]:
    """Indices of examples by row, best fit, longest first; an example longer than a row is out.

    Source: Johnson (1973), best-fit decreasing: within 2/9 of the fewest rows possible.
    """
    room: list[list[int]] = [[] for _ in range(width + 1)]  # free tokens -> open rows
    rows: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda each: -lengths[each]):
        size = lengths[index]
        if size > width:
            continue
        free = next((free for free in range(size, width + 1) if room[free]), None)
        if free is None:
            rows.append([index])
            room[width - size].append(len(rows) - 1)
        else:
            row = room[free].pop()
            rows[row].append(index)
            room[free - size].append(row)
    return rows


def pack(examples: Sequence[Tokens], width: int, pad: int) -> Rows:
    """Rows [row, width] of stored tokens, padded on the right; pads are never learned."""
    filled = bins([len(each.ids) for each in examples], width)
    rows = np.full((len(filled), width), pad, dtype=np.uint16)
    for number, members in enumerate(filled):
        place = 0
        for example in (examples[index] for index in members):
            stored = [
                token | (LEARNED if learned else 0)
                for token, learned in zip(example.ids, example.learned, strict=True)
            ]
            rows[number, place : place + len(stored)] = stored
            place += len(stored)
    return rows
