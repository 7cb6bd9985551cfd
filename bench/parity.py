"""How much do fewer bits change what a model says, family by family?

    python bench/parity.py [--prompts 200]

For a tiny random checkpoint of every family of the default engine (those of the tests), against
transformers in float32:

float32   largest difference of the log-probability of a given token
int8      share of first tokens that are the same; root mean square and largest difference
bfloat16  the same, for weights that were rounded to bfloat16

Random weights give flat probabilities, so these shares are lower than a trained model's. One JSON
line goes to bench/results/parity.jsonl.
"""

import argparse
import json
import platform
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.engines.pairs import REPLY, Pair, first_tokens, paired  # noqa: E402
from tests.engines.tiny_families import FAMILIES, prompts  # noqa: E402

RESULTS = Path(__file__).parent / "results" / "parity.jsonl"
Figures = dict[str, float]


def apart(found: np.ndarray, right: np.ndarray) -> Figures:
    differences = found - right
    return {
        "rms": round(float(np.sqrt((differences**2).mean())), 4),
        "largest": float(f"{np.abs(differences).max():.3g}"),
    }


def figures(pair: Pair, count: int) -> dict[str, Figures]:
    several = prompts(pair.twofold)[:: max(200 // count, 1)]
    replies, right = [REPLY] * len(several), pair.scores(several)
    first = first_tokens(pair.engine, several)
    found = {"float32": apart(np.array(pair.engine.score(several, replies)), right)}
    for bits in ("int8", "bfloat16"):
        with closing(pair.lesser(bits)) as engine:
            same = float((first_tokens(engine, several) == first).mean())
            scores = np.array(engine.score(several, replies))
        found[bits] = {"same first": round(same, 3), **apart(scores, right)}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--prompts", type=int, default=200)
    count = parser.parse_args().prompts
    families = {}
    for name in FAMILIES:
        families[name] = figures(paired(name), count)
        print(name, families[name])
    line = {
        "question": "parity",
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": platform.python_version(),
        "prompts": count,
        "families": families,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
