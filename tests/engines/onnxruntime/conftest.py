"""A tiny model, opened once in each arithmetic."""

from pathlib import Path

import pytest
from tests.tiny_llama import tiny_llama

from tertulia import engines
from tertulia.engines.onnxruntime import OnnxRuntime


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama(tmp_path_factory.mktemp("tiny"))


def opened(folder: Path, **settings: object) -> OnnxRuntime:
    engine = engines.load("onnxruntime", model=str(folder), **{"threads": 1, **settings})
    assert isinstance(engine, OnnxRuntime)
    return engine


@pytest.fixture(scope="session", params=["int8", "float32"])
def each_arithmetic(request: pytest.FixtureRequest, tiny: Path) -> OnnxRuntime:
    return opened(tiny, quantization=request.param)


@pytest.fixture(scope="session")
def engine(tiny: Path) -> OnnxRuntime:
    return opened(tiny)
