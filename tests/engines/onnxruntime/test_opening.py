"""While a model opens, what was read of its files is given back, and reads the same afterwards."""

import sys
from pathlib import Path
from threading import enumerate as threads

import numpy as np
import pytest

from tertulia.engines.onnxruntime.opening import give_back, mapped, sparing

linux = pytest.mark.skipif(sys.platform != "linux", reason="pages are counted in /proc")


@pytest.fixture
def array(tmp_path: Path) -> np.memmap:
    """Four megabytes in a file, mapped."""
    np.arange(1 << 20, dtype=np.int32).tofile(tmp_path / "weights")
    return np.memmap(tmp_path / "weights", np.int32, "r", shape=(1024, 1024))


def resident(path: str) -> int:
    """Kilobytes of a file's pages that this process holds."""
    found, total = False, 0
    for line in Path("/proc/self/smaps").read_text(encoding="utf-8").splitlines():
        if "-" in line.split(" ")[0]:
            found = line.endswith(path)
        elif found and line.startswith("Rss:"):
            total += int(line.split()[1])
    return total


def test_the_file_under_views_is_found_once_and_nothing_else(array: np.memmap) -> None:
    turned, part = array.T[3:], array[10:20]
    assert len(mapped([turned, part, np.zeros(8), np.asarray(array)])) == len(mapped([array])) == 1


@linux
def test_pages_that_were_given_back_read_the_same(array: np.memmap) -> None:
    assert int(array.astype(np.int64).sum()) == sum(range(1 << 20))
    assert resident("/weights") >= 4096
    give_back(mapped([array]))
    assert resident("/weights") == 0
    assert np.array_equal(array[-1], np.arange((1 << 20) - 1024, 1 << 20))


@linux
def test_a_file_read_while_a_model_opens_is_not_held_on_to(array: np.memmap) -> None:
    with sparing([array]):
        array.astype(np.int64).sum()
    assert resident("/weights") == 0


def test_nothing_goes_on_sweeping_after_a_failure(array: np.memmap) -> None:
    before = set(threads())
    with pytest.raises(ValueError, match="refused"), sparing([array]):
        raise ValueError("refused")
    assert set(threads()) == before
