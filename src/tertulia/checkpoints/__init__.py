"""Checkpoints: which model folders there are, what they hold, and what could be had."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tertulia.errors import CheckpointError
from tertulia.registry import nearest

BUILTIN = "builtin"
LARGEST_CONFIG = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A published model that Tertulia has a format for.

    gigabytes  size of the published weights, about
    """

    hub: str
    format: str
    preset: str
    licence: str
    gigabytes: float
    note: str = ""


KNOWN: Mapping[str, Known] = {
    "cosmo-xl": Known(
        hub="allenai/cosmo-xl",
        format="cosmo",
        preset="cosmo",
        licence="Apache-2.0",
        gigabytes=11.4,
    ),
    "godel-base": Known(
        hub="microsoft/GODEL-v1_1-base-seq2seq",
        format="godel",
        preset="godel_card",
        licence="MIT",
        gigabytes=0.9,
    ),
    "godel-large": Known(
        hub="microsoft/GODEL-v1_1-large-seq2seq",
        format="godel",
        preset="godel_card",
        licence="MIT",
        gigabytes=3.1,
    ),
    "thanos-1b": Known(
        hub="passing2961/Thanos-1B",
        format="thanos",
        preset="thanos_card",
        licence="CC-BY-NC-4.0",
        gigabytes=2.5,
        note="not for commercial use",
    ),
    "thanos-3b": Known(
        hub="passing2961/Thanos-3B",
        format="thanos",
        preset="thanos_card",
        licence="CC-BY-NC-4.0",
        gigabytes=6.4,
        note="not for commercial use",
    ),
    "thanos-8b": Known(
        hub="passing2961/Thanos-8B",
        format="thanos",
        preset="thanos_card",
        licence="CC-BY-NC-4.0",
        gigabytes=16.1,
        note="not for commercial use",
    ),
    "persona-gpt": Known(
        hub="af1tang/personaGPT",
        format="persona_gpt",
        preset="persona_gpt",
        licence="GPL-3.0",
        gigabytes=1.4,
    ),
    "dialogpt-small": Known(
        hub="microsoft/DialoGPT-small",
        format="dialogpt",
        preset="dialogpt",
        licence="MIT",
        gigabytes=0.35,
    ),
    "dialogpt-medium": Known(
        hub="microsoft/DialoGPT-medium",
        format="dialogpt",
        preset="dialogpt",
        licence="MIT",
        gigabytes=0.9,
    ),
    "dialogpt-large": Known(
        hub="microsoft/DialoGPT-large",
        format="dialogpt",
        preset="dialogpt",
        licence="MIT",
        gigabytes=1.8,
    ),
    "pingpong-gpt": Known(
        hub="",
        format="pingpong_gpt",
        preset="pingpong_gpt_top_p",
        licence="Apache-2.0 (code)",
        gigabytes=1.3,
        note="weights withdrawn in 2021 for privacy; the architecture only",
    ),
    "meena": Known(
        hub="",
        format="meena",
        preset="pingpong_meena_top_p",
        licence="Apache-2.0 (code)",
        gigabytes=1.8,
        note="weights withdrawn in 2021 for privacy; the architecture only",
    ),
}
"""Sizes and licences as their model cards give them."""


def builtin() -> Path:
    """The folder of the packaged default model."""
    return Path(__file__).parents[1] / BUILTIN


def find(name: str) -> Path:
    """The model folder for "builtin" or for a path; nothing is ever fetched.

    Raises CheckpointError, with the cure, for a published model whose weights are not here and for
    a path that is no model folder.
    """
    if name == BUILTIN:
        return builtin()
    path = Path(name).expanduser()
    if path.is_dir():
        config(path)
        return path
    known = KNOWN.get(name)
    if known is None:
        names = nearest(name, (BUILTIN, *KNOWN))
        raise CheckpointError(f"no model folder {name!r}, and no model of that name: {names}")
    if not known.hub:
        raise CheckpointError(f"{name}: {known.note}; give the folder of weights of your own")
    raise CheckpointError(
        f"the weights of {name} ({known.gigabytes} GB, {known.licence}) are not here: download "
        f"{known.hub} from the Hugging Face hub into a folder and give that folder instead"
    )


def config(folder: Path) -> Mapping[str, Any]:
    """config.json of a model folder; raises CheckpointError when it is missing or unreadable."""
    path = folder / "config.json"
    try:
        if path.stat().st_size > LARGEST_CONFIG:
            raise CheckpointError(f"{path} is over {LARGEST_CONFIG >> 20} MB, no model's config is")
        table = json.loads(path.read_bytes())
    except OSError as error:
        raise CheckpointError(
            f"{folder} is no model folder: config.json cannot be read ({error.strerror}); give a "
            "folder written by save_pretrained"
        ) from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not JSON: {error}; download it again") from error
    if not isinstance(table, dict):
        raise CheckpointError(f"{path} holds no JSON object; download it again")
    return table
