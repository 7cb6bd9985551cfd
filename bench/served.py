"""What do sixteen talks at once gain over the same talks one after the other, over HTTP?

    python bench/served.py [--talks 16] [--tokens 24] [--repeats 3] [--folder DIR] [MODEL …]

MODEL is of builtin, gpt2-medium, t5-large, transformers. The last is `transformers serve` on the
GPT-2 of medium shape; the others are `tertulia serve`, with int8 weights that `tertulia convert`
made. Weights of these shapes are random, as in families.py (shapes.py), whose folder they share:
speed does not depend on them. Nothing is kept from one request to the next.

alone, together  tokens a second of the same requests, one after the other and all at once
ratio            of the second to the first
first p50, p95   seconds to the first text, all at once

Medians of the repeats, which take turns. One JSON line goes to bench/results/served.jsonl.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import shapes
from serving import Answer, Client, serving, share

RESULTS = Path(__file__).parent / "results" / "served.jsonl"
MODELS = ("builtin", "gpt2-medium", "t5-large", "transformers")
FORMATS = {"builtin": "native", "gpt2-medium": "transcript", "t5-large": "transcript"}
AGENT = """
format = "{format}"
[engine]
name = "onnxruntime"
model = "{model}"
kept_megabytes = 0
{window}
[decoding]
temperature = 1.0
top_k = 50
top_p = 0.95
"""
CACHE = Path.home() / ".cache" / "tertulia-bench"
CHARACTERS = 200
"""Of the talk; a token each for the random models."""


def made(model: str, folder: Path) -> Path:
    """The int8 weights of a shape."""
    raw = checkpoint(model, folder)
    found = raw.with_name(f"{raw.name}-int8")
    if not found.exists():
        run = [sys.executable, "-m", "tertulia", "convert", str(raw), str(found)]
        subprocess.run([*run, "--format", FORMATS[model]], check=True, stdout=sys.stderr)
    return found


def checkpoint(model: str, folder: Path) -> Path:
    raw = folder / model
    if not raw.exists():
        folder.mkdir(parents=True, exist_ok=True)
        shapes.make(model, raw)
    return raw


@contextmanager
def ours(model: str, folder: Path) -> Iterator[int]:
    """The port of `tertulia serve` with an agent on that model."""
    place = "builtin" if model == "builtin" else str(made(model, folder))
    window = "context_window = 1024" if model.startswith("t5") else ""
    with tempfile.TemporaryDirectory() as agents:
        file = Path(agents) / "talker.toml"
        file.write_text(AGENT.format(format=FORMATS[model], model=place, window=window))
        with serving("--agent", str(file), "--preload") as server:
            yield server.port


@contextmanager
def theirs(folder: Path) -> Iterator[int]:
    """The port of `transformers serve` on the GPT-2."""
    raw = checkpoint("gpt2-medium", folder)
    told = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "chat_template": "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}",
        "eos_token": None,
    }
    (raw / "tokenizer_config.json").write_text(json.dumps(told))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(raw)]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--device", "cpu"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        asyncio.run(listening(port, process))
        yield port
    finally:
        process.kill()
        process.wait()


async def listening(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until it answers."""
    while (await Client(port).get("/health")).status != 200:
        if process.poll() is not None:
            raise SystemExit("transformers serve ended: pip install 'transformers[serving]'")
        await asyncio.sleep(0.2)


def request(model: str, folder: Path, tokens: int, number: int) -> dict[str, Any]:
    """One of the talks; they differ from the first word on."""
    words = [shapes.text(CHARACTERS // 4, 4 * number + n) for n in range(3)]
    roles = ("user", "assistant", "user")
    body = {
        "model": str(checkpoint("gpt2-medium", folder)) if model == "transformers" else "talker",
        "messages": [{"role": r, "content": w} for r, w in zip(roles, words, strict=True)],
        "max_tokens": tokens,
        "seed": number,
        "stream": True,
    }
    if model != "transformers":
        body["decoding"] = {"min_new_tokens": tokens}
    return body


async def alone(port: int, bodies: Sequence[Mapping[str, Any]]) -> list[Answer]:
    client = Client(port)
    return [await client.post("/v1/chat/completions", each) for each in bodies]


async def together(port: int, bodies: Sequence[Mapping[str, Any]]) -> list[Answer]:
    asked = (Client(port).post("/v1/chat/completions", each) for each in bodies)
    return list(await asyncio.gather(*asked))


def timed(how: Any, port: int, bodies: Sequence[Mapping[str, Any]]) -> tuple[float, list[Answer]]:  # noqa: ANN401 - one of the two above
    begun = time.perf_counter()
    found = asyncio.run(how(port, bodies))
    seconds = time.perf_counter() - begun
    wrong = [each.status for each in found if each.status != 200]
    if wrong:
        raise SystemExit(f"answers that are no 200: {wrong}: {found[0].body[:300]!r}")
    return seconds, found


def figures(model: str, port: int, options: argparse.Namespace) -> dict[str, float]:
    """One repeat."""
    bodies = [request(model, options.folder, options.tokens, n) for n in range(options.talks)]
    tokens = options.talks * options.tokens
    one, _ = timed(alone, port, bodies)
    all_of_them, answers = timed(together, port, bodies)
    first = [each.first or each.seconds for each in answers]
    return {
        "alone": tokens / one,
        "together": tokens / all_of_them,
        "ratio": one / all_of_them,
        "first p50": share(first, 0.5),
        "first p95": share(first, 0.95),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", metavar="MODEL", help=", ".join(MODELS))
    parser.add_argument("--talks", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=24)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=CACHE)
    parser.add_argument("--no-result", action="store_true", help="only print the figures")
    options = parser.parse_args()
    models = options.models or MODELS
    with ExitStack() as stack:
        ports = {}
        for model in models:
            server = (
                theirs(options.folder) if model == "transformers" else ours(model, options.folder)
            )
            ports[model] = stack.enter_context(server)
            timed(alone, ports[model], [request(model, options.folder, 2, 99)])
        rows = [
            {model: figures(model, ports[model], options) for model in models}
            for _ in range(options.repeats)
        ]
    found = {
        model: {
            name: round(statistics.median(row[model][name] for row in rows), 3)
            for name in rows[0][model]
        }
        for model in models
    }
    about = {"talks": options.talks, "tokens": options.tokens, "cores": os.cpu_count()}
    print(json.dumps({**about, **found}, indent=2))
    if not options.no_result:
        with RESULTS.open("a") as file:
            file.write(json.dumps({**about, **found}) + "\n")


if __name__ == "__main__":
    main()
