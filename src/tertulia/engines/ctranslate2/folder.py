"""A folder that `tertulia convert --for ctranslate2` made, checked before the library opens it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tertulia.engines.ctranslate2 import model_file
from tertulia.engines.ctranslate2.shapes import Shapes, known
from tertulia.errors import CheckpointError

CONVERSION = 1
"""What `conversion` in config.json must be; see checkpoints/ctranslate2."""

PACKED = ("quantization_type", "quantization_bits", "quantization_group_size")
"""Keys by which the library reads matrices in fewer bits, of which none is made here."""

LARGEST_CONFIG = 4 << 20
LARGEST_VOCABULARY = 64 << 20
MADE_ELSEWHERE = (
    "was not made by `tertulia convert SRC DST --for ctranslate2`: other converters lose the scale "
    "of T5's logits and Llama 3's rotation without a word, so convert the model's own weights"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What config.json says of a model, and its file bears out.

    prompt, reply  positions of each, of a decoder alone twice the same; None where there is no end
    window         tokens it was trained with, where positions have no end
    start          what a decoder behind an encoder begins with; empty for a decoder alone
    """

    vocabulary: int
    prompt: int | None
    reply: int | None
    window: int | None
    start: tuple[int, ...]
    ends: tuple[int, ...]


def about(folder: Path) -> About:
    """What a folder holds; raises CheckpointError for one that is not to be opened."""
    told = table(folder)
    shapes = Shapes(folder, model_file.contents(folder))
    shapes.check()
    check_names(folder, shapes)
    prompt, reply = told.get("positions") or (None, None)
    if shapes.stacks() == ("decoder",):
        reply = prompt = known(shapes, {"decoder": prompt})["decoder"]
    else:
        limits = known(shapes, {"encoder": prompt, "decoder": reply})
        prompt, reply = limits["encoder"], limits["decoder"]
    found = About(
        vocabulary=shapes.vocabulary,
        prompt=prompt,
        reply=reply,
        window=told.get("window"),
        start=tuple(told.get("start", ())),
        ends=tuple(told.get("ends", ())),
    )
    for token in (*found.start, *found.ends):
        if type(token) is not int or not 0 <= token < shapes.vocabulary:
            raise CheckpointError(
                f"{folder / 'config.json'}: {token!r} must be an id below {shapes.vocabulary}"
            )
    if bool(found.start) != (shapes.stacks() != ("decoder",)):
        raise CheckpointError(f"{folder / 'config.json'}: start is {list(found.start)}, {DAMAGED}")
    return found


DAMAGED = "which does not fit the model: convert it again"


def table(folder: Path) -> Mapping[str, Any]:
    """The table `ctranslate2` of config.json, its numbers whole and above 0."""
    place = folder / "config.json"
    told = read(place, LARGEST_CONFIG)
    found = told.get("ctranslate2") if isinstance(told, dict) else None
    if not isinstance(found, dict) or found.get("conversion") != CONVERSION:
        raise CheckpointError(f"{folder} {MADE_ELSEWHERE}")
    for key in PACKED:
        if told.get(key):
            raise CheckpointError(f"{place}: {key} is {told[key]!r}, {DAMAGED}")
    positions = found.get("positions")
    if not isinstance(positions, list) or len(positions) != 2:
        raise CheckpointError(f"{place}: positions is {positions!r}, {DAMAGED}")
    for value in (*positions, found.get("window")):
        if value is not None and (type(value) is not int or not 1 < value < 1 << 24):
            raise CheckpointError(f"{place}: {value!r} is no number of positions, {DAMAGED}")
    if not all(isinstance(found.get(name), list) for name in ("start", "ends")):
        raise CheckpointError(f"{place}: start and ends must be lists of ids, {DAMAGED}")
    return found


def check_names(folder: Path, shapes: Shapes) -> None:
    """Raises CheckpointError when the library's vocabulary is not "0", "1", "2" …"""
    shared = shapes.stacks() != ("decoder",)
    place = folder / ("shared_vocabulary.json" if shared else "vocabulary.json")
    if read(place, LARGEST_VOCABULARY) != [str(n) for n in range(shapes.vocabulary)]:
        raise CheckpointError(
            f'{place} is not "0", "1" … "{shapes.vocabulary - 1}", one for each row of the '
            "embeddings: convert the model again"
        )


def read(place: Path, largest: int) -> Any:  # noqa: ANN401 - JSON
    """What a JSON file of bearable size says."""
    try:
        if not place.is_file():
            raise CheckpointError(f"{place} is not there: {place.parent} {MADE_ELSEWHERE}")
        with place.open("rb") as file:
            data = file.read(largest + 1)
    except OSError as error:
        raise CheckpointError(f"{place} cannot be read ({error.strerror})") from error
    if len(data) > largest:
        raise CheckpointError(f"{place} is over {largest >> 20} MB, no model's is")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{place} is not JSON: {error}; convert the model again") from error
