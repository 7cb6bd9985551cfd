"""After crashes in a row nothing is begun for a while."""

from tertulia.server.workers.breaker import Breaker


def test_it_opens_after_three_crashes_in_a_row_and_says_for_how_long() -> None:
    breaker = Breaker("mini")
    breaker.crashed()
    breaker.crashed()
    assert not breaker.open
    breaker.crashed()
    assert breaker.open and not breaker.trying
    refusal = breaker.refusal()
    assert (refusal.status, refusal.code) == (503, "worker_broken")
    assert refusal.headers and 1 <= int(refusal.headers["Retry-After"]) <= 30


def test_crashes_with_work_between_them_are_not_in_a_row() -> None:
    breaker = Breaker("mini")
    for _ in range(10):
        breaker.crashed()
        breaker.crashed()
        breaker.worked()
    assert not breaker.open and not breaker.trying


def test_after_its_time_one_job_is_tried_which_closes_it_or_opens_it_for_longer() -> None:
    breaker = Breaker("mini", crashes=1, seconds=0.0)
    breaker.crashed()
    assert breaker.trying and not breaker.open
    breaker.seconds = 20.0
    breaker.crashed()
    first = breaker.until
    breaker.crashed()
    assert breaker.open and breaker.until > first + 30
    breaker.worked()
    assert not breaker.open and not breaker.trying
