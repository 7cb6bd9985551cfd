"""A model folder, read with care: its config, its weights, and nothing from outside of it."""

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tertulia.errors import CheckpointError

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
CTRANSLATE2 = "model.bin"
LARGEST_CONFIG = 4 << 20
LARGEST_INDEX = 64 << 20
PICKLED = (".bin", ".pth", ".pt")
"""Endings of weights that can run code when they are opened the usual way."""

COMPANIONS = re.compile(
    r"generation_config\.json|chat_template\.(jinja|json)|README\.md|USE_POLICY\.md"
    r"|(tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab)\.json|merges\.txt"
    r"|(tokenizer|spiece|sp|sentencepiece\.bpe)\.model|(source|target)\.spm"
    r"|(LICEN[CS]E|NOTICE|COPYING)[\w.-]*",
    re.ASCII,
)
"""The names of what belongs to a model beside its config and its weights; never code."""


def config(folder: Path) -> Mapping[str, Any]:
    """config.json of a model folder; raises CheckpointError when it is missing or unreadable."""
    path = folder / CONFIG
    if not path.exists():
        raise CheckpointError(
            f"{folder} is no model folder: config.json cannot be read (there is none); give a "
            "folder that holds it"
        )
    return json_object(path, LARGEST_CONFIG, "fetch the model again")


def json_object(path: Path, largest: int, cure: str) -> Mapping[str, Any]:
    """A JSON object of bearable size; raises CheckpointError when there is none.

    cure  ends the message for a file that cannot be read
    """
    try:
        # Neither a pipe nor a device, which would be read without end.
        if path.exists() and not path.is_file():
            raise CheckpointError(f"{path} is no file: take it away and fetch the model again")
        with path.open("rb") as file:
            data = file.read(largest + 1)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}): {cure}") from error
    if len(data) > largest:
        raise CheckpointError(f"{path} is over {largest >> 20} MB, no model's {path.name} is")
    try:
        table = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not JSON: {error}; fetch it again") from error
    if not isinstance(table, dict):
        raise CheckpointError(f"{path} holds no JSON object; fetch it again")
    return table


def for_ctranslate2(folder: Path) -> bool:
    """Whether `tertulia convert --for ctranslate2` made a folder, whose weights are model.bin.

    That file is no pickle, and its engine looks through it before it is opened.
    """
    return "ctranslate2" in config(folder) and (folder / CTRANSLATE2).is_file()


def weights(folder: Path) -> tuple[Path, ...]:
    """The safetensors files of a model, one or those of its index, all there, all its own.

    Raises CheckpointError when there are none, when one is missing, and for names and links that
    lead out of the folder.
    """
    confined(folder)
    if (folder / INDEX).is_file():
        names = sorted(set(weight_map(folder).values()))
    else:
        names = [WEIGHTS]
    missing = [name for name in names if not (folder / name).is_file()]
    if missing == [WEIGHTS]:
        raise CheckpointError(unsafe(folder))
    if missing:
        raise CheckpointError(
            f"{folder} is not whole, it lacks {len(missing)} of {len(names)} files of weights, "
            f"{missing[0]} first: fetch the model again"
        )
    return tuple(folder / name for name in names)


def weight_map(folder: Path) -> Mapping[str, str]:
    """Array -> file, as the index of a model in several files has it."""
    index = folder / INDEX
    names = json_object(index, LARGEST_INDEX, "fetch the model again").get("weight_map")
    if not isinstance(names, dict) or not names:
        raise CheckpointError(f"{index} has no weight_map: fetch the model again")
    for name in names.values():
        if not isinstance(name, str) or not plain(name) or not name.endswith(".safetensors"):
            raise CheckpointError(
                f"{index} names the file {name!r}, which is no safetensors file of the model's own "
                "folder: do not trust this model"
            )
    return names


def pickled(folder: Path) -> bool:
    """Whether there are weights that can run code when they are opened the usual way."""
    return any(path.suffix in PICKLED for path in folder.iterdir())


def unsafe(folder: Path) -> str:
    """What to say of a folder without safetensors."""
    if pickled(folder):
        return (
            f"{folder} has weights that can run code when they are opened (.bin, .pth), so they "
            f"are not: `tertulia convert` makes safetensors of them without running any of it"
        )
    return f"{folder} has no weights: put model.safetensors beside config.json"


def plain(name: str) -> bool:
    """Whether a name is one of a file in the folder itself, on every system."""
    parts = name.replace("\\", "/").split("/")
    return parts == [name] and name not in ("", ".", "..") and ":" not in name and "\0" not in name


def confined(folder: Path) -> None:
    """Raises CheckpointError for a link that leads out of a model folder.

    Hugging Face's cache is made of links, which lead to the blobs of the model or of all models.
    """
    base = folder.resolve()
    inside = [base]
    if base.parent.name == "snapshots" and base.parents[1].name.startswith("models--"):
        inside = [base.parents[1], base.parents[2] / "blobs"]
    for path in folder.iterdir():
        target = path.resolve()
        if path.is_symlink() and not any(map(target.is_relative_to, inside)):
            raise CheckpointError(
                f"{path} is a link that leads out of the model's folder, to {target}: put the file "
                "itself there, if you trust it"
            )


def companions(folder: Path) -> list[Path]:
    """The files that belong to a model beside its config and its weights, sorted."""
    found = (path for path in folder.iterdir() if COMPANIONS.fullmatch(path.name))
    return sorted(path for path in found if path.is_file())


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """A hidden folder beside the target, which takes the target's name when all went well.

    target  does not exist, or is an empty folder

    When anything fails or is interrupted, nothing is left of it. Raises CheckpointError when it
    cannot be made, or is there already.
    """
    hidden = target.with_name(f".{target.name}.part")
    try:
        hidden.mkdir()
    except FileExistsError as error:
        raise CheckpointError(
            f"{hidden} is there already: wait for the other process that makes {target.name}, or "
            "take it away when there is none"
        ) from error
    except OSError as error:
        raise CheckpointError(
            f"{hidden} cannot be made ({error.strerror}): name another folder"
        ) from error
    try:
        yield hidden
        rename(hidden, target)
    except BaseException:
        shutil.rmtree(hidden, ignore_errors=True)
        raise


def rename(hidden: Path, target: Path) -> None:
    """Gives a finished folder its name."""
    try:
        with suppress(FileNotFoundError):
            target.rmdir()
        os.rename(hidden, target)
    except OSError as error:
        raise CheckpointError(
            f"{target} cannot be made ({error.strerror}): name another folder"
        ) from error
