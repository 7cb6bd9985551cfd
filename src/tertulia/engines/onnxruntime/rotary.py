"""Rotary positions (arXiv:2104.09864): the angles by which queries and keys are turned."""

import math
from collections.abc import Mapping

import numpy as np

from tertulia.engines.onnxruntime.config import CURE, Config, positive
from tertulia.engines.onnxruntime.weights import Floats
from tertulia.errors import CheckpointError

Parameters = Mapping[str, object]


def parameters(config: Config, *, theta: float = 10_000.0, part: float = 1.0) -> Parameters:
    """Rotation as config.json has it, in the spelling of transformers 5 or of those before it.

    theta  the family's own base
    part   of a head that is turned, where the family says so
    """
    told = config.get("rope_scaling") or config.get("rope_parameters", {})
    if not isinstance(told, dict):
        raise CheckpointError(f"{config.place}: rope parameters are {told!r}, must be an object")
    return {
        "rope_theta": config.get("rope_theta", theta),
        "partial_rotary_factor": config.get("partial_rotary_factor", part),
        **told,
    }


def turned(told: Parameters, head: int, config: Config) -> int:
    """How many of a head's numbers are turned; the first ones are."""
    part = positive(
        told.get("partial_rotary_factor", 1.0), f"{config.place}: partial_rotary_factor"
    )
    count = int(head * part)
    if count % 2 or not 0 < count <= head:
        raise CheckpointError(
            f"{config.place}: partial_rotary_factor is {part}, which turns {count} of a head's "
            f"{head} numbers: must be even and no more than these"
        )
    return count


def angles(told: Parameters, head: int, window: int, config: Config) -> Floats:
    """Angles [window, turned / 2] of these parameters, by which a head's numbers are turned."""
    place, count = f"{config.place}: rope", turned(told, head, config)
    theta = positive(told.get("rope_theta"), f"{place}_theta")
    turns = theta ** (-np.arange(0, count, 2, dtype=np.float32) / np.float32(count))
    kind = told.get("rope_type", told.get("type", "default"))
    if kind == "linear":
        turns = turns / positive(told.get("factor"), f"{place} factor")
    elif kind == "llama3":
        turns = by_bands(turns, told, config)
    elif kind != "default":
        raise CheckpointError(
            f"{place} parameters are {told}, and only default, linear and llama3 are known here: "
            f"{CURE}"
        )
    found: Floats = np.arange(window, dtype=np.float32)[:, None] * turns.astype(np.float32)
    return found


def by_bands(turns: Floats, told: Parameters, config: Config) -> Floats:
    """Llama 3.1's scaling: slow turns divided by factor, fast ones kept, those between blended.

    turns  radians a position, [head / 2]
    Source: transformers, modeling_rope_utils.py, _compute_llama3_parameters.
    """
    old = config.get(
        "original_max_position_embeddings", told.get("original_max_position_embeddings")
    )
    told = {**told, "original_max_position_embeddings": old}
    factor, low, high, first = (
        positive(told.get(key), f"{config.place}: rope {key}")
        for key in (
            "factor",
            "low_freq_factor",
            "high_freq_factor",
            "original_max_position_embeddings",
        )
    )
    laps = first * turns / (2 * math.pi)
    blend = np.clip((laps - low) / (high - low), 0, 1)
    scaled: Floats = (1 - blend) * turns / factor + blend * turns
    return scaled
