"""What lore costs: a talk of 200 turns and a lorebook of 500 entries, before a reply.

    python bench/lore.py

Prints milliseconds for four lorebooks: without anything, with recursion, with timers on every
entry, and mixed: recursion everywhere, and timers, groups and chance here and there. Words are
drawn from a vocabulary of 10,000 with a fixed seed, as often as words are said (Zipf).
"""

import json
import os
import platform
import random
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from tertulia import lore
from tertulia.conversation import LoreEntry, Turn

TURNS, ENTRIES, WORDS = 200, 500, 20
KINDS = ("plain", "recursion", "timers", "mixed")
RESULTS = Path(__file__).with_name("results") / "lore.jsonl"


def vocabulary(chance: random.Random) -> list[str]:
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    weights = range(len(letters), 0, -1)
    return [
        "".join(chance.choices(letters, weights, k=chance.randint(4, 10))) for _ in range(10_000)
    ]


def talk(chance: random.Random, words: list[str]) -> tuple[Turn, ...]:
    weights = [1 / n for n in range(1, len(words) + 1)]
    texts = (" ".join(chance.choices(words, weights, k=WORDS)) for _ in range(TURNS))
    return tuple(Turn(("User", "Agent")[n % 2], text) for n, text in enumerate(texts))


def book(chance: random.Random, words: list[str], kind: str) -> tuple[LoreEntry, ...]:
    """Three keys an entry, of the rarer words, and a passage of thirty: one in three names another
    entry."""
    keys = [tuple(chance.choices(words[300:], k=3)) for _ in range(ENTRIES)]
    timers = {"sticky": 3, "cooldown": 2, "delay": 2}
    entries = (
        LoreEntry(
            content=" ".join(
                (
                    *chance.choices(words[:300], k=29),
                    chance.choice((chance.choice(keys)[0], "", "")),
                )
            ),
            keys=each,
            scan_depth=4,
            recursive=kind in ("recursion", "mixed"),
        )
        for each in keys
    )
    match kind:
        case "timers":
            return tuple(replace(each, **timers) for each in entries)
        case "mixed":
            return tuple(mixed(each, n, timers) for n, each in enumerate(entries))
        case _:
            return tuple(entries)


def mixed(entry: LoreEntry, place: int, timers: dict[str, int]) -> LoreEntry:
    """One in ten has timers, one in five is in a group, one in five is left to chance."""
    more: dict[str, Any] = dict(timers) if place % 10 == 0 else {}
    if place % 5 == 1:
        more["groups"] = (f"group {place % 50}",)
    return replace(entry, probability=0.5 if place % 5 == 2 else 1.0, **more)


def milliseconds(entries: tuple[LoreEntry, ...], turns: tuple[Turn, ...]) -> float:
    """Of this process alone; the median of thirty."""
    taken = []
    for seed in range(30):
        begun = time.process_time()
        lore.fired(entries, turns, seed)
        taken.append(time.process_time() - begun)
    return round(statistics.median(taken) * 1000, 2)


def main() -> None:
    chance = random.Random(0)
    words = vocabulary(chance)
    turns = talk(chance, words)
    books = {kind: book(chance, words, kind) for kind in KINDS}
    line = {
        "question": "lore",
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 1),
        "turns": TURNS,
        "entries": ENTRIES,
        "spoken_of": sum(bool(lore.fired((each,), turns, 0)) for each in whole(books["plain"])),
        "milliseconds": {kind: milliseconds(each, turns) for kind, each in books.items()},
    }
    print(json.dumps(line))
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def whole(entries: tuple[LoreEntry, ...]) -> tuple[LoreEntry, ...]:
    """The same, looking at the whole talk."""
    return tuple(replace(each, scan_depth=0) for each in entries)


if __name__ == "__main__":
    main()
