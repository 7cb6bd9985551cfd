"""However clients ask, and whatever the clock does, the limits hold exactly."""

from hypothesis import given
from hypothesis import strategies as st

from tertulia.server.doors.refusals import Refusal
from tertulia.server.queue.rates import MOST_CLIENTS, Rates

STEPS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.001, 0.5, 1.0, 7.3, 60.0, 1e7]), st.integers(0, 30)),
    max_size=30,
)


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def asks(rates: Rates, client: str, times: int) -> int:
    """How many of so many requests are let in."""
    let = 0
    for _ in range(times):
        try:
            rates.admit(client)
        except Refusal as refused:
            assert refused.status == 429 and int(refused.headers["Retry-After"]) >= 1
        else:
            let += 1
    return let


@given(st.integers(1, 100), STEPS)
def test_never_more_than_a_minutes_worth_and_what_came_back_and_never_less(
    limit: int, steps: list[tuple[float, int]]
) -> None:
    clock = Clock()
    rates = Rates(limit, None, clock)
    left, at = float(limit), 0.0
    for wait, times in steps:
        clock.seconds += wait
        left, at = min(left + (clock.seconds - at) * limit / 60, limit), clock.seconds
        let = asks(rates, "a", times)
        assert abs(let - min(times, int(left + 1e-6))) <= 1
        left -= let
        assert left > -1e-3


@given(st.integers(1, 20), st.integers(1, 60))
def test_who_comes_back_when_told_is_let_in(limit: int, others: int) -> None:
    clock = Clock()
    rates = Rates(limit, None, clock)
    asks(rates, "a", limit)
    try:
        rates.admit("a")
    except Refusal as refused:
        clock.seconds += int(refused.headers["Retry-After"])
    rates.admit("a")


def test_ten_thousand_clients_have_each_their_own_measure() -> None:
    clock = Clock()
    rates = Rates(2, None, clock)
    names = [f"client {n}" for n in range(MOST_CLIENTS)]
    assert [asks(rates, each, 3) for each in names] == [2] * MOST_CLIENTS
    clock.seconds = 30.0
    assert [asks(rates, each, 3) for each in names] == [1] * MOST_CLIENTS
    assert len(rates.clients) == MOST_CLIENTS
