"""A number of a file at its edges, or beyond any, is a setting or an error that names it."""

import dataclasses
import math
import types
import typing
from collections.abc import Iterator

import pytest

from tertulia import config, registry
from tertulia.decoding import RANGES, Decoding
from tertulia.errors import ConfigError

EDGES = (
    *(-1, 0, 1, 2**31 - 1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**400, True),
    *(-0.0, 0.5, 1e-320, -1e-320, 1e308, math.inf, -math.inf, math.nan),
)
REQUIRED = {"model": "m", "base_url": "http://127.0.0.1/v1", "label": "x"}


def numeric(wanted: object) -> bool:
    if typing.get_origin(wanted) in (typing.Union, types.UnionType):
        return any(map(numeric, typing.get_args(wanted)))
    return wanted in (int, float)


def fields() -> Iterator[tuple[type, str]]:
    """(settings, name) of every number that an agent file may hold."""
    shelves = ("engines", "rankers", "planners", "formats")
    files = [(shelf, name) for shelf in shelves for name in registry.names(f"tertulia.{shelf}")]
    found = [
        Decoding,
        *(registry.load(f"tertulia.{shelf}", name).Settings for shelf, name in files),
    ]
    for settings in found:
        for name, wanted in typing.get_type_hints(settings).items():
            if numeric(wanted):
                yield settings, name


FIELDS = list(fields())


def named(settings: type) -> str:
    return f"{settings.__module__}.{settings.__name__}"


@pytest.mark.parametrize(("settings", "name"), FIELDS, ids=[f"{named(s)} {n}" for s, n in FIELDS])
def test_a_number_is_a_finite_setting_or_refused_by_name(settings: type, name: str) -> None:
    needed = {each.name for each in dataclasses.fields(settings)
              if each.default is each.default_factory is dataclasses.MISSING}  # fmt: skip
    table = {key: REQUIRED[key] for key in needed if key != name}
    for value in EDGES:
        try:
            made = config.build(settings, {**table, name: value}, "a.toml")
        except ConfigError as refused:
            assert name in str(refused) and len(str(refused)) < 400
        else:
            kept = getattr(made, name)
            assert math.isfinite(kept) and kept == type(kept)(value)


@pytest.mark.parametrize(("name", "low", "high", "cure"), RANGES)
def test_both_ends_of_a_range_belong_to_it(name: str, low: float, high: float, cure: str) -> None:
    for value in (low, high):
        try:
            assert getattr(Decoding(**{name: value}), name) == value
        except ValueError as refused:
            assert f"{name} is {value}, must be in" not in str(refused)
