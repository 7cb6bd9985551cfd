"""Does the server hold under load, and what does it add to the engine?

    python bench/serve_load.py [--users 100] [--minutes 10] [--burst 1319] [steady burst …]

Each part is a server of its own, and a client in this process:

steady       so many users for so many minutes at the scripted engine, whose replies take no time:
             each asks, waits a second and asks again. Milliseconds of a request, which are what the
             server adds; answers that were no 200; growth of memory from minute two to the end
burst        so many requests at once at a queue of 64: how many were answered 200 and 429, others
             and lost ones; and, while the queue is full, milliseconds to a 429
health       milliseconds of GET /health alone, and while the built-in model makes sixteen replies
disconnects  milliseconds from a client's hanging up to the last moment at which the worker's
             process computed, in each phase; the clock of CPU time is read every ten
crash        seconds from the killing of a worker to the next reply of its agent

A JSON line of each goes to bench/results/serve_load.jsonl. The machine must be quiet.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import signal
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from serving import Answer, Client, Serving, cpu_seconds, resident, serving, share

RESULTS = Path(__file__).parent / "results" / "serve_load.jsonl"
CHAT = "/v1/chat/completions"
QUEUE = 64
SCRIPTED = """
format = "native"
[engine]
name = "scripted"
lines = ["That is a nice thing to hear, and I am glad you told me. How was the rest of your day?"]
"""
DIALOGUE = [
    {"role": "user", "content": "Hey, I just came back from the mountains."},
    {"role": "assistant", "content": "Lovely! Which ones?"},
    {"role": "user", "content": "The Pyrenees. We walked for four days."},
]
Figures = dict[str, Any]


def asked(model: str, **more: object) -> Figures:
    return {"model": model, "messages": DIALOGUE, "seed": 1, **more}


def milliseconds(values: list[float]) -> Figures:
    """p50, p99 and the largest of some seconds."""
    told = {"p50": share(values, 0.5), "p99": share(values, 0.99), "max": max(values, default=0.0)}
    return {name: round(1000 * value, 1) for name, value in told.items()}


async def steady(server: Serving, options: argparse.Namespace) -> Figures:
    """Users who come again and again."""
    await Client(server.port).post(CHAT, asked("lines"))
    # Once: to look through all processes takes milliseconds, which would count as the server's.
    pids = [server.process.pid, *server.workers()]
    end = time.perf_counter() + 60 * options.minutes
    found: list[Answer] = []
    memory: list[tuple[float, float]] = []

    async def user(number: int) -> None:
        client, chance = Client(server.port), random.Random(number)
        await asyncio.sleep(chance.random())
        while time.perf_counter() < end:
            answer = await client.post(CHAT, asked("lines", stream=number % 2 == 0))
            # A body is not needed any more, and would be our own memory.
            found.append(Answer(answer.status, seconds=answer.seconds))
            await asyncio.sleep(chance.uniform(0.5, 1.5))
        await client.close()

    async def look() -> None:
        begun = time.perf_counter()
        while time.perf_counter() < end:
            held = sum(map(resident, pids)) / (1 << 20)
            memory.append((time.perf_counter() - begun, held))
            await asyncio.sleep(5)

    await asyncio.gather(look(), *(user(n) for n in range(options.users)))
    later = [size for at, size in memory if at >= min(120, 30 * options.minutes)]
    return {
        "users": options.users,
        "minutes": options.minutes,
        "requests": len(found),
        "statuses": dict(Counter(each.status for each in found)),
        "milliseconds": milliseconds([each.seconds for each in found]),
        "megabytes": [round(later[0], 1), round(later[-1], 1)],
        "growth": round(later[-1] / later[0] - 1, 4),
    }


async def burst(server: Serving, options: argparse.Namespace) -> Figures:
    """All at once, and what the queue refuses while it is full."""
    await Client(server.port).post(CHAT, asked("slow", max_tokens=1))
    long = {"max_tokens": 40, "decoding": {"min_new_tokens": 40, "candidates": 1, "rankers": []}}
    clients = [Client(server.port) for _ in range(options.burst)]
    waiting = [asyncio.create_task(each.post(CHAT, asked("slow", **long))) for each in clients]
    probe, refused = Client(server.port), []
    while not all(each.done() for each in waiting):
        await asyncio.sleep(0.05)
        try:
            async with asyncio.timeout(1):
                answer = await probe.post(CHAT, asked("slow", **long))
        except TimeoutError:
            # There was room for it: it gives its place back.
            await probe.close()
            continue
        if answer.status == 429:
            refused.append(answer.seconds)
    found = [await each for each in waiting]
    statuses = Counter(each.status for each in found)
    return {
        "requests": options.burst,
        "queue": QUEUE,
        "statuses": {str(status or "lost"): count for status, count in statuses.items()},
        "without Retry-After": sum(
            each.status == 429 and "retry-after" not in each.headers for each in found
        ),
        "milliseconds to a 429": milliseconds(refused),
    }


async def health(server: Serving, options: argparse.Namespace) -> Figures:
    """The probe, beside heavy work."""
    client = Client(server.port)
    await client.post(CHAT, asked("slow", max_tokens=1))
    alone = [(await client.get("/health")).seconds for _ in range(200)]
    work = {"max_tokens": 200, "n": 16, "decoding": {"min_new_tokens": 200, "rankers": []}}
    reply = asyncio.create_task(Client(server.port).post(CHAT, asked("slow", **work)))
    beside = []
    while not reply.done():
        beside.append((await client.get("/health")).seconds)
        await asyncio.sleep(0.005)
    return {"alone": milliseconds(alone), "beside a reply": milliseconds(beside)}


PHASES: Mapping[str, Figures] = {
    "prefill": {"messages": [{"role": "user", "content": "word " * 440}], "max_tokens": 400},
    "decoding": {"max_tokens": 400},
    "candidates": {"max_tokens": 400, "n": 16},
    "beams": {"max_tokens": 400, "decoding": {"beams": 8, "temperature": 0.0}},
}
"""What is asked before the client hangs up, over a reply of as many tokens."""


async def disconnects(server: Serving, options: argparse.Namespace) -> Figures:
    """From hanging up to the end of the work."""
    await Client(server.port).post(CHAT, asked("slow", max_tokens=1))
    [worker] = server.workers()
    found = {}
    for name, phase in PHASES.items():
        delay = 0.0 if name == "prefill" else 0.3
        told = [await hung_up(server.port, worker, phase, delay) for _ in range(5)]
        found[name] = milliseconds(told)
    return found


async def hung_up(port: int, worker: int, phase: Figures, delay: float) -> float:
    """Seconds from hanging up to the last tick of the worker's CPU clock."""
    client = Client(port)
    own = phase.get("decoding", {"candidates": 1} if "n" not in phase else {})
    decoding = {"rankers": [], "min_new_tokens": phase.get("max_tokens", 1), **own}
    await client.sent(
        "POST", CHAT, json.dumps(asked("slow", **{**phase, "decoding": decoding})).encode()
    )
    await asyncio.sleep(0.02 + delay)
    await client.close()
    begun = last = time.perf_counter()
    ticks = cpu_seconds(worker)
    while time.perf_counter() - last < 0.5:
        await asyncio.sleep(0.01)
        now = cpu_seconds(worker)
        if now > ticks:
            ticks, last = now, time.perf_counter()
    return last - begun


