"""Whose turn it is."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from tertulia.server.queue.fairness import Turns


@dataclass(frozen=True)
class Item:
    client: str
    number: int


def taken(turns: Turns[Item]) -> list[Item]:
    return [turns.take() for _ in range(len(turns))]


def test_one_with_many_requests_does_not_hold_up_anothers_first() -> None:
    turns: Turns[Item] = Turns()
    for n in range(60):
        turns.add(Item("many", n))
    turns.add(Item("one", 0))
    assert Item("one", 0) in [turns.take(), turns.take()]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers())))
def test_all_come_once_and_each_clients_in_their_order(given: list[tuple[str, int]]) -> None:
    turns: Turns[Item] = Turns()
    items = [Item(client, number) for client, number in given]
    for each in items:
        turns.add(each)
    found = taken(turns)
    for client in "abc":
        own = [each for each in items if each.client == client]
        assert [each for each in found if each.client == client] == own
    assert len(found) == len(items) and not turns.clients


def test_one_that_is_taken_out_leaves_the_others_in_their_order() -> None:
    turns: Turns[Item] = Turns()
    first, second, third = (Item("a", n) for n in range(3))
    for each in (first, second, third):
        turns.add(each)
    assert turns.remove(second) and not turns.remove(second)
    assert turns.of("a") == 2 and taken(turns) == [first, third]
    assert not turns.remove(first)
