"""What config.json says of a model, read with its place: no key is guessed, none is passed over."""

import json
import math
from collections.abc import Collection, Sequence

from tertulia.engines.onnxruntime.weights import Checkpoint
from tertulia.errors import CheckpointError

CURE = "use the transformers engine"


class Config:
    """One config.json; a key that is missing or null has the family's own default."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.told = checkpoint.config
        self.place = checkpoint.folder / "config.json"

    def get(self, key: str, otherwise: object = None) -> object:
        value = self.told.get(key)
        return otherwise if value is None else value

    def whole(self, *keys: str, otherwise: int | None = None, least: int = 1) -> int:
        """A whole number, under the first of these spellings that is there."""
        key = next((each for each in keys if self.get(each) is not None), keys[0])
        value = self.get(key, otherwise)
        if type(value) is not int or value < least:
            raise CheckpointError(
                f"{self.place}: {key} is {value!r}, must be a whole number above {least - 1}"
            )
        return value

    def limit(self, key: str, otherwise: int | None = None) -> int | None:
        """The same where null means that there is none; otherwise is for a key that is missing."""
        if key in self.told and self.told[key] is None:
            return None
        return (
            None if self.told.get(key, otherwise) is None else self.whole(key, otherwise=otherwise)
        )

    def number(self, key: str, otherwise: float | None = None) -> float:
        """A finite number above 0."""
        return positive(self.get(key, otherwise), f"{self.place}: {key}")

    def flag(self, key: str, otherwise: bool = False) -> bool:
        value = self.get(key, otherwise)
        if type(value) is not bool:
            raise CheckpointError(f"{self.place}: {key} is {value!r}, must be true or false")
        return value

    def one_of(self, key: str, known: Collection[str], otherwise: str) -> str:
        value = self.get(key, otherwise)
        if not isinstance(value, str) or value not in known:
            raise self.refusal(key, value, " and ".join(known))
        return value

    def only(self, **expected: object) -> None:
        """Raises CheckpointError for a key with another value than the one the graph does."""
        for key, value in expected.items():
            told = self.get(key, value)
            if told != value:
                raise self.refusal(
                    key, told, value if isinstance(value, str) else json.dumps(value)
                )

    def choices(self, key: str, count: int, known: Sequence[str]) -> tuple[str, ...] | None:
        """One of the known words for each layer; None when the key is not there."""
        told = self.get(key)
        if told is None:
            return None
        if not isinstance(told, list) or len(told) != count or not set(told) <= set(known):
            raise self.refusal(key, told, f"{count} of {' and '.join(known)}")
        return tuple(told)

    def refusal(self, key: str, value: object, known: str) -> CheckpointError:
        return CheckpointError(
            f"{self.place}: {key} is {value!r}, and only {known} is known here: {CURE}"
        )


def positive(value: object, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise CheckpointError(f"{place} is {value!r}, must be a number above 0")
    return float(value)
