"""Folders for what tests make once in a process; they go when the process ends."""

import atexit
import os
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp


@cache
def root(process: int) -> Path:
    folder = Path(mkdtemp(prefix="tertulia-tests-"))
    atexit.register(remove, folder, process)
    return folder


def remove(folder: Path, process: int) -> None:
    """Not at the end of a fork: what it inherited is still read by the others."""
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)


def new_folder(name: str) -> Path:
    """An empty folder that is this process's own; its name begins so."""
    return Path(mkdtemp(prefix=f"{name}-", dir=root(os.getpid())))
