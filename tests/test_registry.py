"""The registry: names are file names, and a wrong one comes with its cure."""

import sys
from pathlib import Path

import pytest

from tertulia import engines, formats, registry
from tertulia.errors import MissingExtra, UnknownName


def test_names_are_the_file_names() -> None:
    places = Path(formats.__file__).parent.glob("[!_]*")
    assert registry.names("tertulia.formats") == tuple(sorted(place.stem for place in places))


def test_a_misspelt_name_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(UnknownName, match=r"no 'natve' in tertulia.formats: did you mean 'native'"):
        formats.load("natve")


def test_a_misspelt_variant_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(UnknownName, match="no variant 'nativ': did you mean 'native'"):
        formats.load("native", variant="nativ")


def test_a_missing_package_is_answered_with_the_line_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [each for each in sys.modules if each.startswith("tertulia.engines.transformers")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"needs torch: pip install 'tertulia\[torch\]'"):
        engines.load("transformers", model="anything")
