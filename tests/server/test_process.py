"""`tertulia serve` as a process: its address, its end, and that strangers stay outside."""

import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from tertulia.errors import ConfigError
from tertulia.server.app import application
from tertulia.server.doors.patience import Patient
from tertulia.server.process import bound, is_loopback, reachable
from tertulia.server.settings import LOOPBACK, Settings
from tests.server.asking import scripted

LINE = """
format = "native"
[engine]
name = "{engine}"
{rest}
[decoding]
temperature = 0.7
"""


@contextmanager
def serving(*words: str, **environment: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of `tertulia serve` in a process of its own, and the process."""
    command = [sys.executable, "-m", "tertulia", "serve", "--port", "0", *words]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={"PATH": "", **environment}
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if found := re.search(r"serving .* at (http://\S+)/v1", line):
                yield found[1], process
                return
        raise AssertionError("it did not start")
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def ask(address: str, **more: Any) -> httpx.Response:
    body = {"model": "lines", "messages": [{"role": "user", "content": "Hi"}], **more}
    return httpx.post(f"{address}/v1/chat/completions", json=body, timeout=30)


@pytest.fixture
def lines(tmp_path: Path) -> str:
    """An agent file whose agent says two words."""
    file = tmp_path / "lines.toml"
    file.write_text(LINE.format(engine="scripted", rest='lines = ["Two words."]'))
    return str(file)


def test_it_serves_agents_by_name_and_ends_at_sigterm(lines: str) -> None:
    with serving("--agent", lines, TERTULIA_KEY="abc") as (address, process):
        assert address.startswith("http://127.0.0.1:")
        assert ask(address).status_code == 401
        with httpx.Client(headers={"authorization": "Bearer abc"}, timeout=30) as http:
            body = {"model": "lines", "messages": [{"role": "user", "content": "Hi"}]}
            answer = http.post(f"{address}/v1/chat/completions", json=body)
            assert answer.json()["choices"][0]["message"]["content"] == "Two words."
            assert http.get(f"{address}/ready").status_code == 200
            assert "server" not in answer.headers
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) in (0, -signal.SIGTERM)


def test_what_is_under_way_is_finished_when_it_is_told_to_end(tmp_path: Path) -> None:
    file = tmp_path / "slow.toml"
    file.write_text(
        LINE.format(engine="onnxruntime", rest='model = "builtin"\nthreads = 1')
        + "min_new_tokens = 60\nmax_new_tokens = 60\ncandidates = 16\n"
    )
    answers: list[httpx.Response] = []
    with serving("--agent", str(file)) as (address, process):
        asking = [
            threading.Thread(target=lambda: answers.append(ask(address, model="slow")))
            for _ in range(4)
        ]
        for each in asking:
            each.start()
        metrics = ""
        while "tertulia_requests_running" not in metrics or not re.search(
            r"^tertulia_requests_running\S* [1-9]", metrics, re.MULTILINE
        ):
            metrics = httpx.get(f"{address}/metrics").text
        process.send_signal(signal.SIGTERM)
        for each in asking:
            each.join(30)
        assert process.wait(30) in (0, -signal.SIGTERM)
    assert {each.status_code for each in answers} <= {200, 503} and answers
    assert any(each.status_code == 200 for each in answers)


def test_a_host_that_others_can_reach_needs_a_key() -> None:
    for host in ("0.0.0.0", "::", "192.168.1.5", "example.org", ""):
        with pytest.raises(ConfigError, match="TERTULIA_KEY"):
            reachable(Settings(), host)
        assert set(LOOPBACK) <= set(reachable(Settings(key="k"), host).hosts)
    assert "192.168.1.5" in reachable(Settings(key="k"), "192.168.1.5").hosts
    assert "0.0.0.0" not in reachable(Settings(key="k"), "0.0.0.0").hosts
    assert all(map(is_loopback, ("127.0.0.1", "127.1.2.3", "::1", "localhost")))


def test_a_key_that_no_header_can_hold_is_refused_without_being_repeated() -> None:
    for key in ("a b", "schlüssel", "a\n"):
        with pytest.raises(ConfigError) as caught:
            reachable(Settings(key=key), "127.0.0.1")
        assert key not in str(caught.value)


def test_a_port_that_is_taken_is_told_in_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError, match="choose another --port"):
            bound("127.0.0.1", taken.getsockname()[1])


def test_small_pieces_are_sent_at_once() -> None:
    # asyncio sets TCP_NODELAY only where the protocol is named; else each answer waits 40 ms.
    with bound("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP


@pytest.mark.parametrize("package", ["fastapi", "uvicorn", "prometheus_client"])
def test_without_its_packages_it_says_what_to_install(package: str) -> None:
    code = f"import sys; sys.modules[{package!r}] = None; from tertulia.cli import main; " + (
        "sys.exit(main(['serve', '--port', '0']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    told = f"tertulia: tertulia serve needs {package}: pip install 'tertulia[serve]'\n"
    assert (done.returncode, done.stderr) == (2, told)


def test_mistakes_end_with_2_before_anything_is_loaded() -> None:
    for words in (["--host", "0.0.0.0"], ["--agent", "none-such"], ["--port", "70000"]):
        command = [sys.executable, "-m", "tertulia", "serve", *words]
        done = subprocess.run(command, capture_output=True, text=True, env={"PATH": ""})
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1


def test_a_connection_whose_headers_do_not_arrive_is_closed() -> None:
    class Hasty(Patient):
        header_seconds = 0.2

    app = application({"lines": scripted()}, Settings())
    listening = bound("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, http=Hasty, ws="none"))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    port = listening.getsockname()[1]
    for words in (b"", b"GET /health HTTP/1.1\r\nHost: localhost\r\n"):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as slow:
            slow.sendall(words)
            assert slow.recv(100) == b""
    with httpx.Client() as http:
        assert [http.get(f"http://127.0.0.1:{port}/health").status_code for _ in range(3)] == [
            200,
            200,
            200,
        ]
    server.should_exit = True
    thread.join(10)


def test_a_client_that_sends_nothing_does_not_hold_up_others(lines: str) -> None:
    with serving("--agent", lines) as (address, _):
        port = int(address.rpartition(":")[2])
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
        idle[0].sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n")
        began = time.monotonic()
        assert ask(address).status_code == 200 and time.monotonic() - began < 10
        for each in idle:
            each.close()
