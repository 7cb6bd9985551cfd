"""A model folder as another one in int8, bfloat16 or float32: array by array, whole or not at all.

    int8      matrices as in int8.py; everything else float32
    bfloat16  matrices in bfloat16, rounded to the nearest; everything else float32
    float32   everything

Matrices are the layers', the embeddings and the head; norms, biases, position tables and T5's
relative bias stay in float32 (layout.py), as they are small and are added to everything. Names and
shapes stay, but for int8's (int8.py). No array is ever held whole in floats (requantize.py).
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tertulia import checkpoints
from tertulia.checkpoints import folder as folders
from tertulia.checkpoints import guess, layout, manifest, pickles, requantize
from tertulia.checkpoints.int8 import COLUMNS, SCHEME, SUFFIX
from tertulia.checkpoints.manifest import Manifest
from tertulia.checkpoints.requantize import FLOAT_TYPES, Held, Source, Told, Turned
from tertulia.checkpoints.safetensors import Entry, check_room, cured, stored, writing
from tertulia.errors import CheckpointError
from tertulia.registry import nearest

QUANTIZATIONS = ("int8", "bfloat16", "float32")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One file of weights that will be written.

    sources  the arrays that go into it
    entries  what its header will say, scales of int8 included
    """

    name: str
    sources: tuple[Source, ...]
    entries: dict[str, Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A conversion, checked, of which nothing is done yet."""

    source: Path
    target: Path
    manifest: Manifest
    parts: tuple[Part, ...]

    @property
    def bytes_read(self) -> int:
        return sum(each.held.entry.bytes for part in self.parts for each in part.sources)

    @property
    def bytes_written(self) -> int:
        return sum(each.bytes for part in self.parts for each in part.entries.values())


def planned(source: Path, target: Path, quantization: str, format: str = "") -> Plan:
    """What a conversion will do.

    target  does not exist yet, or is an empty folder
    format  the dialect, where the folder does not tell it

    Raises CheckpointError for a source that cannot be read or trusted, an unknown layout, a target
    that is taken and a disk without room; ConfigError for a manifest that is wrong.
    """
    table = folders.config(source)
    family = str(table.get("model_type", ""))
    check_quantization(quantization, family, str(source))
    if table.get("quantization_config"):
        raise CheckpointError(
            f"{source}: the weights are quantised already, in a way that is not read here "
            "(quantization_config in config.json): take the model's own ones"
        )
    told = replace(guess.described(source, format=format), quantization=quantization)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise CheckpointError(f"{target} is there already: take it away, or name another folder")
    files = arrays(source)
    tied = layout.tied_head([name for held in files.values() for name in held])
    parts = tuple(part(name, held, family, quantization, tied) for name, held in files.items())
    plan = Plan(source=source, target=target.absolute(), manifest=told, parts=parts)
    with cured(target):
        plan.target.parent.mkdir(parents=True, exist_ok=True)
    check_room(plan.target, plan.bytes_written)
    return plan


def target_of(name: str, quantization: str) -> Path:
    """Where a model of that name goes when nobody says: beside its folder, or among the pulled."""
    if name == checkpoints.BUILTIN:
        return checkpoints.home() / "tertulia" / f"mini-{quantization}"
    path = Path(name).expanduser().absolute()
    if path.is_dir():
        return path.with_name(f"{path.name}-{quantization}")
    known = checkpoints.KNOWN.get(name)
    return checkpoints.home() / f"{known.hub if known else name}-{quantization}"


def check_quantization(quantization: str, family: str, where: str) -> None:
    if quantization == "float16" and family in layout.OVERFLOWING:
        raise CheckpointError(
            f"{where}: a {family} overflows in float16 and then talks noise: use bfloat16"
        )
    if quantization not in QUANTIZATIONS:
        raise CheckpointError(
            f"quantization is {quantization!r}: {nearest(quantization, QUANTIZATIONS)}"
        )
    if quantization == "int8":
        layout.check(family, where)


def arrays(source: Path) -> Mapping[str, Mapping[str, Held]]:
    """File to write -> the arrays that go into it.

    Files of torch.save are read without anything in them being run, and become one file.
    """
    safe = (source / folders.INDEX).is_file() or (source / folders.WEIGHTS).is_file()
    if safe or not folders.pickled(source):
        return {path.name: stored(path) for path in folders.weights(source)}
    tensors = pickles.describe(source)
    for storage in dict.fromkeys(tensor.storage for tensor in tensors.values()):
        storage.check()
    return {folders.WEIGHTS: tensors}


def part(
    name: str, held: Mapping[str, Held], family: str, quantization: str, tied: str = ""
) -> Part:
    """A file that will be written; CheckpointError for an array that cannot be converted.

    tied  the embedding that is the head, too
    """
    sources, found = [], dict[str, Entry]()
    for array, each in held.items():
        if layout.left_out(array) or is_scale(array, held):
            continue
        matrix, source = matrix_of(array), each
        if matrix != array:
            if matrix in held:
                continue
            check_columns(array, each)
            source = Turned(each)
        scale = held.get(matrix + SUFFIX) if each.entry.dtype == "I8" else None
        check_scale(array, source, scale)
        sources.append(Source(name=matrix, held=source, scale=scale))
        found |= entries(matrix, source.entry, family, quantization, matrix == tied)
    return Part(name=name, sources=tuple(sources), entries=found)


def is_scale(name: str, held: Mapping[str, Held]) -> bool:
    matrix = name.removesuffix(SUFFIX)
    found = held.get(matrix + COLUMNS) or held.get(matrix)
    return name.endswith(SUFFIX) and found is not None and found.entry.dtype == "I8"


def matrix_of(name: str) -> str:
    """The name of the matrix that an array is, one way round or the other."""
    return name.removesuffix(COLUMNS)


def check_columns(name: str, held: Held) -> None:
    """Raises CheckpointError for columns that are no int8 matrix."""
    if held.entry.dtype != "I8" or len(held.entry.shape) != 2:
        raise CheckpointError(
            f"{name} is {held.entry.dtype} with shape {list(held.entry.shape)}, must be an int8 "
            "matrix: it is not one of ours; take the model's own weights"
        )


def check_scale(name: str, held: Held, scale: Held | None) -> None:
    """Raises CheckpointError for int8 in another scheme than ours."""
    shape = held.entry.shape
    if held.entry.dtype != "I8":
        return
    shapes = [shape[:1], (1, *shape[1:])]
    if len(shape) != 2 or scale is None or scale.entry.shape not in shapes:
        raise CheckpointError(
            f"{name} is int8 without a scale for each row or column: it is quantised in a way "
            "that is not read here; take the model's own weights"
        )
    if scale.entry.dtype not in FLOAT_TYPES:
        raise CheckpointError(f"{name}{SUFFIX} is {scale.entry.dtype}, must be a float type")


def entries(
    name: str, entry: Entry, family: str, quantization: str, tied: bool
) -> dict[str, Entry]:
    """What the header will say of one array, and of its scales.

    tied  it is an embedding and the head
    """
    shape = entry.shape
    if entry.dtype not in (*FLOAT_TYPES, "I8"):
        return {name: entry}
    if quantization == "float32" or not layout.is_matrix(name, shape):
        return {name: Entry("F32", shape)}
    if quantization == "bfloat16":
        return {name: Entry("BF16", shape)}
    if layout.is_turned(family, name):
        return {name: Entry("I8", shape), name + SUFFIX: Entry("F32", (1, shape[1]))}
    scale = {name + SUFFIX: Entry("F32", (shape[0],))}
    rows, turned = {name: Entry("I8", shape)}, {name + COLUMNS: Entry("I8", shape[::-1])}
    if layout.is_looked_up(name):
        return {**(turned if tied else {}), **rows, **scale}
    return {**turned, **scale}


def convert(plan: Plan, told: Told = lambda name, done: None) -> Path:
    """Carries the plan out; the target, which is there when it is whole, or not at all.

    Raises CheckpointError when the disk fills up or an array holds NaN or infinity.
    """
    with folders.whole(plan.target) as hidden:
        for each in plan.parts:
            with writing(hidden / each.name, each.entries) as file:
                for source in each.sources:
                    requantize.append(source, each.entries, file, told)
        with cured(plan.target):
            write_beside(plan, hidden)
    return plan.target


def write_beside(plan: Plan, hidden: Path) -> None:
    """The index, the config, the manifest, and what the source has beside its weights."""
    for path in folders.companions(plan.source):
        shutil.copyfile(path, hidden / path.name)
    if len(plan.parts) > 1:
        names = {name: each.name for each in plan.parts for name in each.entries}
        index = {"metadata": {"total_size": plan.bytes_written}, "weight_map": names}
        (hidden / folders.INDEX).write_text(json.dumps(index, indent=2) + "\n")
    # No code comes along, so nothing may ask for it.
    left = ("quantization", "auto_map", "torch_dtype", "dtype")
    table = {k: v for k, v in folders.config(plan.source).items() if k not in left}
    quantization = plan.manifest.quantization
    table["dtype"] = "bfloat16" if quantization == "bfloat16" else "float32"
    if quantization == "int8":
        table["quantization"] = SCHEME
    (hidden / folders.CONFIG).write_text(json.dumps(table, indent=2) + "\n")
    manifest.write(plan.manifest, hidden)
