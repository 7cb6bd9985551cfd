"""tertulia studio: the page from the command line."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest


@contextmanager
def studio(tmp_path: Path, *words: str, **environment: str) -> Iterator[str]:
    """The address that the command tells."""
    command = [sys.executable, "-m", "tertulia", "studio", "--port", "0", "--no-browser"]
    process = subprocess.Popen(
        [*command, "--store", str(tmp_path / "talks.sqlite"), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    assert process.stdout and process.stderr
    try:
        told = re.search(r"open at (\S+)", process.stdout.readline())
        assert told, process.stderr.read()
        yield told[1]
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def test_the_page_and_the_talks_are_served_together(tmp_path: Path) -> None:
    with studio(tmp_path) as address:
        assert "script-src 'self'" in httpx.get(address).headers["content-security-policy"]
        told = httpx.get(f"{address}tertulia/agents").json()
        assert [each["name"] for each in told["agents"]] == ["mini", "mini-streams", "mini-thinks"]


def test_a_scene_opens_as_a_talk_with_a_key_too(tmp_path: Path) -> None:
    key = {"x-api-key": "k3y"}
    with studio(tmp_path, "--scene", "interview", TERTULIA_KEY="k3y") as address:
        home, _, talk = address.partition("#/talks/")
        assert "k3y" not in address
        assert httpx.get(f"{home}tertulia/talks/{talk}").status_code == 401
        found = httpx.get(f"{home}tertulia/talks/{talk}", headers=key).json()
        assert found["scene"]["agent"] == "Mrs. Hill"
        assert len(found["turns"]) == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--scene", "intervew"], "did you mean 'interview'?"),
        (["--agent", "minni"], "did you mean 'mini'"),
    ],
)
def test_a_mistake_is_told_before_anything_is_opened(words: list[str], told: str) -> None:
    command = [sys.executable, "-m", "tertulia", "studio", "--no-browser", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and told in done.stderr
    assert done.stderr.count("\n") == 1
