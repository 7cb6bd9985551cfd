"""How soon does a newcomer see something?

    python bench/start.py [--repeats 7]

Every figure is of a fresh process, in seconds, after one that warms the disk cache:

import       python -c "import tertulia"
help         python -m tertulia --help
load         opening the default agent, its imports included
first piece  from the start of the process to the first piece of the built-in model's first reply
reply        … to the end of that reply (sixteen candidates, ranked: the default agent)
peak         megabytes of memory at the end of it

One JSON line with medians and the spread (largest less smallest) goes to bench/results/start.jsonl.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "start.jsonl"
FIRST_REPLY = """
import json, resource, time
from tertulia import Conversation
from tertulia.assembly import open_agent
begun = time.perf_counter()
agent = open_agent()
load = time.perf_counter() - begun
talk = Conversation().said("User", "Hi, how was your day?")
prompt = agent.format.render(talk)
next(agent.engine.stream(prompt, agent.decoding))
first = time.time()
agent.reply(talk)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"load": load, "first": first, "end": time.time(), "peak": peak}))
"""


def seconds(command: Sequence[str]) -> float:
    """Wall time of a process that must succeed."""
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def first_reply() -> dict[str, float]:
    """The figures of one process that makes one reply."""
    begun = time.time()
    run = subprocess.run(
        [sys.executable, "-c", FIRST_REPLY], check=True, capture_output=True, text=True
    )
    told = json.loads(run.stdout)
    return {
        "load": told["load"],
        "first piece": told["first"] - begun,
        "reply": told["end"] - begun,
        "peak": told["peak"],
    }


def one_round() -> dict[str, float]:
    return {
        "import": seconds([sys.executable, "-c", "import tertulia"]),
        "help": seconds([sys.executable, "-m", "tertulia", "--help"]),
        **first_reply(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    one_round()
    rounds = [one_round() for _ in range(repeats)]
    line: dict[str, object] = {
        "question": "start",
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 1),
        "repeats": repeats,
    }
    for name in rounds[0]:
        values = [each[name] for each in rounds]
        spread = max(values) - min(values)
        line[name] = {"median": round(statistics.median(values), 3), "spread": round(spread, 3)}
        print(f"{name:12} {statistics.median(values):9.3f}  ± {spread:.3f}")
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
