"""The help texts are those of the golden files, which `make golden` writes."""

import pytest

from tests.golden import help
from tests.golden.write import HERE


@pytest.mark.parametrize("name", help.files())
def test_help_is_as_it_was_reviewed(name: str) -> None:
    # Words only: where lines are broken differs from one Python's argparse to the next.
    kept = (HERE / name).read_text(encoding="utf-8").split()
    assert kept == help.files()[name].split(), "see `make golden`"


def test_there_is_no_golden_help_of_what_is_gone() -> None:
    kept = {f"help/{path.name}" for path in (HERE / "help").glob("*.txt")}
    assert kept == set(help.files())
