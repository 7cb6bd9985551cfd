"""What Decoding allows at its very edges, an engine does: finite, in time, within its limits."""

import math
from typing import Any

import pytest
from tests.contracts.test_every_engine import prompt

from tertulia.decoding import RANGES, Decoding
from tertulia.engines import Engine
from tertulia.errors import PromptTooLong, UnsupportedDecoding

TINIEST = (1e-320, 5e-324, 1e-45, 1e-38, 1e-9)
BEAMS = {"temperature": 0.0, "beams": 2}
ALONE = {
    "beams": {"temperature": 0.0},
    "min_new_tokens": {"max_new_tokens": 3},
    "length_penalty": BEAMS,
}
EXTREMES: list[dict[str, Any]] = [
    *(
        {name: value, **ALONE.get(name, {})}
        for name, low, high, _ in RANGES
        for value in (low, high)
        if name not in ("max_new_tokens", "min_new_tokens", "max_length")
        and (name, value) != ("top_p", 0.0)
    ),
    *({name: value} for name in ("temperature", "top_p", "min_p") for value in TINIEST),
    {"temperature": 1e-320, "top_k": 3, "top_p": 0.5, "min_p": 0.5},
    {"temperature": 100.0, "repetition_penalty": 0.01},
    {"temperature": 1e-45, "repetition_penalty": 100.0, "candidates": 3},
]  # fmt: skip


@pytest.mark.parametrize(
    "given", EXTREMES, ids=lambda given: " ".join(f"{k}={v}" for k, v in given.items())
)
def test_an_extreme_setting_is_done_or_refused(engine: Engine, given: dict[str, Any]) -> None:
    decoding = Decoding(**{"max_new_tokens": 3, "seed": 7, **given})
    try:
        [row] = engine.generate([prompt("hello there")], decoding)
    except (UnsupportedDecoding, PromptTooLong):
        return
    assert len(row) == decoding.candidates
    for each in row:
        assert each.completion_tokens is None or each.completion_tokens <= 3
        assert all(map(math.isfinite, each.logprobs))


def test_the_coldest_temperature_says_what_greedy_decoding_says(engine: Engine) -> None:
    if "beams" not in engine.honours:
        pytest.skip("this engine does not draw tokens itself")
    greedy, *cold = (
        engine.generate(
            [prompt("hello there")], Decoding(max_new_tokens=4, temperature=each, seed=3)
        )
        for each in (0.0, *TINIEST[:3])
    )
    assert [row[0][0].tokens for row in cold] == [greedy[0][0].tokens] * 3
