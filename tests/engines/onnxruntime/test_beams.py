"""The best continuations of beams, found without sorting a vocabulary."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tertulia.decoding import Decoding
from tertulia.engines.onnxruntime.beams import Beams


def beams(rows: int, ends: int = 1) -> Beams:
    decoding = Decoding(temperature=0.0, beams=rows)
    request: Any = SimpleNamespace(decoding=decoding, most=8, ends=frozenset(range(ends)))
    return Beams(request, ticket=1, started=0.0, cached=0)


@pytest.mark.parametrize("rows", [1, 3, 10])
def test_they_are_those_of_a_full_sort_and_equals_come_in_their_order(rows: int) -> None:
    chance = np.random.default_rng(rows)
    for _ in range(50):
        totals = chance.integers(-40, 0, rows * 5000).astype(np.float32)
        sorted_whole = np.argsort(-totals, kind="stable")
        found = beams(rows).best(totals)
        assert found.tolist() == sorted_whole[: 2 * rows].tolist()


def test_where_rules_leave_fewer_than_wanted_the_forbidden_ones_come_last() -> None:
    totals = np.full(3 * 700, -np.inf, np.float32)
    totals[[1500, 40]] = -1.0, -2.0
    found = beams(3, ends=4).best(totals)
    assert len(found) == 15
    assert found[:2].tolist() == [1500, 40]
    assert np.isinf(totals[found[2:]]).all()
