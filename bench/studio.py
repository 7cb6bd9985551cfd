"""How long does the studio's page take to open a long talk?

    python bench/studio.py [--turns 2000] [--repeats 7]

A real server with a store, and a real Chromium (as in tests/studio). In milliseconds:

open       from an empty tab to the last turn in sight: page, modules, talk and all
switch     from the page without a talk to the last turn in sight
processor  of open, what the page's thread computed: the figure a busy machine spoils least
light      GET of the talk in its light form, as the page asks for it

One JSON line with medians and the spread (largest less smallest), and how busy the machine was,
goes to bench/results/studio.jsonl.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from playwright.sync_api import Page

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.studio.browsing import chromium

RESULTS = Path(__file__).parent / "results" / "studio.jsonl"
SIDES = ("Alex", "Mrs. Hill")
TEXT = "Some words of a usual length, and a few more of them, as people say them. "


@contextmanager
def studio(folder: str) -> Iterator[str]:
    command = [sys.executable, "-m", "tertulia", "studio", "--no-browser", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--store", f"{folder}/talks.sqlite"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout
    try:
        found = re.search(r"open at (\S+)", process.stdout.readline())
        assert found
        yield found[1]
    finally:
        process.terminate()
        process.wait()


def begun(home: str, turns: int) -> str:
    """The id of a talk of so many turns."""
    said = [{"speaker": SIDES[n % 2], "text": f"Turn {n}. {TEXT}"} for n in range(turns)]
    scene = {"agent": SIDES[1], "user": SIDES[0], "turns": said}
    answer = httpx.post(f"{home}tertulia/talks", json={"scene": scene}, timeout=60)
    return str(answer.raise_for_status().json()["id"])


def once(page: Page, home: str, talk: str, turns: int) -> dict[str, float]:
    last = page.locator("[data-turn]", has_text=f"Turn {turns - 1}. ")
    metrics = page.context.new_cdp_session(page)
    metrics.send("Performance.enable")
    page.goto("about:blank")
    began = time.perf_counter()
    page.goto(f"{home}#/talks/{talk}")
    last.wait_for()
    opened = time.perf_counter() - began
    told = {
        each["name"]: each["value"] for each in metrics.send("Performance.getMetrics")["metrics"]
    }
    page.goto(f"{home}#/")
    page.get_by_role("heading", name="Scenes").wait_for()
    began = time.perf_counter()
    page.evaluate(f"() => {{ location.hash = '#/talks/{talk}' }}")
    last.wait_for()
    switched = time.perf_counter() - began
    began = time.perf_counter()
    httpx.get(f"{home}tertulia/talks/{talk}?light=1").raise_for_status()
    light = time.perf_counter() - began
    metrics.detach()
    return {"open": opened, "switch": switched, "processor": told["TaskDuration"], "light": light}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=7)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, studio(folder) as home, chromium() as browser:
        talk = begun(home, asked.turns)
        page = browser.new_page()
        found = [once(page, home, talk, asked.turns) for _ in range(asked.repeats)]
    figures = {}
    for name in found[0]:
        values = [1000 * each[name] for each in found]
        figures[name] = [round(statistics.median(values)), round(max(values) - min(values))]
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    row = {
        "commit": commit.stdout.strip(), "turns": asked.turns, "repeats": asked.repeats,
        "load": round(os.getloadavg()[0], 1), "cores": os.cpu_count(),
        "python": platform.python_version(), **figures,
    }  # fmt: skip
    print(json.dumps(row))
    with RESULTS.open("a", encoding="utf-8") as results:
        results.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
