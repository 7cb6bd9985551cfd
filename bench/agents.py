"""Which way of decoding and ranking lets the built-in model take direction best?

    python bench/agents.py SCENES AGENT… [--cases 60] [--show 12]

SCENES is a file of directed dialogues that were not trained on; AGENT an agent file or name, of
which decoding settings can be changed: `mini:temperature=0.6,candidates=12`. The cases and the
words that betray a goal, a fact or a passage are those of mini_quality.py; here whole agents play,
rankers included, with the same seeds. For each agent: shares with and without the direction,
replies that repeat four words, distinct-2, words a reply, seconds a reply. One JSON line an agent
goes to bench/results/agents.jsonl.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from mini_quality import (  # noqa: E402 - a neighbour of this script
    Case,
    distinct_2,
    goal_cases,
    prefixes,
    repetition,
    shown,
    use_cases,
)

from tertulia import Agent, Conversation, Reply, assembly  # noqa: E402

RESULTS = Path(__file__).parent / "results" / "agents.jsonl"


def opened(name: str) -> Agent:
    """The agent of `file:setting=value,…`; values are TOML."""
    file, _, settings = name.partition(":")
    pairs = [each.split("=", 1) for each in settings.split(",") if each]
    changes: dict[str, Any] = {key: tomllib.loads(f"v = {value}")["v"] for key, value in pairs}
    return assembly.open_agent(file, changes=changes)


def said(agent: Agent, talks: Sequence[Conversation]) -> list[Reply]:
    return [agent.reply(talk, seed=seed) for seed, talk in enumerate(talks)]


def both(agent: Agent, cases: Sequence[Case]) -> tuple[dict[str, float], list[Reply]]:
    given = said(agent, [case.given for case in cases])
    bare = said(agent, [case.bare for case in cases])
    texts = [[reply.text for reply in side] for side in (given, bare)]
    shares = {"with": shown(texts[0], cases), "without": shown(texts[1], cases), "n": len(cases)}
    return shares, given


def measured(name: str, found: Sequence[tuple[Conversation, str]], most: int) -> dict[str, Any]:
    agent = opened(name)
    tests = {
        "talk": goal_cases(found, most, "talk"),
        "ask": goal_cases(found, most, "ask"),
        "fact": use_cases(found, most, "fact"),
        "knowledge": use_cases(found, most, "knowledge"),
    }
    started, row, replies = time.perf_counter(), {}, list[Reply]()
    for test, cases in tests.items():
        row[test], given = both(agent, cases)
        replies += given
    seconds = (time.perf_counter() - started) / (2 * len(replies))
    texts = [reply.text for reply in replies]
    agent.engine.close()
    return row | {
        "agent": name,
        "repetition": repetition(texts),
        "distinct_2": distinct_2(texts),
        "words": round(statistics.mean(len(text.split()) for text in texts), 1),
        "seconds": round(seconds, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("scenes", type=Path)
    parser.add_argument("agents", nargs="+")
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--show", type=int, default=0, help="print so many replies of each agent")
    asked = parser.parse_args()
    found = prefixes(asked.scenes)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    for name in asked.agents:
        row = {"commit": commit.stdout.strip(), **measured(name, found, asked.cases)}
        RESULTS.parent.mkdir(exist_ok=True)
        with RESULTS.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)
        agent = opened(name)
        for seed, (talk, _) in enumerate(found[: asked.show]):
            print(f"  {talk.turns[-1].text}\n    -> {agent.reply(talk, seed=seed).text}")


if __name__ == "__main__":
    main()
