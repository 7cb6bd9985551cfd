"""Rows and kept prefixes."""

import numpy as np

from tertulia.engines.onnxruntime.cache import Prefixes, Slots


def filled(value: float, positions: int) -> np.ndarray:
    return np.full((4, 1, positions, 16), value, np.float32)


def test_a_row_keeps_its_contents_when_others_come_and_go() -> None:
    slots = Slots(layers=2, groups=1, head=16, window=1000)
    rows = [slots.take(filled(n, 5 + 100 * n)) for n in range(5)]
    slots.free(rows[1])
    slots.free(rows[0])
    assert sorted(slot.place for slot in slots.rows) == [0, 1, 2]
    for n in (2, 3, 4):
        row = slots.room[:, rows[n].place, :, : rows[n].length]
        assert np.array_equal(row, filled(n, 5 + 100 * n))


def test_reordered_rows_go_on_from_their_origins() -> None:
    slots = Slots(layers=2, groups=1, head=16, window=100)
    rows = [slots.take(filled(n, 8)) for n in range(3)]
    slots.reorder(rows, (2, 2, 0), start=6)
    assert [slots.room[0, slot.place, 0, 7, 0] for slot in rows] == [2, 2, 0]
    assert [slots.room[0, slot.place, 0, 5, 0] for slot in rows] == [0, 1, 2]


def test_the_longest_shared_beginning_is_found() -> None:
    prefixes = Prefixes(budget=1 << 20)
    prefixes.add(np.array([1, 2, 3]), filled(1, 3))
    prefixes.add(np.array([1, 2, 4, 5]), filled(2, 4))
    found = prefixes.find(np.array([1, 2, 4, 9]))
    assert found is not None
    assert np.array_equal(found, filled(2, 3))
    assert prefixes.find(np.array([7, 1])) is None


def test_a_prefix_replaces_its_own_beginnings() -> None:
    prefixes = Prefixes(budget=1 << 20)
    for size in (2, 3, 4):
        prefixes.add(np.arange(size), filled(0, size))
    assert [len(each.ids) for each in prefixes.kept] == [4]


def test_the_least_lately_used_prefix_goes_first() -> None:
    prefixes = Prefixes(budget=2 * filled(0, 3).nbytes)
    for first in (10, 20):
        prefixes.add(np.array([first, 1, 2]), filled(first, 3))
    prefixes.find(np.array([10, 1, 2]))
    prefixes.add(np.array([30, 1, 2]), filled(30, 3))
    assert [int(each.ids[0]) for each in prefixes.kept] == [10, 30]


def test_a_budget_of_nothing_keeps_nothing() -> None:
    prefixes = Prefixes(budget=0)
    prefixes.add(np.array([1]), filled(0, 1))
    assert prefixes.kept == []


def test_rows_that_were_expected_are_not_copied_when_they_come() -> None:
    slots = Slots(layers=2, groups=1, head=16, window=1000, sources=1000)
    slots.expect(4, positions=300, source=40)
    said, sources = slots.said.array, slots.sources and slots.sources.array
    for n in range(4):
        slots.take(filled(n, 290), filled(n, 40))
        slots.reserve(n + 1, 300)
    assert slots.said.array is said
    assert slots.sources is not None
    assert slots.sources.array is sources


def test_an_empty_room_is_made_to_measure_and_never_beyond_the_window() -> None:
    slots = Slots(layers=2, groups=1, head=16, window=205)
    slots.reserve(2, 130)
    assert slots.room.shape[1:4] == (2, 1, 144)
    slots.reserve(2, 200)
    assert slots.room.shape[3] == 205


def test_one_long_row_that_has_left_makes_no_room_of_many_long_ones() -> None:
    slots = Slots(layers=2, groups=1, head=16, window=1000, idle_bytes=1 << 30)
    slots.free(slots.take(filled(1, 900)))
    slots.expect(16, positions=64, source=0)
    assert slots.room.shape[1:4] == (16, 1, 64)


def test_a_room_with_rows_in_it_grows_by_doubling() -> None:
    slots = Slots(layers=2, groups=1, head=16, window=1000)
    slots.take(filled(3, 120))
    slots.reserve(1, 129)
    assert slots.room.shape[3] == 256
    assert np.array_equal(slots.room[:, 0, :, :120], filled(3, 120))


def test_a_room_is_held_on_to_while_nothing_is_in_it_unless_it_is_large() -> None:
    small = filled(1, 128).nbytes
    for idle_bytes, held in ((2 * small, True), (2 * small - 1, False)):
        slots = Slots(layers=2, groups=1, head=16, window=128, idle_bytes=idle_bytes)
        both = [slots.take(filled(1, 100)), slots.take(filled(2, 100))]
        room = slots.room
        for slot in both:
            slots.free(slot)
        assert (slots.room is room) is held


def test_the_memory_of_an_empty_room_takes_any_shape() -> None:
    slots = Slots(layers=2, groups=1, head=16, window=1000, idle_bytes=1 << 30)
    slots.expect(4, positions=160, source=0)
    flat = slots.said.flat
    for positions in (600, 30):
        slots.free(slots.take(filled(1, positions)))
        assert slots.said.flat is flat
