"""A model folder that is to be converted: its config.json read with care, its arrays as floats."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tertulia.checkpoints import convert, folder
from tertulia.checkpoints.int8 import Floats
from tertulia.checkpoints.requantize import Source, Told, finite
from tertulia.errors import CheckpointError

CURE = "CTranslate2 cannot be given this model faithfully; use the onnxruntime engine"


@dataclass(frozen=True, slots=True)
class Model:
    """What a family reads its own from; a key that is missing or null has the family's default.

    told  hears of every array that was read
    """

    folder: Path
    config: Mapping[str, Any]
    sources: Mapping[str, Source]
    told: Told

    def whole(self, *keys: str, otherwise: int | None = None) -> int:
        """A whole number above 0, under the first of these spellings that is there."""
        key = next((each for each in keys if self.config.get(each) is not None), keys[0])
        value = self.get(key, otherwise)
        if type(value) is not int or value < 1:
            raise self.wrong(key, value, "a whole number above 0")
        return value

    def number(self, key: str, otherwise: float | None = None) -> float:
        """A finite number above 0."""
        return self.positive(key, self.get(key, otherwise))

    def positive(self, key: str, value: object) -> float:
        if type(value) not in (int, float) or not 0 < value < math.inf:  # type: ignore[operator]
            raise self.wrong(key, value, "a number above 0")
        return float(value)  # type: ignore[arg-type]

    def flag(self, key: str, otherwise: bool = False) -> bool:
        value = self.get(key, otherwise)
        if type(value) is not bool:
            raise self.wrong(key, value, "true or false")
        return value

    def get(self, key: str, otherwise: object = None) -> object:
        value = self.config.get(key)
        return otherwise if value is None else value

    def only(self, **expected: object) -> None:
        """Raises CheckpointError for a key with another value than the one that is converted."""
        for key, value in expected.items():
            if self.get(key, value) != value:
                raise self.unknown(key, self.get(key), repr(value))

    def unknown(self, key: str, value: object, known: str) -> CheckpointError:
        return CheckpointError(
            f"{self.place}: {key} is {value!r}, and only {known} is known: {CURE}"
        )

    def wrong(self, key: str, value: object, wanted: str) -> CheckpointError:
        return CheckpointError(f"{self.place}: {key} is {value!r}, must be {wanted}")

    @property
    def place(self) -> Path:
        return self.folder / folder.CONFIG

    def __contains__(self, name: str) -> bool:
        return name in self.sources

    def floats(self, name: str, *shape: int) -> Floats:
        """An array in float32; raises CheckpointError when it is missing or of another shape."""
        source = self.sources.get(name)
        if source is None:
            raise CheckpointError(f"{self.folder} has no array {name!r}: fetch the model again")
        found = source.held.entry.shape
        if found != shape:
            raise CheckpointError(
                f"{self.folder}: {name} is {list(found)}, and config.json makes it {list(shape)}: "
                "take both from the same model"
            )
        try:
            whole = np.concatenate([finite(each) for each in source.blocks()])
        except FloatingPointError as error:
            raise CheckpointError(
                f"{name} {error}: the model is damaged; fetch it again"
            ) from error
        self.told(name, source.held.entry.bytes)
        return whole


def opened(place: Path, told: Told) -> Model:
    """The model in a folder; nothing in its weights is run."""
    return Model(place, folder.config(place), dict(named(place)), told)


def named(place: Path) -> Iterator[tuple[str, Source]]:
    """Its arrays by name, scales with their matrices."""
    family = str(folder.config(place).get("model_type", ""))
    for file, held in convert.arrays(place).items():
        for source in convert.part(file, held, family, "float32").sources:
            yield source.name, source
