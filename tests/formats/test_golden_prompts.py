"""What every family sees of ten talks, as files to be reviewed like code."""

from pathlib import Path

import pytest
from tests.golden.prompts import page

from tertulia import registry

HERE = Path(__file__).parents[1] / "golden" / "prompts"


@pytest.mark.parametrize("name", registry.names("tertulia.formats"))
def test_prompts_are_those_of_the_golden_files(name: str) -> None:
    golden = HERE / f"{name}.txt"
    assert golden.exists() and golden.read_text("utf-8") == page(name), "run `make golden`"
