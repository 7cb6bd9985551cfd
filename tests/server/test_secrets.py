"""Keys and prompts that are watched for are in no answer, log, metric or file without cause."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.engines.openai_server import echoing_the_key, serving

OURS, THEIRS, UNUSED = "canary-of-this-server", "canary-of-the-remote", "canary-of-the-hub"
WRONG, PROMPT, HEADER = "canary-wrong-key", "canary-in-a-prompt", "canary-in-a-header"
AGENT = """
format = "chat_template"
[engine]
name = "openai"
base_url = "{url}"
model = "m"
key_env = "REMOTE_KEY"
retries = 0
"""


@contextmanager
def served(*words: str, **environment: str) -> Iterator[tuple[str, list[str]]]:
    """The address of `tertulia serve` in a process of its own, and the lines of its log."""
    log: list[str] = []
    process = subprocess.Popen(
        [sys.executable, "-m", "tertulia", "serve", "--port", "0", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NO_PROXY": "127.0.0.1", **environment},
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            log.append(line)
            if found := re.search(r"serving .* at (http://\S+)/v1", line):
                break
        else:
            raise AssertionError("".join(log))
        rest = threading.Thread(target=lambda: log.extend(process.stderr or ()))
        rest.start()
        yield found[1], log
        process.terminate()
        rest.join(20)
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def asked(address: str) -> Iterator[httpx.Response]:
    """All that a client might see: what goes well, what is refused, and what fails inside."""
    said: dict[str, Any] = {"model": "remote", "messages": [{"role": "user", "content": PROMPT}]}
    right, wrong = {"x-api-key": OURS}, {"authorization": f"Bearer {WRONG}"}
    odd = {**right, "x-request-id": HEADER, "user-agent": HEADER, "x-other": HEADER}
    with httpx.Client(base_url=address, timeout=30, trust_env=False) as http:
        yield http.post("/v1/chat/completions", json=said, headers=odd)
        yield http.post("/v1/chat/completions", json={**said, "stream": True}, headers=right)
        yield http.post("/v1/responses", json={"model": "remote", "input": PROMPT}, headers=right)
        yield http.post("/v1/chat/completions", json=said, headers=wrong)
        yield http.post("/v1/chat/completions", json={**said, "model": "none"}, headers=right)
        yield http.post("/v1/chat/completions", json={**said, "seed": PROMPT}, headers=right)
        scene = {"agent": "remote", "scene": {"turns": [{"speaker": "User", "text": PROMPT}]}}
        talk = http.post("/tertulia/talks", json=scene, headers=right)
        assert talk.status_code == 201, talk.text
        place = f"/tertulia/talks/{talk.json()['id']}"
        begun = http.post(f"{place}/replies", json={}, headers=right)
        name = begun.json()["generations"][0]["id"]
        yield http.get(f"/tertulia/generations/{name}/events", headers=right)
        for path in (place, f"{place}/export?form=jsonl", f"{place}/page", "/tertulia/agents",
                     "/metrics", "/openapi.json", "/docs", "/v1/models", "/health", "/ready",
                     "/nowhere"):  # fmt: skip
            yield http.get(path, headers=right)
            yield http.get(path, headers=wrong)


@pytest.mark.skipif(os.name != "posix", reason="ends the process by a signal")
def test_no_key_is_ever_told_and_no_prompt_is_in_the_log_or_the_metrics(tmp_path: Path) -> None:
    agent, place = tmp_path / "remote.toml", tmp_path / "t.db"
    environment = {"TERTULIA_KEY": OURS, "REMOTE_KEY": THEIRS, "HF_TOKEN": UNUSED}
    with serving(echoing_the_key) as remote:
        agent.write_text(AGENT.format(url=remote.url))
        words = ("--agent", str(agent), "--store", str(place))
        with served(*words, **environment) as (address, log):
            answers = list(asked(address))
        assert remote.asked, "the remote was never reached, so nothing could leak"
    told = "".join(f"{each.status_code} {each.headers!r}\n{each.text}\n" for each in answers)
    logged = "".join(log)
    kept = b"".join(each.read_bytes() for each in tmp_path.glob("t.db*"))
    for key in (OURS, THEIRS, UNUSED, WRONG):
        assert key not in told and key not in logged and key.encode() not in kept
    assert HEADER not in logged.replace(f"id={HEADER}", "")
    assert PROMPT not in logged
    assert PROMPT not in "".join(each.text for each in answers if "/metrics" in str(each.url))
    assert PROMPT.encode() in kept
    assert all(line.isprintable() for line in logged.splitlines())
    assert "Traceback" not in logged
