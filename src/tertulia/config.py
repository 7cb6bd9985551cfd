"""Settings files: TOML tables become frozen dataclasses, and a wrong key comes with its cure."""

import dataclasses
import functools
import math
import re
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from tertulia.errors import ConfigError
from tertulia.registry import nearest

Settings = TypeVar("Settings")
PLACE = re.compile(r"at line (\d+)")
CURLY = frozenset("\u201c\u201d\u2018\u2019")

LARGEST = 2**63 - 1
"""The largest whole number that TOML has."""


def toml(content: bytes | str, where: str) -> dict[str, Any]:
    """The table of a TOML text; bytes are UTF-8, with or without a byte order mark.

    Raises ConfigError with the line that is wrong, and what is mostly meant.
    """
    text = content if isinstance(content, str) else utf_8(content, where)
    text = text.removeprefix("\ufeff")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ConfigError(f"{where} is not TOML: it is nested too deep") from error
    except ValueError as error:
        raise ConfigError(f"{where} is not TOML: {error}{mended(text, str(error))}") from error


def utf_8(content: bytes, where: str) -> str:
    """Text of a file; raises ConfigError when it is in another encoding."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{where} is not UTF-8 (byte {error.start} is 0x{content[error.start]:02x}): "
            "save it as UTF-8"
        ) from error


def mended(text: str, error: str) -> str:
    """The line that a TOML error names, and what to do about it."""
    found = PLACE.search(error)  # there is no line where the text ends
    line = text.rstrip().split("\n")[int(found[1]) - 1 if found else -1].strip()
    return f", in {shown(line)}: {cure(line, error)}"


def cure(line: str, error: str) -> str:
    if CURLY & set(line):
        return 'write straight quotation marks, "'
    if "Illegal character '\\n'" in error:
        return "a quotation mark is missing at its end"
    if "Expected '='" in error:
        return 'write KEY = "value"'
    if "overwrite" in error or "twice" in error:
        return "the key stands there twice; keep one"
    if "end of document" in error:
        return "a value is missing, or a quotation mark or a bracket is not closed"
    if "Invalid value" in error:
        return "text stands in quotation marks"
    return "mend it there"


def build(settings: type[Settings], table: Mapping[str, Any], where: str) -> Settings:
    """The settings object a table describes; lists become tuples, strings become paths.

    where  how to find the table again, for messages: "agent.toml [decoding]"

    Raises ConfigError for a key the settings do not have, a value of another type than the field,
    and a value the settings refuse.
    """
    hints = types_of(settings)  # type: ignore[arg-type]  # a class is hashable
    known = [field.name for field in dataclasses.fields(settings)]  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            raise ConfigError(f"{where}: no key {key!r}: {nearest(key, known)}")
        values[key] = fitted(value, hints[key], f"{where}: {key}")
    for field in dataclasses.fields(settings):  # type: ignore[arg-type]
        needed = dataclasses.MISSING is field.default is field.default_factory
        if needed and field.name not in values:
            raise ConfigError(f"{where}: {field.name} is missing: write {field.name} = …")
    try:
        return settings(**values)
    except (TypeError, ValueError) as refused:
        raise ConfigError(f"{where}: {refused}") from refused


@functools.cache
def types_of(settings: type) -> Mapping[str, Any]:
    """The types of a class's fields, found out once: a server builds one for every request."""
    return typing.get_type_hints(settings)


def fitted(value: Any, wanted: Any, where: str) -> Any:  # noqa: ANN401 - any TOML value
    """A TOML or JSON value as the field's type; raises ConfigError when it is of another one."""
    origin = typing.get_origin(wanted)
    if wanted is Any:
        return value
    if origin in (typing.Union, types.UnionType):
        return fitted_to_one(value, typing.get_args(wanted), where)
    if origin is tuple and isinstance(value, (list, tuple)):
        inner = typing.get_args(wanted)[0]
        return tuple(fitted(each, inner, f"{where}[{n}]") for n, each in enumerate(value))
    if wanted is Path and isinstance(value, (str, Path)):
        return Path(value)
    if type(value) in (int, float):
        check_size(value, where)
    if wanted is float and type(value) is int:
        return float(value)
    plain = origin or wanted
    if isinstance(value, bool) and plain is not bool or not isinstance(value, plain):
        told = articled(getattr(plain, "__name__", str(plain)))
        wrapped = ': write ["…"]' if plain is tuple and isinstance(value, str) else ""
        raise ConfigError(f"{where} is {shown(value)}, must be {told}{wrapped}")
    return value


def check_size(number: float, where: str) -> None:
    """Raises ConfigError for a number that is not finite, or whole and beyond 64 bits."""
    if isinstance(number, float) and not math.isfinite(number):
        raise ConfigError(f"{where} is {number}, must be a finite number")
    if isinstance(number, int) and not -LARGEST - 1 <= number <= LARGEST:
        raise ConfigError(f"{where} is {shown(number)}, must fit into 64 bits")


def fitted_to_one(value: Any, choices: tuple[Any, ...], where: str) -> Any:  # noqa: ANN401
    """The value as the first of several types that takes it."""
    if value is None and type(None) in choices:
        return None
    refused: ConfigError | None = None
    for choice in (each for each in choices if each is not type(None)):
        try:
            return fitted(value, choice, where)
        except ConfigError as error:
            refused = refused or error
    raise refused or ConfigError(f"{where} is {shown(value)}, which fits no type of this field")


def shown(value: object) -> str:
    """A value as it may stand in a message: short, on one line."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def articled(type_name: str) -> str:
    words = {
        "str": "a string",
        "int": "a whole number",
        "float": "a number",
        "bool": "true or false",
        "tuple": "a list",
        "dict": "a table",
        "Mapping": "a table",
        "Path": "a path",
    }
    return words.get(type_name, f"a {type_name}")
