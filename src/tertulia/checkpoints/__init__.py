"""Checkpoints: which model folders there are, what they hold, and how they are got and made small.

    known        published models          safetensors  files of arrays, read and written
    folder       a folder, read with care  pickles      files of torch.save
    manifest     tertulia.toml             pingpong     Pingpong's own layout
    guess        a folder without one      int8         weights in eight bits
    hub          the hub's answers         layout       what becomes small in which family
    wanted       which files of a model    requantize   one array as another type
    download     one file of them          convert      a folder as a smaller one
    pull         a model from the hub      ctranslate2  a folder as one for that library
    listing      what is here

Only `pull` fetches anything, and nothing that comes with a model is ever run.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import platformdirs

from tertulia.checkpoints import hub
from tertulia.checkpoints.folder import config, confined, for_ctranslate2, weights
from tertulia.checkpoints.guess import described
from tertulia.checkpoints.known import KNOWN, Known
from tertulia.checkpoints.manifest import Manifest
from tertulia.errors import CheckpointError
from tertulia.registry import nearest

__all__ = [
    "BUILTIN",
    "KNOWN",
    "Known",
    "Manifest",
    "builtin",
    "config",
    "described",
    "find",
    "for_ctranslate2",
    "here",
    "home",
]

BUILTIN = "builtin"
ON_THE_HUB = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
"""A name on the Hugging Face hub, which is also a path below `home` that cannot lead out of it."""


def builtin() -> Path:
    """The folder of the packaged default model."""
    return Path(__file__).parents[1] / BUILTIN


def home() -> Path:
    """Where pulled models are kept, as OWNER/NAME."""
    data = os.environ.get("TERTULIA_HOME") or platformdirs.user_data_dir(
        "tertulia", appauthor=False
    )
    return Path(data) / "models"


def find(name: str) -> Path:
    """The model folder for "builtin", for a path, or for a model that is here; nothing is fetched.

    A published model's short name and its name on the hub are looked for among the pulled models
    and in Hugging Face's cache.

    Raises CheckpointError, with the cure, for a model whose weights are not here, and for a folder
    that is no model folder, not whole or not to be trusted.
    """
    folder = here(name)
    if not for_ctranslate2(folder):
        weights(folder)
    return folder


def here(name: str) -> Path:
    """The folder that `find` means, whatever its weights are; raises CheckpointError likewise."""
    path = builtin() if name == BUILTIN else Path(name).expanduser()
    found = path if path.is_dir() else next(places(name), None)
    if found is None:
        raise CheckpointError(absent(name))
    confined(found)
    if any(found.glob("*.pth")):
        from tertulia.checkpoints import pingpong

        found = pingpong.prepared(found)
    config(found)
    return found


def places(name: str) -> Iterator[Path]:
    """The folders in which a model of that name is, ours first."""
    known = KNOWN.get(name)
    full = known.hub if known else name
    if not ON_THE_HUB.fullmatch(full):
        return
    if (home() / full).is_dir():
        yield home() / full
    if cached := hub.cached(full):
        yield cached


def absent(name: str) -> str:
    """What to say of a model that is not here."""
    known = KNOWN.get(name)
    if known is not None and not known.hub:
        return f"{name}: {known.note}; give the folder of weights of your own"
    if known is not None:
        return (
            f"the weights of {name} ({known.gigabytes:g} GB, {known.licence}) are not here: "
            f"download them with `tertulia pull {name}`, or give a folder that holds them"
        )
    if ON_THE_HUB.fullmatch(name):
        return (
            f"no model folder {name!r}, and no model of that name is here: if it is one of the "
            f"Hugging Face hub, download it with `tertulia pull {name}`"
        )
    names = nearest(name, (BUILTIN, *KNOWN))
    return f"no model folder {name!r}, and no model of that name: {names}"
