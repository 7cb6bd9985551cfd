"""Weights in eight bits: how tertulia-mini is shipped, and back.

Every matrix NAME [out, in] becomes an int8 tensor NAME of the same shape and a float32 tensor
NAME_scale [out]: row by row, symmetric, scale = largest magnitude of the row / 127, so that
W is about int8 x scale[:, None]. Vectors (norms) stay float32. config.json says
`"quantization": "int8_per_row"`. A tied head has no tensor of its own.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from tertulia.errors import CheckpointError

SCHEME = "int8_per_row"
WEIGHTS = "model.safetensors"

Array = npt.NDArray[np.generic]


def quantize(weights: Mapping[str, Array]) -> dict[str, Array]:
    """Float tensors as int8 and scales; a row of zeros has scale 1."""
    small: dict[str, Array] = {}
    for name, tensor in weights.items():
        full = tensor.astype(np.float32)
        if full.ndim != 2:
            small[name] = full
            continue
        largest = np.abs(full).max(axis=1)
        scale = np.where(largest > 0, largest / 127, 1).astype(np.float32)
        small[name] = np.rint(full / scale[:, None]).clip(-127, 127).astype(np.int8)
        small[f"{name}_scale"] = scale
    return small


def dequantize(small: Mapping[str, Array]) -> dict[str, Array]:
    """int8 and scales as float32 tensors under their plain names."""
    full: dict[str, Array] = {}
    for name, tensor in small.items():
        if f"{name}_scale" in small:
            scale = small[f"{name}_scale"].astype(np.float32)
            full[name] = tensor.astype(np.float32) * scale[:, None]
        elif not name.endswith("_scale"):
            full[name] = tensor.astype(np.float32)
    return full


def shrink(source: Path, target: Path) -> None:
    """A folder of float safetensors and config.json as one of int8; other files are left alone."""
    config = read_config(source)
    target.mkdir(parents=True, exist_ok=True)
    save_file(quantize(load_file(source / WEIGHTS)), target / WEIGHTS, {"format": "pt"})
    config["quantization"] = SCHEME
    (target / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def expand(source: Path, target: Path) -> None:
    """A folder of int8 weights as one of float32 that loads in transformers, tokenizer included.

    Raises CheckpointError when the source is not in this scheme.
    """
    config = read_config(source)
    if config.pop("quantization", None) != SCHEME:
        raise CheckpointError(
            f"{source}/config.json does not say quantization {SCHEME!r}: its weights are not in"
            " eight bits, load them as they are"
        )
    target.mkdir(parents=True, exist_ok=True)
    save_file(dequantize(load_file(source / WEIGHTS)), target / WEIGHTS, {"format": "pt"})
    (target / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    if (source / "tokenizer.json").exists():
        shutil.copy(source / "tokenizer.json", target)


def read_config(folder: Path) -> dict[str, object]:
    """config.json of a checkpoint folder; CheckpointError where it or the weights are missing."""
    for name in ("config.json", WEIGHTS):
        if not (folder / name).exists():
            raise CheckpointError(f"no {name} in {folder}: name a folder that holds a checkpoint")
    found: dict[str, object] = json.loads((folder / "config.json").read_text())
    return found
