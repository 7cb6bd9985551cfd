"""How fast do the published families reply here, and how fast do their model cards' own snippets?

    python bench/families.py FAMILY [--repeats 5] [--folder DIR] [--tokens 24]

FAMILY is one of those in SHAPES (shapes.py): a random checkpoint of that real shape is made once in
DIR. The contenders (contenders.py) take turns, each in a process of its own; CTranslate2 is the
library itself, not our engine on it.

turn 1, 10, 20  seconds to a reply of 24 tokens in a talk of 35 tokens a turn
sixteen talks   tokens a second over sixteen talks of different lengths, at once; the snippet, which
                serves one at a time, is timed on four of them
candidates      seconds for sixteen sampled replies to one prompt of 120 tokens
beams           seconds for the best of ten beams after the same
cold            seconds from the start of the process to the first token of turn 1
memory          peak resident memory of that process, in MB; both of three starts

Medians of the repeats; with --repeats 0 cold starts and memory alone. Beside them the floor of one
talk: seconds in which 24 tokens' worth of int8 weights can be read from memory, at the bandwidth
measured here. One JSON line goes to bench/results/families.jsonl.
"""

import argparse
import json
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
from contenders import Child
from shapes import SHAPES, make, talk, text, weight_bytes

RESULTS = Path(__file__).parent / "results" / "families.jsonl"
CONTENDERS = ("tertulia", "transformers", "ctranslate2")
ASKED = (1, 10, 20)
TALKS, SNIPPET_TALKS = 16, 4
STARTS = 3

Figures = dict[tuple[str, str], list[float]]
"""By contender and row."""


def bandwidth() -> float:
    """Bytes a second that this machine's cores read from memory together, best of five."""
    arrays = [np.ones(1 << 26, np.float32) for _ in range(os.cpu_count() or 1)]
    best = 0.0
    for _ in range(5):
        threads = [Thread(target=array.sum) for array in arrays]
        begun = time.perf_counter()
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        best = max(best, sum(a.nbytes for a in arrays) / (time.perf_counter() - begun))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("family", choices=SHAPES)
    parser.add_argument("--folder", type=Path, default=Path.home() / ".cache" / "tertulia-bench")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=24)
    parser.add_argument("--only", nargs="+", choices=CONTENDERS)
    asked = parser.parse_args()
    folder = asked.folder / asked.family
    asked.folder.mkdir(parents=True, exist_ok=True)
    if not folder.exists():
        make(asked.family, folder)
    names = [
        name for name in asked.only or CONTENDERS
        if name == "tertulia" or find_spec(name) is not None
    ]  # fmt: skip
    figures = measured(names, folder, asked.repeats, asked.tokens)
    report(asked.family, folder, figures, asked.repeats, asked.tokens)


def measured(names: Sequence[str], folder: Path, repeats: int, tokens: int) -> Figures:
    """Figures by (contender, row); the contenders take turns within each repeat."""
    found: Figures = defaultdict(list)
    children: dict[str, Child] = {}
    for name in names:
        if name != "transformers":
            Child(name, folder).stop()  # converts the first time
    # What was converted is on the disk before a start is timed.
    os.sync()
    for _ in range(STARTS):
        for name in names:
            if name in children:
                children[name].stop()
            children[name] = Child(name, folder)
            found[name, "cold"].append(children[name].cold)
            found[name, "memory"].append(children[name].do()["peak"])
    for _ in range(repeats):
        one_talk(children, folder.name, tokens, found)
        many(children, tokens, found)
    for child in children.values():
        child.stop()
    return found


def one_talk(children: Mapping[str, Child], family: str, tokens: int, found: Figures) -> None:
    """Twenty turns; the contenders that keep nothing are asked at three of them only."""
    for child in children.values():
        child.do(forget=True)
    for turn in range(1, max(ASKED) + 1):
        for name, child in children.items():
            if turn in ASKED:
                found[name, f"turn {turn}"].append(child.seconds([talk(turn, family)], tokens))
            elif name == "tertulia":
                child.seconds([talk(turn, family)], 2)


def many(children: Mapping[str, Child], tokens: int, found: Figures) -> None:
    """Sixteen talks, sixteen candidates, ten beams; nothing is kept from before."""
    for name, child in children.items():
        child.do(forget=True)
        count = SNIPPET_TALKS if name == "transformers" else TALKS
        sizes = range(40, 40 + 4 * TALKS, 4 * (TALKS // count))
        seconds = child.seconds([text(size, salt=size) for size in sizes], tokens)
        found[name, "sixteen talks, tokens/s"].append(count * tokens / seconds)
    for how in ("candidates", "beams"):
        for name, child in children.items():
            child.do(forget=True)
            found[name, how].append(child.seconds([text(120, salt=9)], tokens, how))


def report(family: str, folder: Path, figures: Figures, repeats: int, tokens: int) -> None:
    speed = bandwidth()
    floor = tokens * weight_bytes(folder) / speed
    line: dict[str, Any] = {
        "question": "families",
        "family": family,
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 1),
        "repeats": repeats,
        "gigabytes_a_second": round(speed / 1e9, 1),
        "floor_of_a_reply": round(floor, 3),
    }
    names = list(dict.fromkeys(name for name, _ in figures))
    rows = list(dict.fromkeys(row for _, row in figures))
    print(f"{family:26}" + "".join(f"{name:>14}" for name in names) + "   times the snippet")
    for row in rows:
        middle = {n: statistics.median(figures[n, row]) for n in names if (n, row) in figures}
        line[row] = {name: round(value, 3) for name, value in middle.items()}
        ratio = ""
        if "transformers" in middle:
            quotient = middle["transformers"] / middle["tertulia"]
            ratio = f"{1 / quotient if row.endswith('/s') else quotient:14.1f}"
        shown = "".join(f"{middle[n]:14.2f}" if n in middle else f"{'':14}" for n in names)
        print(f"{row:26}{shown}{ratio}")
    print(f"floor of a reply {floor:.2f} s at {speed / 1e9:.1f} GB/s")
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
