"""Every engine on the shelf, opened on a tiny model."""

from collections.abc import Iterator

import pytest
from tests.contracts.tiny_engines import MARKS, TINY

from tertulia import registry
from tertulia.engines import Engine

NAMES = registry.names("tertulia.engines")


@pytest.fixture(scope="module", params=[pytest.param(n, marks=MARKS.get(n, [])) for n in NAMES])
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    tiny = TINY.get(request.param)
    assert tiny, f"tests/contracts/tiny_engines.py has no tiny engine for {request.param}: add one"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        with tiny(tmp_path_factory.mktemp(request.param)) as opened:
            yield opened
