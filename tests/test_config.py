"""Config: a wrong key or value is answered with the place and the cure."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tertulia.config import build
from tertulia.errors import ConfigError


@dataclass(frozen=True)
class Settings:
    temperature: float = 0.7
    lines: tuple[str, ...] = ()
    folder: Path | None = None
    loud: bool = False

    def __post_init__(self) -> None:
        if self.temperature < 0:
            raise ValueError(f"temperature is {self.temperature}, must be at least 0")


def test_a_table_becomes_settings() -> None:
    made = build(Settings, {"temperature": 1, "lines": ["a"], "folder": "x"}, "a.toml")
    assert made == Settings(temperature=1.0, lines=("a",), folder=Path("x"))


def test_a_misspelt_key_names_the_place_and_the_nearest_key() -> None:
    with pytest.raises(ConfigError, match=r"^a.toml: no key 'temprature': did you mean 'temp"):
        build(Settings, {"temprature": 1.0}, "a.toml")


def test_a_refused_value_keeps_the_reason() -> None:
    with pytest.raises(ConfigError, match=r"^a.toml: temperature is -1.0, must be at least 0"):
        build(Settings, {"temperature": -1.0}, "a.toml")


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("temperature", "hot", "temperature is 'hot', must be a number"),
        ("temperature", True, "temperature is True, must be a number"),
        ("lines", "one", "lines is 'one', must be a list"),
        ("lines", [1], r"lines\[0\] is 1, must be a string"),
        ("loud", 1, "loud is 1, must be true or false"),
        ("folder", 3, "folder is 3, must be a path"),
    ],
)
def test_a_value_of_another_type_is_told_what_it_must_be(
    key: str, value: object, told: str
) -> None:
    with pytest.raises(ConfigError, match=f"a.toml: {told}"):
        build(Settings, {key: value}, "a.toml")
