"""Every test of the command line has a home of its own, and an agent that says what it is told."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = """
description = "says what it is told"
format = "native"
[engine]
name = "scripted"
lines = ["One.", "Two.", "Three.", "Four."]
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where talks and typed lines are kept during the test."""
    folder = tmp_path / "home"
    monkeypatch.setenv("TERTULIA_HOME", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def script(tmp_path: Path) -> str:
    """An agent file; its replies count up with the seed."""
    path = tmp_path / "script.toml"
    path.write_text(SCRIPT)
    return str(path)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | bytes], None]:
    """Put text, or bytes, on stdin."""

    def put(text: str | bytes) -> None:
        content = text.encode() if isinstance(text, str) else text
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))

    return put
