"""Which models are on this machine, and what they are."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tertulia import checkpoints
from tertulia.checkpoints import folder as folders
from tertulia.checkpoints import guess, hub
from tertulia.checkpoints.known import KNOWN
from tertulia.checkpoints.manifest import Manifest
from tertulia.checkpoints.safetensors import stored
from tertulia.errors import TertuliaError

QUANTIZATIONS = {"I8": "int8", "BF16": "bfloat16", "F16": "float16", "F32": "float32"}
SHORT = {known.hub: name for name, known in KNOWN.items() if known.hub}


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """A model on this machine.

    name     by which `--model` finds it
    place    "built in", "pulled" or "hugging face cache"
    bytes    of its weights
    problem  why it cannot be used as it is; empty when it can
    """

    name: str
    folder: Path
    place: str
    bytes: int
    manifest: Manifest | None
    quantization: str
    licence: str
    problem: str


def here() -> Iterator[Here]:
    """The built-in model, what was pulled or converted, what Hugging Face's cache has."""
    yield found(checkpoints.BUILTIN, checkpoints.builtin(), "built in", "Apache-2.0")
    seen = set[str]()
    for folder in sorted(checkpoints.home().glob("[!.]*/[!.]*")):
        if (folder / folders.CONFIG).exists():
            name = f"{folder.parent.name}/{folder.name}"
            seen.add(name)
            yield found(name, folder, "pulled")
    for name, folder in hub.all_cached():
        if name not in seen:
            yield found(name, folder, "hugging face cache")


def found(name: str, folder: Path, place: str, licence: str = "") -> Here:
    """What a folder is; a folder that cannot be used says why."""
    known = KNOWN.get(SHORT.get(name, ""))
    files: tuple[Path, ...] = ()
    manifest, quantization, problem = None, "", ""
    try:
        converted = folders.for_ctranslate2(folder)
        files = (folder / folders.CTRANSLATE2,) if converted else folders.weights(folder)
        manifest = guess.described(folder)
        quantization = manifest.quantization if converted else stored_as(files)
    except TertuliaError as error:
        problem = str(error)
    told = manifest.licence if manifest else ""
    return Here(
        name=SHORT.get(name, name),
        folder=folder,
        place=place,
        bytes=sum(file.stat().st_size for file in files),
        manifest=manifest,
        quantization=quantization,
        licence=licence or told or (known.licence if known else ""),
        problem=problem,
    )


def stored_as(files: Iterable[Path]) -> str:
    """The type of most of the weights; empty for one that has no name here."""
    kinds = Counter[str]()
    for file in files:
        for each in stored(file).values():
            kinds[each.entry.dtype] += each.entry.bytes
    return QUANTIZATIONS.get(max(kinds, key=lambda kind: kinds[kind], default=""), "")
