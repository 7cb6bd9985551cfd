"""Which files of a model on the hub are needed: config, tokenizer, licence, weights; never code."""

import re
from collections.abc import Mapping, Sequence

from tertulia.checkpoints import folder as folders
from tertulia.checkpoints import manifest, pickles
from tertulia.checkpoints.hub import Remote, Repository
from tertulia.errors import CheckpointError

SHARD = re.compile(r"model-\d{5}-of-\d{5}\.safetensors", re.ASCII)
PICKLED_SHARD = re.compile(r"pytorch_model-\d{5}-of-\d{5}\.bin", re.ASCII)


def needed(repository: Repository) -> tuple[Remote, ...]:
    """The files to fetch, none of a subfolder, weights last.

    Raises CheckpointError for a model that cannot be read here, and for one that names files
    outside of its folder.
    """
    for file in repository.files:
        check_name(file.name, repository.hub)
    files = {file.name: file for file in repository.files}
    if folders.CONFIG not in files:
        raise CheckpointError(
            f"{repository.hub} has no config.json: it is no model to be read here"
        )
    small = [n for n in files if folders.COMPANIONS.fullmatch(n) or n == manifest.NAME]
    chosen = [folders.CONFIG, *sorted(small), *weights(files, repository.hub)]
    if len({name.lower() for name in chosen}) < len(chosen):
        raise CheckpointError(
            f"{repository.hub} has files whose names differ in their case only: do not trust it"
        )
    return tuple(files[name] for name in chosen)


def check_name(name: str, where: str) -> None:
    """Raises CheckpointError for a file that would lie outside of the model's folder."""
    if not all(folders.plain(part) and part.isprintable() for part in name.split("/")):
        raise CheckpointError(
            f"{where} has a file named {name!r}, which leads out of its folder: do not trust it"
        )


def weights(files: Mapping[str, Remote], where: str) -> Sequence[str]:
    """The files of weights, safetensors where there are any, and their index in front."""
    pickled = (pickles.INDEX, PICKLED_SHARD, pickles.WEIGHTS)
    for index, shard, single in ((folders.INDEX, SHARD, folders.WEIGHTS), pickled):
        if index in files:
            return [index, *sorted(filter(shard.fullmatch, files))]
        if single in files:
            return [single]
    raise CheckpointError(
        f"{where} has neither {folders.WEIGHTS} nor {pickles.WEIGHTS}: its weights are of a kind "
        "that is not read here"
    )


def is_weights(name: str) -> bool:
    return name.endswith((".safetensors", ".bin"))
