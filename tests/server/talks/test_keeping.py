"""What is kept with a reply."""

from tertulia.engines import Completion
from tertulia.server.talks.keeping import tokens

LIKELY = ((("A", -0.1), ("The", -2.5)), ((" cat", -0.3), (" dog", float("-inf"))))


def test_a_token_is_kept_with_the_likeliest_in_its_place_where_they_were_asked_for() -> None:
    completion = Completion(text="A cat", finish="stop", logprobs=(-0.1, -0.3), alternatives=LIKELY)
    assert tokens(completion, ("A", " cat")) == [
        ["A", -0.1, [["A", -0.1], ["The", -2.5]]],
        [" cat", -0.3, [[" cat", -0.3], [" dog", -9999.0]]],
    ]


def test_where_none_were_asked_for_a_token_has_its_probability_alone() -> None:
    completion = Completion(text="A cat", finish="stop", logprobs=(-0.1, -0.3))
    assert tokens(completion, ("A", " cat")) == [["A", -0.1], [" cat", -0.3]]
