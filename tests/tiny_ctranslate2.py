"""Tiny checkpoints converted for CTranslate2; what is not installed skips what needs it."""

from pathlib import Path

import pytest

from tertulia import engines
from tertulia.engines import Engine

pytest.importorskip("ctranslate2", reason="pip install 'tertulia[ctranslate2]'")


def converted(source: Path, quantization: str = "float32") -> Path:
    """A folder beside the source."""
    from tertulia.checkpoints import ctranslate2

    target = source.with_name(f"{source.name}-{quantization}")
    return ctranslate2.convert(ctranslate2.planned(source, target, quantization, "native"))


def opened(folder: Path, **settings: object) -> Engine:
    return engines.load("ctranslate2", model=folder, **{"threads": 1, **settings})
