"""Servers that no one here wrote, each a process of its own over one tiny chat model.

They need packages that nothing else does, so another Python may have them: the variable
TERTULIA_SERVER_PYTHON names it, and this one is asked when it is not set.

    transformers serve   pip install torch transformers fastapi uvicorn openai
    llama.cpp's server   pip install xllamacpp gguf safetensors
    http.server          is in every Python, and is no such server at all
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
from tests.tiny_llama import END, tiny_llama, tiny_tokenizer, tiny_weights, write_safetensors

PYTHON = os.environ.get("TERTULIA_SERVER_PYTHON", sys.executable)
KEY = "sk-of-the-tests"
LLAMA_CPP = Path(__file__).with_name("llama_cpp_server.py")
SERVE = "import sys; from transformers.cli.transformers import main; sys.exit(main())"
PACKAGES = {
    "transformers": ("transformers", "torch", "fastapi", "uvicorn", "openai"),
    "llama_cpp": ("xllamacpp", "gguf", "safetensors"),
    "none": (),
}
TEMPLATE = (
    "<|begin|>{% for message in messages %}<|you|>{{ message['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<|me|>{% endif %}"
)
PATIENCE_SECONDS = 600.0
"""For a server to come up: it imports torch on a machine that may be busy."""


@dataclass(frozen=True)
class Running:
    """A server that answers.

    url      up to and with /v1
    model    the name it knows its model by
    process  that can be killed
    """

    kind: str
    url: str
    model: str
    process: "subprocess.Popen[bytes]"


def checkpoint(folder: Path) -> Path:
    """A tiny Llama with a chat template, whose replies are letters: servers differ on the rest."""
    tiny_llama(folder, tie_word_embeddings=False)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    weights = tiny_weights(config, np.random.default_rng(0))
    vocabulary = tiny_tokenizer().get_vocab()
    never = [n for name, n in vocabulary.items() if name.startswith(("<0x", "<|")) and name != END]
    weights["lm_head.weight"][never] = 0
    write_safetensors(folder / "model.safetensors", weights)
    told = {"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(told), "utf-8")
    # transformers serve obeys a temperature only where the checkpoint itself wants to be sampled.
    sampled = {"do_sample": True, "eos_token_id": config["eos_token_id"], "pad_token_id": 0}
    (folder / "generation_config.json").write_text(json.dumps(sampled), "utf-8")
    return folder


def has(kind: str) -> bool:
    """Whether the other Python has what this server needs."""
    found = f"import importlib.util as u; print(*map(bool, map(u.find_spec, {PACKAGES[kind]!r})))"
    told = subprocess.run([PYTHON, "-c", found], capture_output=True, text=True, check=False)
    return told.returncode == 0 and "False" not in told.stdout


def command(kind: str, folder: Path, port: int) -> Sequence[str]:
    if kind == "llama_cpp":
        return (PYTHON, str(LLAMA_CPP), str(folder), str(port), KEY)
    if kind == "none":
        return (PYTHON, "-m", "http.server", str(port), "--bind", "127.0.0.1")
    where = ("--host", "127.0.0.1", "--port", str(port), "--device", "cpu")
    return (PYTHON, "-c", SERVE, "serve", str(folder), *where)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def running(kind: str, folder: Path) -> Iterator[Running]:
    """The server, once it answers; skips where its packages are missing."""
    if not has(kind):
        wanted = " ".join(PACKAGES[kind])
        pytest.skip(f"no {kind} server here: pip install {wanted}, or set TERTULIA_SERVER_PYTHON")
    port = free_port()
    log = folder / f"{kind}-{port}.log"
    quiet = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with log.open("wb") as out:
        process = subprocess.Popen(
            command(kind, folder, port), stdout=out, stderr=out, env=quiet, cwd=folder
        )
    try:
        wait(process, port, log)
        yield Running(kind, f"http://127.0.0.1:{port}/v1", str(folder), process)
    finally:
        process.kill()
        process.wait()


def wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False)
            return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail(f"the server did not come up:\n{log.read_text('utf-8', 'replace')[-3000:]}")
