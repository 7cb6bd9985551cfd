"""The commands of the pages on serving do what they say, with the programs they name."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tertulia import assembly
from tertulia.server.app import application
from tertulia.server.settings import Settings
from tests.pages import DOCS, blocks
from tests.server.live import listening
from tests.server.test_node_client import installed

HERE = "http://127.0.0.1:8178"
CLIENTS = DOCS / "howto" / "connect-a-client.md"
SERVICE = DOCS / "howto" / "run-as-a-service.md"


def shown(page: Path, language: str, begin: str = "") -> list[str]:
    """The blocks of a page in a language that begin so."""
    found = blocks(page.read_text(encoding="utf-8"))
    return [
        each.text for each in found if each.language == language and each.text.startswith(begin)
    ]


def needed(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    agents = {
        name: assembly.open_agent(name, changes={"candidates": 1, "max_new_tokens": 8})
        for name in ("mini", "mini-streams")
    }
    with listening(application(agents, Settings())) as found:
        yield found


@pytest.mark.parametrize("command", shown(CLIENTS, "text", "curl"))
def test_curl_gets_an_answer(command: str, address: str) -> None:
    needed("curl")
    line = command.replace(HERE, address).replace("curl ", "curl --silent --show-error --fail ", 1)
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    if '"stream": true' in command:
        assert done.stdout.endswith("data: [DONE]\n\n")
    else:
        assert json.loads(done.stdout)["object"]


@pytest.mark.parametrize("script", shown(CLIENTS, "javascript"))
def test_the_client_for_node_gets_an_answer(script: str, address: str) -> None:
    node, folder = needed("node"), installed()
    file = folder / "page.mjs"
    file.write_text(script.replace(HERE, address), encoding="utf-8")
    done = subprocess.run([node, file.name], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.strip(), done.stderr


@pytest.mark.parametrize("unit", shown(SERVICE, "ini"))
def test_systemd_finds_nothing_wrong_with_the_unit(unit: str, tmp_path: Path) -> None:
    analyze = needed("systemd-analyze")
    file = tmp_path / "tertulia.service"
    file.write_text(unit.replace("/opt/tertulia/bin/tertulia", "/bin/true"), encoding="utf-8")
    done = subprocess.run([analyze, "verify", file], capture_output=True, text=True, timeout=60)
    ours = [line for line in done.stderr.splitlines() if "tertulia.service" in line]
    assert ours == []


def test_the_unit_uses_options_that_there_are() -> None:
    [unit] = shown(SERVICE, "ini")
    line = re.search(r"ExecStart=\S+ serve (.*)", unit)
    assert line is not None
    help = subprocess.run(
        [sys.executable, "-m", "tertulia", "serve", "--help"],
        capture_output=True, text=True, env=dict(os.environ),
    ).stdout  # fmt: skip
    assert all(option in help for option in re.findall(r"--[\w-]+", line[1]))


@pytest.mark.parametrize("server", shown(SERVICE, "nginx"))
def test_nginx_takes_its_configuration(server: str, tmp_path: Path) -> None:
    nginx = needed("nginx")
    plain = re.sub(r"listen 443 ssl;|ssl_certificate.*;", "", server)
    file = tmp_path / "nginx.conf"
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{kind}_temp_path {tmp_path}/{kind}; " for kind in kinds)
    http = f"http {{ access_log off; {places} {plain} }}"
    file.write_text(f"pid {tmp_path}/pid; events {{}} {http}", encoding="utf-8")
    done = subprocess.run(
        [nginx, "-t", "-c", file, "-e", tmp_path / "log"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


SILLYTAVERN = {
    "messages": [
        {"role": "system", "content": "Write Seraphina's next reply."},
        {"role": "system", "content": "[Start a new Chat]"},
        {"role": "assistant", "content": "*She smiles.* Hello."},
        {"role": "user", "content": "Hi"},
    ],
    "model": "mini", "temperature": 1, "max_tokens": 300, "stream": True, "presence_penalty": 0,
    "frequency_penalty": 0, "top_p": 1, "stop": [], "logit_bias": {}, "n": 1,
}  # fmt: skip
OPEN_WEBUI = {
    "stream": True, "model": "mini", "stream_options": {"include_usage": True},
    "messages": [{"role": "system", "content": "Be kind."},
                 {"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
}  # fmt: skip


@pytest.mark.parametrize("body", [SILLYTAVERN, OPEN_WEBUI], ids=["SillyTavern", "Open WebUI"])
def test_what_other_programs_send_is_taken_without_a_warning(
    body: dict[str, object], address: str
) -> None:
    response = httpx.post(f"{address}/v1/chat/completions", json=body, timeout=60)
    assert response.status_code == 200 and "x-tertulia-warning" not in response.headers
    assert response.text.endswith("data: [DONE]\n\n")
