"""How much memory a model is likely to take, before it was ever opened."""

from pathlib import Path

MEBI = 1 << 20
BARE_BYTES = 160 * MEBI
"""A worker with the built-in model, which is small: Python, numpy, ONNX Runtime."""


def expected_bytes(folder: str | None) -> int:
    """A process and the weights in a folder; what is made of them may be smaller or larger."""
    files = Path(folder).glob("*.safetensors") if folder else ()
    return BARE_BYTES + sum(file.stat().st_size for file in files)
