"""Pingpong's GPT and Meena as they were published: weights in a .pth, a config, a vocabulary.

    base_gpt_trained_on_dialogue_data_kr.pth    what torch.save wrote; nothing in it is run
    base_gpt_config.json                        without a model_type, with `n_ctxt` for n_ctx
    kr_spm.model                                sentencepiece

They become a model folder like any other: model.safetensors with the same names, config.json with
the same keys and a model_type, tokenizer.model and tertulia.toml.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from tertulia import tokenizer
from tertulia.checkpoints import folder as folders
from tertulia.checkpoints import manifest, pickles
from tertulia.checkpoints.pickles_described import Tensor
from tertulia.checkpoints.pingpong_shapes import Family, config_of, family_of
from tertulia.checkpoints.pingpong_transformers import to_transformers
from tertulia.checkpoints.safetensors import blocks, cured
from tertulia.errors import CheckpointError

__all__ = ["Original", "convert", "original", "prepared", "to_transformers"]

CONVERTED = "tertulia"
"""The folder, inside of the original one, in which the converted model is kept."""

ORIGIN = "converted_from"
FLOATS = ("F32", "F16", "BF16")
MASK = ".attn.bias"
"""GPT keeps its causal mask beside the weights, as a lower triangle of ones."""

CONTROLS = {
    "[PAD]": "pad_token_id",
    "[UNK]": "unk_token_id",
    "[BOS]": "bos_token_id",
    "[EOS]": "eos_token_id",
    "[SEPT]": "sept_token_id",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """The three files of a published model, wherever they are."""

    weights: Path
    config: Path
    tokenizer: Path


def original(folder: Path) -> Original | None:
    """The three files of a folder; None when it is not in the published layout.

    Raises CheckpointError when one of the three is missing or there are several.
    """
    configs = [path for path in sorted(folder.glob("*.json")) if is_config(path)]
    if not configs or not any(folder.glob("*.pth")):
        return None
    folders.confined(folder)
    return Original(
        weights=the_one(folder, sorted(folder.glob("*.pth")), "weights, *.pth"),
        config=the_one(folder, configs, "a config of Pingpong's"),
        tokenizer=the_one(folder, sorted(folder.glob("*.model")), "a vocabulary, *.model"),
    )


def is_config(path: Path) -> bool:
    try:
        return family_of(folders.json_object(path, folders.LARGEST_CONFIG, "")) is not None
    except CheckpointError:
        return False


def the_one(folder: Path, found: list[Path], what: str) -> Path:
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise CheckpointError(
            f"{folder} must hold {what}, once, and has {names}: put the three files of one model "
            "into a folder of their own"
        )
    return found[0]


def prepared(folder: Path) -> Path:
    """The model folder to use for a folder: itself, or what a published layout is converted to.

    The conversion is kept inside of the folder and made again when one of the three files changes.
    """
    files = original(folder)
    if files is None:
        return folder
    target = folder / CONVERTED
    made_from = origin(target)
    if made_from == stamps(files):
        return target
    if made_from is not None:
        with cured(target):
            shutil.rmtree(target)
    convert(files, target)
    return target


def origin(target: Path) -> object:
    """What a converted folder was made from, as `stamps` has it; None when it is none."""
    try:
        return folders.config(target).get(ORIGIN)
    except CheckpointError:
        return None


def stamps(files: Original) -> dict[str, list[object]]:
    """Name, size and time of change of the three files."""
    found: dict[str, list[object]] = {}
    for field in fields(files):
        path: Path = getattr(files, field.name)
        try:
            about = path.stat()
        except OSError as failed:
            raise CheckpointError(f"{path} cannot be read ({failed.strerror})") from failed
        found[field.name] = [path.name, about.st_size, about.st_mtime_ns]
    return found


def convert(files: Original, target: Path) -> None:
    """Writes a model folder; whole, or not at all.

    target  does not exist yet, or is an empty folder

    Raises CheckpointError when the files are not one of Pingpong's models, or not of the same one.
    """
    table = folders.json_object(files.config, folders.LARGEST_CONFIG, "check the path")
    family = family_of(table)
    if family is None:
        raise CheckpointError(f"{files.config} is not a config of Pingpong's GPT or Meena")
    config = config_of(table, family, str(files.config))
    check_vocabulary(files.tokenizer, config)
    tensors = parameters(files, family, config)
    with folders.whole(target) as hidden:
        pickles.write(tensors, hidden / folders.WEIGHTS)
        with cured(target):
            shutil.copyfile(files.tokenizer, hidden / "tokenizer.model")
            told = json.dumps(config | {ORIGIN: stamps(files)}, indent=2)
            (hidden / folders.CONFIG).write_text(told + "\n", encoding="utf-8")
            about = manifest.Manifest(
                format=family.format,
                family=family.model_type,
                tokenizer="tokenizer.model",
                decoding=family.decoding,
                source=files.weights.name,
            )
            manifest.write(about, hidden)


def check_vocabulary(path: Path, config: Mapping[str, Any]) -> None:
    """Raises CheckpointError when the control tokens are not where the config has them."""
    vocabulary = tokenizer.load(path)
    for name, key in CONTROLS.items():
        if vocabulary.token(name) != config[key]:
            raise CheckpointError(
                f"{path}: {name} is {vocabulary.token(name)}, and {key} in the config is "
                f"{config[key]}: take both from the same model"
            )
    if vocabulary.size > config["vocab_size"]:
        raise CheckpointError(
            f"{path} has {vocabulary.size} pieces, and vocab_size in the config is "
            f"{config['vocab_size']}: take both from the same model"
        )


def parameters(files: Original, family: Family, config: Mapping[str, Any]) -> dict[str, Tensor]:
    """The parameters, each once, held against the config: names, shapes, types.

    Raises CheckpointError too for aliases that are not the same numbers, and for another mask.
    """
    held = dict(pickles.describe(files.weights))
    shapes = family.shapes(config)
    unknown = [name for name in held if name not in shapes and not is_beside(name, family)]
    missing = [name for name in shapes if name not in held]
    if unknown or missing:
        what = f"has {unknown[0]}" if unknown else f"lacks {missing[0]}"
        raise CheckpointError(f"{files.weights} {what}, {misfit(files, family)}")
    for name, shape in shapes.items():
        entry = held[name].entry
        if entry.shape != shape or entry.dtype not in FLOATS:
            raise CheckpointError(
                f"{files.weights}: {name} is {entry.dtype} {list(entry.shape)}, must be floats "
                f"{list(shape)}, {misfit(files, family)}"
            )
    for name in held:
        if name in family.aliases and not same(held[name], held[family.aliases[name]]):
            raise CheckpointError(
                f"{files.weights}: {name} is not {family.aliases[name]}, {misfit(files, family)}"
            )
        if name.endswith(MASK) and not is_causal(held[name], config):
            raise CheckpointError(
                f"{files.weights}: {name} is not a causal mask for n_positions "
                f"{config['n_positions']}, {misfit(files, family)}"
            )
    return {name: held[name] for name in shapes}


def misfit(files: Original, family: Family) -> str:
    return (
        f"which does not fit a {family.model_type} of the sizes in {files.config.name}: take both "
        "from the same model"
    )


def is_beside(name: str, family: Family) -> bool:
    """Whether a name may be there without being a parameter."""
    return name in family.aliases or (family.model_type == "pingpong_gpt" and name.endswith(MASK))


def same(one: Tensor, other: Tensor) -> bool:
    if one == other:
        return True
    pairs = zip(blocks(one.mapped()), blocks(other.mapped()), strict=True)
    return one.entry == other.entry and all(np.array_equal(a, b) for a, b in pairs)


def is_causal(mask: Tensor, config: Mapping[str, Any]) -> bool:
    shape = mask.entry.shape
    if len(shape) != 4 or shape[:2] != (1, 1) or shape[2] != shape[3]:
        return False
    held = mask.mapped()[0, 0]
    return shape[2] >= config["n_positions"] and np.array_equal(held, np.tril(np.ones_like(held)))
