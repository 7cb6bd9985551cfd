"""How long does the store take with a long talk?

    python bench/store.py [--turns 10000] [--swipes 1000] [--repeats 9] [--place URL]

A talk of so many turns, half of them replies with a full record of four candidates, and so many
other replies beside them, each under a plan of its own. In milliseconds:

open         Store.open, and the talk as a page shows it: its whole tree without the records
processor    of that, what this process computed: the figure that a busy machine spoils least
path         Store.open, and the active path with every record
append       one more turn, on the disk (fsync) when it returns
grow         some words more of a reply under way, on the disk when it returns
conversation the talk as an agent is given it
list         the twenty talks that changed last
search       every talk that holds a word
restart      Store.open and the active path after a program was killed in the middle of a reply: the
             log is taken in, and the reply becomes a turn that was interrupted
kilobytes    on the disk a turn, records and all

One JSON line with medians and the spread (largest less smallest) goes to bench/results/store.jsonl.
"""

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import sqlalchemy

from tertulia import Agent, Conversation, Decoding, Direction, Persona, engines, formats
from tertulia.conversation import Plan, Turn
from tertulia.record import record
from tertulia.store import Store, TalkId, TurnId

RESULTS = Path(__file__).parent / "results" / "store.jsonl"
WORDS = "the a boat sea night we you went saw said was had old red two long way home"
TALK = Conversation(
    agent="Ann",
    user="Bob",
    direction=Direction(
        situation="Ann and Bob meet on a ferry at night and talk until it lands.",
        personas=(Persona("Ann", ("i row.", "i have two cats.")), Persona("Bob", ("i sail.",))),
    ),
)


def sentence(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS.split(), k=12)).capitalize() + "."


def replies() -> tuple[Agent, str]:
    """An agent that says four candidates, and its file."""
    file = Path(__file__).parents[1] / "agents" / "mini.toml"
    engine = engines.load("scripted", lines=tuple(sentence(random.Random(n)) for n in range(500)))
    decoding = Decoding(candidates=4)
    agent = Agent(format=formats.load("native"), engine=engine, decoding=decoding, name="mini")
    return agent, file.read_text()


def filled(store: Store, turns: int, swipes: int) -> TalkId:
    """The long talk, as one that was lived through: a turn at a time."""
    chance, (agent, file) = random.Random(7), replies()
    talk, last, beside = store.begin(TALK, file), None, swipes
    for number in range(turns):
        if number % 2 == 0:
            turn = Turn("Bob", sentence(chance))
            last = store.keep(talk, turn, conversation=TALK, parent=last)
            continue
        parent, more = last, min(beside, 2 if number % 3 == 0 else 0)
        beside -= more
        for seed in range(more + 1):
            last = replied(store, talk, agent, file, parent, number * 10 + seed)
    return talk


def replied(
    store: Store, talk: TalkId, agent: Agent, file: str, parent: TurnId | None, seed: int
) -> TurnId:
    planned = TALK.planned(Plan(goal=f"goal {seed}", explanation="because."))
    reply = agent.reply(planned.said("Bob", "So?"), seed=seed)
    told = record(agent, reply, agent_file=file, given=Plan())
    return store.keep(talk, reply.turn, conversation=planned, parent=parent, reply=told, then=TALK)


def milliseconds(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return (time.perf_counter() - begun) * 1000


def one_round(place: str, talk: TalkId) -> dict[str, float]:
    def whole() -> None:
        with Store.open(place) as store:
            store.tree(talk, light=True)

    def path() -> None:
        with Store.open(place) as store:
            store.path(talk)

    spent = time.process_time()
    found = {"open": milliseconds(whole)}
    found["processor"] = (time.process_time() - spent) * 1000
    found["path"] = milliseconds(path)
    with Store.open(place) as store:
        last = store.path(talk, light=True)[-1].id
        turn = Turn("Bob", "And then?")
        found["append"] = milliseconds(
            lambda: store.keep(talk, turn, conversation=TALK, parent=last)
        )
        draft = store.draft(talk, parent=last, conversation=TALK, speaker="Ann")
        found["grow"] = milliseconds(lambda: store.grow(draft, "We went home. "))
        store.discard(draft)
        store.activate(talk, last)
        found["conversation"] = milliseconds(lambda: store.conversation(talk))
        found["list"] = milliseconds(store.talks)
        found["search"] = milliseconds(lambda: store.talks(search="nobody said this"))
    return found


DYING = """
import os, sys
from tertulia.conversation import Conversation
from tertulia.store import Store
with Store.open(sys.argv[1]) as store:
    talk, last = sys.argv[2], int(sys.argv[3])
    draft = store.draft(talk, parent=last, conversation=Conversation(), speaker="Ann")
    for _ in range(100):
        store.grow(draft, "We went home. ")
    os.kill(os.getpid(), 9)
"""


def after_a_kill(place: str, talk: TalkId) -> float:
    """Milliseconds until the talk is there again; it is left as it was before."""
    with Store.open(place) as store:
        last = store.path(talk, light=True)[-1].id
    subprocess.run([sys.executable, "-c", DYING, place, talk, str(last)], check=False)
    begun = time.perf_counter()
    with Store.open(place) as store:
        path = store.path(talk)
        spent = (time.perf_counter() - begun) * 1000
        assert path[-1].status == "interrupted"
        store.activate(talk, last)
    return spent


def measured(place: str, turns: int, swipes: int, repeats: int) -> dict[str, object]:
    with Store.open(place) as store:
        talk = filled(store, turns, swipes)
    one_round(place, talk)
    rounds = [
        {**one_round(place, talk), "restart": after_a_kill(place, talk)} for _ in range(repeats)
    ]
    figures: dict[str, object] = {}
    for name in rounds[0]:
        values = [each[name] for each in rounds]
        median, spread = statistics.median(values), max(values) - min(values)
        figures[name] = {"median": round(median, 2), "spread": round(spread, 2)}
        print(f"{name:12} {median:9.2f}  ± {spread:.2f}")
    if "://" not in place:
        figures["kilobytes"] = round(Path(place).stat().st_size / 1024 / (turns + swipes), 2)
    return figures


def commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return done.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=10_000)
    parser.add_argument("--swipes", type=int, default=1_000)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--place", help="an empty PostgreSQL database; a new SQLite file otherwise")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = args.place or str(Path(folder) / "talks.db")
        figures = measured(place, args.turns, args.swipes, args.repeats)
    line: dict[str, object] = {
        "question": "store",
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": commit(),
        "python": platform.python_version(),
        "sqlalchemy": sqlalchemy.__version__,
        "kind": "postgresql" if args.place else "sqlite",
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 1),
        "turns": args.turns,
        "swipes": args.swipes,
        "repeats": args.repeats,
        **figures,
    }
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