async def crash(server: Serving, options: argparse.Namespace) -> Figures:
    """From a death to the next reply."""
    client, seconds, statuses = Client(server.port), [], Counter[int]()
    for _ in range(5):
        await client.post(CHAT, asked("slow", max_tokens=1))
        long = {"max_tokens": 400, "decoding": {"min_new_tokens": 400, "rankers": []}}
        reply = asyncio.create_task(Client(server.port).post(CHAT, asked("slow", **long)))
        await asyncio.sleep(0.2)
        [worker] = server.workers()
        os.kill(worker, signal.SIGKILL)
        begun = time.perf_counter()
        statuses[(await reply).status] += 1
        while (await client.post(CHAT, asked("slow", max_tokens=1))).status != 200:
            await asyncio.sleep(0.05)
        seconds.append(time.perf_counter() - begun)
    return {"statuses": dict(statuses), "seconds": round(statistics.median(seconds), 2),
            "max": round(max(seconds), 2)}  # fmt: skip


Part = Callable[[Serving, argparse.Namespace], Awaitable[Figures]]
PARTS: Mapping[str, Part] = {
    "steady": steady,
    "burst": burst,
    "health": health,
    "disconnects": disconnects,
    "crash": crash,
}


def measured(part: str, options: argparse.Namespace) -> Figures:
    """The figures of one part, with a server of its own."""
    with tempfile.TemporaryDirectory() as folder:
        lines, slow = Path(folder) / "lines.toml", Path(folder) / "slow.toml"
        lines.write_text(SCRIPTED)
        slow.write_text('format = "native"\n[engine]\nname = "onnxruntime"\nmodel = "builtin"\n')
        agents = ["--agent", str(lines if part == "steady" else slow)]
        with serving(*agents, "--queue", str(QUEUE)) as server:
            begun = resident(server.process.pid) / (1 << 20)
            found = asyncio.run(PARTS[part](server, options))  # type: ignore[arg-type]
            return {**found, "server megabytes": round(begun, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--burst", type=int, default=1319)
    parser.add_argument("--no-result", action="store_true", help="only print the figures")
    options = parser.parse_args()
    for part in options.parts or PARTS:
        found = measured(part, options)
        print(part, json.dumps(found), flush=True)
        line = {"cores": os.cpu_count(), "machine": platform.machine(), part: found}
        if not options.no_result:
            with RESULTS.open("a") as file:
                file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
