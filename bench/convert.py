"""How much memory does a conversion take, and how long?

    python bench/convert.py [SHAPE …] [--quantization int8] [--folder DIR]

SHAPE is one of t5-large, t5-xl, gpt2-medium, llama-1b and llama-8b: arrays of the real names and
shapes in the published type (T5 and GPT-2 float32, Llama bfloat16), in files of up to 5 GB.
Up to 4 GB the numbers are one block of random ones again and again; larger models are files of
holes, which read as zeros and take no room. The conversion runs in a process of its own:

peak      megabytes of memory at the end of it, file pages that it has mapped included
idle      the same of a process that only imports what it needs
seconds   of the whole command

One JSON line a shape goes to bench/results/convert.jsonl.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from tertulia.checkpoints.safetensors import Entry, first_bytes

RESULTS = Path(__file__).parent / "results" / "convert.jsonl"
FILE_BYTES = 5_000_000_000
RANDOM_BYTES = 4_000_000_000
BLOCK = 16 << 20
PEAK = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
IMPORTS = "from tertulia.cli import convert; from tertulia.checkpoints import convert"
CONVERT = "import sys; from tertulia.cli import main; code = main(sys.argv[1:])"

Shapes = Iterator[tuple[str, tuple[int, ...]]]


def t5(width: int, inner: int, layers: int, heads: int, gated: bool) -> Shapes:
    """T5 with heads of 64; gated ones have a head of their own."""
    for name in ("shared", "lm_head") if gated else ("shared",):
        yield f"{name}.weight", (32128, width)
    for stack, attentions in (
        ("encoder", ("SelfAttention",)),
        ("decoder", ("SelfAttention", "EncDecAttention")),
    ):
        for layer in range(layers):
            for n, attention in enumerate(attentions):
                path = f"{stack}.block.{layer}.layer.{n}"
                for name in "qkv":
                    yield f"{path}.{attention}.{name}.weight", (heads * 64, width)
                yield f"{path}.{attention}.o.weight", (width, heads * 64)
                yield f"{path}.layer_norm.weight", (width,)
            path = f"{stack}.block.{layer}.layer.{len(attentions)}"
            for name in ("wi_0", "wi_1") if gated else ("wi",):
                yield f"{path}.DenseReluDense.{name}.weight", (inner, width)
            yield f"{path}.DenseReluDense.wo.weight", (width, inner)
            yield f"{path}.layer_norm.weight", (width,)
        name = "SelfAttention.relative_attention_bias.weight"
        yield f"{stack}.block.0.layer.0.{name}", (32, heads)


def gpt2(width: int, layers: int) -> Shapes:
    yield "wte.weight", (50257, width)
    yield "wpe.weight", (1024, width)
    for layer in range(layers):
        for name, out, times in (("attn.c_attn", 3, 1), ("attn.c_proj", 1, 1), ("mlp.c_fc", 4, 1)):
            yield f"h.{layer}.{name}.weight", (times * width, out * width)
            yield f"h.{layer}.{name}.bias", (out * width,)
        yield f"h.{layer}.mlp.c_proj.weight", (4 * width, width)


def llama(width: int, inner: int, layers: int, groups: int, tied: bool) -> Shapes:
    yield "model.embed_tokens.weight", (128256, width)
    for layer in range(layers):
        path = f"model.layers.{layer}"
        for name, out in (("q", width), ("k", groups), ("v", groups), ("o", width)):
            yield f"{path}.self_attn.{name}_proj.weight", (out, width)
        for name in ("gate", "up"):
            yield f"{path}.mlp.{name}_proj.weight", (inner, width)
        yield f"{path}.mlp.down_proj.weight", (width, inner)
        yield f"{path}.input_layernorm.weight", (width,)
    if not tied:
        yield "lm_head.weight", (128256, width)


SHAPES = {
    "gpt2-medium": ("gpt2", "F32", lambda: gpt2(1024, 24)),
    "t5-large": ("t5", "F32", lambda: t5(1024, 4096, 24, 16, gated=False)),
    "t5-xl": ("t5", "F32", lambda: t5(2048, 5120, 24, 32, gated=True)),
    "llama-1b": ("llama", "BF16", lambda: llama(2048, 8192, 16, 512, tied=True)),
    "llama-8b": ("llama", "BF16", lambda: llama(4096, 14336, 32, 1024, tied=False)),
}


def written(folder: Path, name: str) -> int:
    """Writes the model of a shape; its bytes."""
    family, dtype, shapes = SHAPES[name]
    entries = {array: Entry(dtype, shape) for array, shape in shapes()}
    total = sum(entry.bytes for entry in entries.values())
    folder.mkdir()
    config = {"model_type": family, "is_encoder_decoder": family == "t5"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tertulia.toml").write_text('format = "transcript"')
    files = list(divided(entries))
    places = {}
    for n, held in enumerate(files, 1):
        file = f"model-{n:05}-of-{len(files):05}.safetensors"
        places |= dict.fromkeys(held, file)
        fill(folder / file, held, holes=total > RANDOM_BYTES)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    return total


def divided(entries: Mapping[str, Entry]) -> Iterator[dict[str, Entry]]:
    held, size = dict[str, Entry](), 0
    for name, entry in entries.items():
        if held and size + entry.bytes > FILE_BYTES:
            yield held
            held, size = {}, 0
        held[name] = entry
        size += entry.bytes
    yield held


def fill(path: Path, entries: Mapping[str, Entry], *, holes: bool) -> None:
    left = sum(entry.bytes for entry in entries.values())
    chance = np.random.default_rng(1)
    numbers = chance.normal(size=BLOCK // 4).astype(np.float32)
    # The upper half of a float32 is a bfloat16.
    types = {entry.dtype for entry in entries.values()}
    block = numbers.view(np.uint16)[1::2].tobytes() if types == {"BF16"} else numbers.tobytes()
    with path.open("wb") as file:
        head = first_bytes(entries)
        file.write(head)
        while left and not holes:
            left -= file.write(block[:left])
        file.truncate(len(head) + sum(entry.bytes for entry in entries.values()))


def process(code: str, *words: str) -> tuple[float, int]:
    """Seconds and peak megabytes of a process that must succeed."""
    begun = time.perf_counter()
    run = subprocess.run(
        [sys.executable, "-c", f"{code}; {PEAK}", *words],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return time.perf_counter() - begun, int(run.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shapes", nargs="*", default=list(SHAPES), metavar="SHAPE")
    parser.add_argument("--quantization", default="int8")
    parser.add_argument("--folder", type=Path, help="where there is room")
    asked = parser.parse_args()
    _, idle = process(IMPORTS)
    for name in asked.shapes:
        with tempfile.TemporaryDirectory(dir=asked.folder) as place:
            source, target = Path(place) / name, Path(place) / "converted"
            total = written(source, name)
            words = ("convert", str(source), str(target), "--quantization", asked.quantization)
            seconds, peak = process(CONVERT, *words)
            size = sum(file.stat().st_size for file in target.glob("*.safetensors"))
        line = {
            "question": "convert",
            "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "load_average": round(os.getloadavg()[0], 1),
            "shape": name,
            "quantization": asked.quantization,
            "read_gigabytes": round(total / 1e9, 2),
            "written_gigabytes": round(size / 1e9, 2),
            "seconds": round(seconds, 1),
            "peak_megabytes": peak,
            "idle_megabytes": idle,
        }
        print(*(f"{key} {line[key]}" for key in list(line)[5:]), sep="  ")
        RESULTS.parent.mkdir(exist_ok=True)
        with RESULTS.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
