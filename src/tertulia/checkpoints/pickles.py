"""Checkpoints of torch.save (.bin, .pth, .pt) as safetensors; nothing in them is run.

A pickle is a program. It is therefore read, without torch, by a process of its own that knows
names of tensors only and may do nothing (`pickles_confined`), whose answer is checked against the
file (`pickles_described`); the numbers are then copied as they lie there, a block at a time.
"""

from collections.abc import Mapping
from pathlib import Path

from tertulia.checkpoints.folder import LARGEST_INDEX, confined, json_object, plain
from tertulia.checkpoints.pickles_described import Tensor, described
from tertulia.checkpoints.safetensors import writing
from tertulia.errors import CheckpointError

WEIGHTS = "pytorch_model.bin"
INDEX = "pytorch_model.bin.index.json"


def describe(source: Path) -> Mapping[str, Tensor]:
    """The tensors of a checkpoint by name: type, shape and place of each, checked, not yet read.

    source  a file of torch.save, in the layout since torch 1.6 or the one before; or a folder with
            pytorch_model.bin, or with the parts that pytorch_model.bin.index.json names

    Raises CheckpointError for whatever is not plain tensors by name.
    """
    if not source.is_dir():
        return described(source)
    confined(source)
    if not (source / INDEX).is_file():
        return described(source / WEIGHTS)
    places = weight_map(source)
    found: dict[str, Tensor] = {}
    for part in sorted(set(places.values())):
        tensors = described(source / part)
        if tensors.keys() != {name for name, place in places.items() if place == part}:
            raise CheckpointError(
                f"{source / INDEX} names other tensors than {part} has: take all from one model"
            )
        found.update(tensors)
    return found


def weight_map(folder: Path) -> Mapping[str, str]:
    """Tensor -> file of the folder."""
    index = folder / INDEX
    names = json_object(index, LARGEST_INDEX, "fetch the model again").get("weight_map")
    if not isinstance(names, dict) or not names:
        raise CheckpointError(f"{index} has no weight_map: fetch the model again")
    for name in names.values():
        if not isinstance(name, str) or not plain(name):
            raise CheckpointError(
                f"{index} names the file {name!r}, which is not in the model's own folder: do not "
                "trust this model"
            )
    return names


def to_safetensors(source: Path, target: Path) -> None:
    """A checkpoint as one safetensors file, bit by bit; a tied weight under each of its names.

    source  as in `describe`
    target  the file to write; it is there when it is whole, or not at all

    Raises CheckpointError as `describe` does, for a damaged file, and where there is no room.
    """
    write(describe(source), target)


def write(tensors: Mapping[str, Tensor], target: Path) -> None:
    """The tensors as one safetensors file, in their order."""
    for storage in dict.fromkeys(tensor.storage for tensor in tensors.values()):
        storage.check()
    with writing(target, {name: tensor.entry for name, tensor in tensors.items()}) as file:
        for name, tensor in tensors.items():
            file.append(name, tensor.mapped())
