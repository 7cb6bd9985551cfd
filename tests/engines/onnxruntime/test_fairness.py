"""A lock that is had in the order in which it was asked for."""

import ctypes
import time
from contextlib import suppress
from threading import Event, Thread

from tertulia.engines.onnxruntime.fairness import InTurn


def until(lock: InTurn, waiting: int) -> None:
    while len(lock.waiting) != waiting:
        time.sleep(0.001)


def test_whoever_asked_first_has_it_first() -> None:
    lock, order = InTurn(), list[int]()

    def take(number: int) -> None:
        with lock:
            order.append(number)

    with lock:
        threads = [Thread(target=take, args=(n,)) for n in range(5)]
        for n, each in enumerate(threads):
            each.start()
            until(lock, n + 1)
    for each in threads:
        each.join()
    assert order == [0, 1, 2, 3, 4]
    assert not lock.held


def test_one_that_comes_back_at_once_waits_behind_the_others() -> None:
    lock, order = InTurn(), list[str]()
    begun = Event()

    def other() -> None:
        begun.set()
        with lock:
            order.append("other")

    waiting = Thread(target=other)
    with lock:
        waiting.start()
        until(lock, 1)
    with lock:
        order.append("again")
    waiting.join()
    assert order == ["other", "again"]


def test_one_that_is_interrupted_while_it_waits_holds_nobody_up() -> None:
    lock = InTurn()

    def wait() -> None:
        with suppress(KeyboardInterrupt), lock:
            time.sleep(0)

    with lock:
        waiting = Thread(target=wait)
        waiting.start()
        until(lock, 1)
        interrupt = ctypes.pythonapi.PyThreadState_SetAsyncExc
        interrupt(ctypes.c_ulong(waiting.ident or 0), ctypes.py_object(KeyboardInterrupt))
    waiting.join()
    with lock:
        assert lock.held
    assert not lock.held
