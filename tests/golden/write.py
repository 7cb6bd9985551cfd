"""`make golden`: rewrite every golden file, to be read as a diff.

A file beside this one that has `files()` tells golden files: name below this folder -> text.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).parent


def golden() -> Mapping[str, str]:
    """What all golden files ought to hold."""
    found: dict[str, str] = {}
    for module in pkgutil.iter_modules([str(HERE)]):
        if module.name != "write":
            writer = importlib.import_module(f"tests.golden.{module.name}")
            found.update(writer.files())
    return found


def main() -> None:
    for name, text in golden().items():
        path = HERE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
