"""The folder is the registry: a file `formats/cosmo.py` is the format named "cosmo".

Listing reads file names and entry points; nothing is imported until it is asked for by name.
"""

import difflib
import importlib
import pkgutil
from collections.abc import Iterable
from importlib.metadata import entry_points
from types import ModuleType

from tertulia.errors import MissingExtra, UnknownName

EXTRAS = {
    "torch": "torch",
    "transformers": "torch",
    "accelerate": "train",
    "matplotlib": "train",
    "zstandard": "train",
}
"""The extra that brings a package, where it does not have the package's own name."""


def names(room: str) -> tuple[str, ...]:
    """Names in a room such as "tertulia.formats", sorted; files starting with "_" are private."""
    folder = importlib.import_module(room).__path__
    own = (file.name for file in pkgutil.iter_modules(folder) if not file.name.startswith("_"))
    return tuple(sorted({*own, *(entry.name for entry in entry_points(group=room))}))


def load(room: str, name: str) -> ModuleType:
    """Import the one file of that name; installed plug-ins come after our own files.

    Raises UnknownName, with the nearest spelling, when there is no such file, and MissingExtra,
    with the line to install, when the file needs a package that is not here: so every module may
    import its dependencies plainly, at the top.
    """
    known = names(room)
    if name not in known:
        raise UnknownName(f"no {name!r} in {room}: {nearest(name, known)}")
    for entry in entry_points(group=room, name=name):
        plugin: ModuleType = entry.load()
        return plugin
    try:
        return importlib.import_module(f"{room}.{name}")
    except ModuleNotFoundError as missing:
        package = (missing.name or "").partition(".")[0]
        if package in ("tertulia", ""):
            raise
        raise MissingExtra(
            f"{room}.{name} needs {package}: pip install 'tertulia[{EXTRAS.get(package, package)}]'"
        ) from missing


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message about a wrong name: the nearest right one, and all of them."""
    known = tuple(known)
    close = difflib.get_close_matches(name.lower(), known, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}known names are {', '.join(known)}"
