"""How fast does the built-in model reply, early and late in a talk?

    python bench/reply.py [--repeats 5] [--threads 1 2]

A talk of thirty turns, fixed lines and replies of sixteen tokens, seed 7; at turns 1, 10 and 30:

first    seconds to the first token
rate     tokens a second from the first to the last
reply    seconds for the whole reply

for the default engine with each number of threads, and, where transformers is installed, for
transformers in float32, which reads the whole history again at each turn, as the model cards do.
All of them take turns inside one run; one short talk each warms them up. One JSON line with medians
and the spread (largest less smallest) goes to bench/results/reply.jsonl.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tertulia import Conversation, checkpoints, engines, formats
from tertulia.checkpoints import int8
from tertulia.decoding import Decoding
from tertulia.engines import Engine
from tertulia.prompt import Prompt

if TYPE_CHECKING:
    import torch

RESULTS = Path(__file__).parent / "results" / "reply.jsonl"
TURNS, ASKED, TOKENS = 30, (1, 10, 30), 16
LINES = ("Hi, how was your day?", "I went for a walk.", "Do you like music?", "Tell me more.")
DECODING = Decoding(
    temperature=0.8, top_k=50, top_p=0.92, seed=7, max_new_tokens=TOKENS, min_new_tokens=TOKENS
)
Figures = dict[str, float]


def prompts() -> Iterator[tuple[int, Prompt]]:
    """The prompt of each turn; the replies in it are fixed, so that all engines see the same."""
    talk, native = Conversation(), formats.load("native")
    for turn in range(1, TURNS + 1):
        talk = talk.said("User", LINES[turn % len(LINES)])
        yield turn, native.render(talk)
        talk = talk.said("Agent", "I like it very much, and you?")


def own(engine: Engine) -> Callable[[Prompt], Figures]:
    def reply(prompt: Prompt) -> Figures:
        whole = engine.generate([prompt], DECODING)[0][0]
        rest = whole.seconds - whole.first_seconds
        return {
            "first": whole.first_seconds,
            "rate": (TOKENS - 1) / rest,
            "reply": whole.seconds,
        }

    return reply


def reference(folder: Path) -> Callable[[Prompt], Figures]:
    """Transformers in float32, without anything kept from turn to turn."""
    import torch
    from transformers import LlamaForCausalLM

    from tertulia import tokenizer

    spelling = tokenizer.load(folder)
    with tempfile.TemporaryDirectory() as wide:
        int8.expand(folder, Path(wide))
        model = LlamaForCausalLM.from_pretrained(wide).eval()

    def seconds(ids: "torch.Tensor", tokens: int) -> float:
        begun = time.perf_counter()
        model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=True,
            temperature=0.8,
            top_k=50,
            top_p=0.92,
            max_new_tokens=tokens,
            min_new_tokens=tokens,
            pad_token_id=0,
        )
        return time.perf_counter() - begun

    def reply(prompt: Prompt) -> Figures:
        ids = torch.tensor([spelling.ids(prompt.spans)])
        first, whole = seconds(ids, 1), seconds(ids, TOKENS)
        return {"first": first, "rate": (TOKENS - 1) / max(whole - first, 1e-9), "reply": whole}

    return reply


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    asked = parser.parse_args()
    folder = checkpoints.builtin()
    runners = {}
    loaded = []
    for threads in asked.threads:
        loaded.append(engines.load("onnxruntime", model=folder, threads=threads))
        runners[f"tertulia, {threads} thread(s)"] = own(loaded[-1])
    if find_spec("transformers"):
        runners["transformers float32"] = reference(folder)
    figures = measured(runners, loaded, asked.repeats)
    report(figures, asked.repeats)


def measured(
    runners: dict[str, Callable[[Prompt], Figures]], loaded: list[Engine], repeats: int
) -> dict[tuple[str, int, str], list[float]]:
    """Figures by runner, turn and name. Only the default engine reads the turns in between."""
    figures: dict[tuple[str, int, str], list[float]] = defaultdict(list)
    for number in range(repeats + 1):
        for engine in loaded:
            engine.close()
        for turn, prompt in prompts():
            if number == 0 and turn > 2:
                break
            for name, reply in runners.items():
                if turn not in ASKED and name.startswith("transformers"):
                    continue
                found = reply(prompt)
                if number and turn in ASKED:
                    for each, value in found.items():
                        figures[name, turn, each].append(value)
    return figures


def report(figures: dict[tuple[str, int, str], list[float]], repeats: int) -> None:
    line: dict[str, object] = {
        "question": "reply",
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 1),
        "repeats": repeats,
    }
    for (name, turn, each), values in figures.items():
        middle, spread = statistics.median(values), max(values) - min(values)
        line[f"{name}, turn {turn}, {each}"] = {
            "median": round(middle, 4),
            "spread": round(spread, 4),
        }
        print(f"{name:24} turn {turn:2} {each:6} {middle:9.4f}  ± {spread:.4f}")
    for turn in ASKED:
        slow = figures.get(("transformers float32", turn, "reply"))
        if slow:
            fast = min(
                statistics.median(values)
                for (name, at, each), values in figures.items()
                if name.startswith("tertulia") and (at, each) == (turn, "reply")
            )
            ratio = statistics.median(slow) / fast
            line[f"ratio, turn {turn}"] = round(ratio, 2)
            print(f"turn {turn}: {ratio:.1f} times as fast as transformers")
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
