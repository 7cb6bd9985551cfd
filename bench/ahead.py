"""How long does a person wait, when the engine read ahead while they typed?

    python bench/ahead.py FAMILY [--scene 500] [--repeats 5] [--folder DIR]

FAMILY is one of those in SHAPES (shapes.py) that keeps processed prompts, converted to int8 by
families.py. A talk with a scene of so many tokens has its first and its second reply, of 24 tokens;
before each the person types for as long as the engine needs. In turns, with reading ahead and
without, in seconds:

first word   from the person's line to the first token of the reply
reply        to the last
typing       how long the engine read meanwhile

Medians of the repeats; one JSON line goes to bench/results/ahead.jsonl.
"""

import argparse
import json
import os
import statistics
import time
from collections import defaultdict
from pathlib import Path

from shapes import SHAPES, text

from tertulia import Agent, Conversation, Decoding, Direction, engines, formats

RESULTS = Path(__file__).parent / "results" / "ahead.jsonl"
TOKENS = 24
LINES = ("How are you?", "And what does your cat do all day?")


def talked(agent: Agent, scene: int, ahead: bool, found: dict[str, list[float]]) -> None:
    """Two turns of a talk; `found` gets their seconds."""
    agent.engine.close()
    talk = Conversation(agent="Ann", user="Bob", direction=Direction(situation=text(scene)))
    for turn, line in enumerate(LINES, start=1):
        begun = time.perf_counter()
        if ahead:
            agent.read_ahead(talk, lambda: True)
            found[f"turn {turn}, typing"].append(time.perf_counter() - begun)
        begun = time.perf_counter()
        reply = agent.reply(talk.said("Bob", line), seed=turn)
        named = f"turn {turn}, {'ahead' if ahead else 'not ahead'}"
        found[f"{named}, reply"].append(time.perf_counter() - begun)
        found[f"{named}, first word"].append(reply.completion.first_seconds)
        talk = talk.said("Bob", line).said("Ann", text(TOKENS, salt=turn))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("family", choices=SHAPES)
    parser.add_argument("--folder", type=Path, default=Path.home() / ".cache" / "tertulia-bench")
    parser.add_argument("--scene", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    engine = engines.load("onnxruntime", model=asked.folder / f"{asked.family}-int8")
    decoding = Decoding(max_new_tokens=TOKENS, min_new_tokens=TOKENS)
    agent = Agent(format=formats.load("transcript"), engine=engine, decoding=decoding)
    found: dict[str, list[float]] = defaultdict(list)
    talked(agent, asked.scene, False, defaultdict(list))
    for _ in range(asked.repeats):
        for ahead in (False, True):
            talked(agent, asked.scene, ahead, found)
    medians = {name: round(statistics.median(found[name]), 3) for name in sorted(found)}
    for name, seconds in medians.items():
        print(f"{name:30}{seconds:8.2f}")
    line = {
        "family": asked.family, "scene": asked.scene, "repeats": asked.repeats,
        "cores": os.cpu_count(), "load_average": round(os.getloadavg()[0], 1), **medians,
    }  # fmt: skip
    with RESULTS.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
