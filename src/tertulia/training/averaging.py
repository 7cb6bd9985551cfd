"""Weights halfway between two checkpoints of one run, which often generalise better than either."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file


def average(checkpoints: Mapping[Path, float], target: Path) -> None:
    """Write the weighted mean of safetensors files; float32.

    checkpoints  file -> its share; the shares should add up to one

    Source: Wortsman et al. (2022), "Model soups", arXiv 2203.05482: the mean of weights that lie
    in one basin. Checkpoints of one run do; those of two runs from different random weights do not.
    """
    total: dict[str, npt.NDArray[np.float32]] = {}
    for file, share in checkpoints.items():
        for name, tensor in load_file(file).items():
            part = tensor.astype(np.float32) * np.float32(share)
            total[name] = total[name] + part if name in total else part
    save_file(total, target, {"format": "pt"})
