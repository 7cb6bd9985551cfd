"""The official openai client for Node, against a server of ours: its contract, not ours.

The client is installed once, outside this folder: in $TERTULIA_NODE_CLIENT, or in the user's cache.
"""

import os
import shutil
import subprocess
from pathlib import Path

import platformdirs
import pytest
from filelock import FileLock

from tertulia import assembly
from tertulia.server.app import application
from tertulia.server.settings import Settings
from tests.server.asking import scripted
from tests.server.live import listening

HERE = Path(__file__).parent / "node"
NODE, NPM = shutil.which("node"), shutil.which("npm")
KEY = "a-key"
LINES = ("Hello there, 친구 👋🏽.", "No.", "Maybe so.")

pytestmark = pytest.mark.skipif(NODE is None or NPM is None, reason="node is not installed")


def installed() -> Path:
    """A folder with the client in it and the checks beside it; skips when it cannot be had."""
    cache = platformdirs.user_cache_path("tertulia") / "node-client"
    folder = Path(os.environ.get("TERTULIA_NODE_CLIENT") or cache)
    locked = folder / "package-lock.json"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        install(folder, locked)
    return folder


def install(folder: Path, locked: Path) -> None:
    """Install what the lock file names, unless that was done; skips when it cannot be."""
    if locked.exists() and locked.read_bytes() == (HERE / locked.name).read_bytes():
        return
    shutil.copytree(HERE, folder, dirs_exist_ok=True)
    command = [str(NPM), "ci", "--no-audit", "--no-fund", "--ignore-scripts",
               "--fetch-retries=0", "--fetch-timeout=20000"]  # fmt: skip
    try:
        subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        locked.unlink(missing_ok=True)
        pytest.skip("npm cannot install the openai client: its registry does not answer")


@pytest.mark.parametrize("checks", sorted(each.name for each in HERE.glob("*.test.mjs")))
def test_the_client_for_node_finds_what_it_expects(checks: str) -> None:
    folder = installed()
    shutil.copy(HERE / checks, folder)
    mini = assembly.open_agent("mini-streams", changes={"max_new_tokens": 12, "min_new_tokens": 0})
    thinking = scripted("<think>Is it? 네.</think> Yes.", format="chat_template")
    agents = {"lines": scripted(*LINES), "mini": mini, "thinking": thinking}
    with listening(application(agents, Settings(key=KEY, store=":memory:"))) as address:
        done = subprocess.run(
            [str(NODE), "--test", "--test-reporter=tap", checks],
            cwd=folder,
            env={**os.environ, "TERTULIA_URL": f"{address}/v1", "TERTULIA_KEY": KEY},
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# fail 0" in done.stdout and "# pass 0" not in done.stdout
