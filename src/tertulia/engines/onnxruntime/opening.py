"""Memory while a model opens: what was read from its files once is not held on to.

ONNX Runtime packs each matrix anew, for its kernels. Meanwhile the pages of the file that it has
read stay with the process, and what the allocator was given back stays with the allocator: twice
and half again as much as the packed weights. On systems without these calls nothing happens.
"""

import ctypes
import mmap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

import numpy as np
from numpy.typing import NDArray

SECONDS = 0.02
"""Between two times that pages are given back."""

MAP_THRESHOLD, TRIM_THRESHOLD = -3, -1
"""mallopt's M_MMAP_THRESHOLD and M_TRIM_THRESHOLD: an allocation of so many bytes goes back to the
system when it is freed, and so does so much that is free at the end of the heap."""

SMALL, USUAL = 256 << 10, 32 << 20
"""Of the first: while a model opens, and afterwards; the second is twice as much. So much is what
glibc comes to by itself, where nobody sets them."""


@contextmanager
def sparing(arrays: Iterable[NDArray[np.generic]]) -> Iterator[None]:
    """While something reads these arrays for the last time for long.

    Pages of those that are mapped from files are given back again and again; whoever reads them
    later finds them in the file.
    """
    files = mapped(arrays)
    done = Event()
    sweeper = Thread(target=swept, args=(files, done), daemon=True)
    threshold(SMALL)
    sweeper.start()
    try:
        yield
    finally:
        done.set()
        sweeper.join()
        threshold(USUAL)
        trim()


def swept(files: list[mmap.mmap], done: Event) -> None:
    while not done.wait(SECONDS):
        give_back(files)
    give_back(files)


def give_back(files: list[mmap.mmap]) -> None:
    for each in files:
        each.madvise(mmap.MADV_DONTNEED)


def mapped(arrays: Iterable[NDArray[np.generic]]) -> list[mmap.mmap]:
    """The mapped files that arrays are views of."""
    if not hasattr(mmap, "MADV_DONTNEED"):
        return []
    found: dict[int, mmap.mmap] = {}
    for each in arrays:
        base: object = each
        while isinstance(base, np.ndarray):
            base = base.base
        if isinstance(base, mmap.mmap):
            found[id(base)] = base
    return list(found.values())


def library() -> ctypes.CDLL | None:
    """The C library, where it is glibc."""
    try:
        found = ctypes.CDLL("libc.so.6")
    except OSError:
        return None
    return found if hasattr(found, "mallopt") else None


def threshold(size: int) -> None:
    glibc = library()
    if glibc is not None:
        glibc.mallopt(MAP_THRESHOLD, size)
        glibc.mallopt(TRIM_THRESHOLD, 2 * size)


def trim() -> None:
    """Give free memory of the allocator back to the system."""
    glibc = library()
    if glibc is not None:
        glibc.malloc_trim(0)
