"""Config: a wrong key or value is answered with the place and the cure."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tertulia.config import build, toml
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


@dataclass(frozen=True)
class Needed:
    model: str
    device: str = "cpu"


def test_a_setting_that_must_be_given_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^a\.toml: model is missing: write model = …$"):
        build(Needed, {}, "a.toml")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('a = 1\nagent = "Ana\n', "in 'agent = \"Ana': a quotation mark is missing at its end"),
        ("agent = “Ana”", "in 'agent = “Ana”': write straight quotation marks"),
        ("agent: Ana", "in 'agent: Ana': write KEY = \"value\""),
        ("agent = Ana", "in 'agent = Ana': text stands in quotation marks"),
        ("a = 1\na = 2", "in 'a = 2': the key stands there twice; keep one"),
        ('a = [\n"x",\n', "in '\"x\",': a value is missing, or a quotation mark"),
        ('a = """x', "a quotation mark or a bracket is not closed"),
    ],
)
def test_a_line_that_is_no_toml_is_shown_with_what_is_mostly_meant(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        toml(text, "a.toml")
    assert str(caught.value).startswith("a.toml is not TOML: ") and told in str(caught.value)
