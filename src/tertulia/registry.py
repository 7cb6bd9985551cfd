"""The folder is the registry: a file `formats/cosmo.py` is the format named "cosmo".

Listing reads file names and entry points; nothing is imported until it is asked for by name.
"""

import importlib
import pkgutil
from collections.abc import Iterable
from types import ModuleType
from typing import TYPE_CHECKING

from tertulia.errors import MissingExtra, UnknownName

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

EXTRAS = {
    "torch": "torch",
    "transformers": "torch",
    "accelerate": "train",
    "matplotlib": "train",
    "zstandard": "train",
    "huggingface_hub": "hub",
    "filelock": "hub",
    "fastapi": "serve",
    "uvicorn": "serve",
    "prometheus_client": "serve",
}
"""The extra that brings a package, where it does not have the package's own name."""


def own(room: str) -> tuple[str, ...]:
    """Names of our own files in a room such as "tertulia.formats", sorted; "_…" is private."""
    folder = importlib.import_module(room).__path__
    files = (file.name for file in pkgutil.iter_modules(folder))
    return tuple(sorted(name for name in files if not name.startswith("_")))


def names(room: str) -> tuple[str, ...]:
    """Names in a room, those of installed plug-ins among them, sorted."""
    return tuple(sorted({*own(room), *plugins(room)}))


def plugins(room: str) -> dict[str, "EntryPoint"]:
    """What installed packages offer for a room, by name."""
    # Imported here: it takes as long as everything else that `tertulia --help` needs together.
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group=room)}


def load(room: str, name: str) -> ModuleType:
    """Import the one file of that name; installed plug-ins come after our own files.

    Raises UnknownName, with the nearest spelling, when there is no such file, and MissingExtra,
    with the line to install, when the file needs a package that is not here: so every module may
    import its dependencies plainly, at the top.
    """
    try:
        if name in own(room):
            return importlib.import_module(f"{room}.{name}")
        offered = plugins(room)
        if name in offered:
            plugin: ModuleType = offered[name].load()
            return plugin
    except ModuleNotFoundError as missing:
        package = (missing.name or "").partition(".")[0]
        if package in ("tertulia", ""):
            raise
        raise MissingExtra(
            f"{room}.{name} needs {package}: pip install 'tertulia[{EXTRAS.get(package, package)}]'"
        ) from missing
    raise UnknownName(f"no {name!r} in {room}: {nearest(name, names(room))}")


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message about a wrong name: the nearest right one, and all of them."""
    import difflib  # only a mistake needs it

    known = tuple(known)
    close = difflib.get_close_matches(name.lower(), known, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}known names are {', '.join(known)}"
