"""A talk with streaming is killed at random moments: what was acknowledged is there, once."""

import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tertulia.store import Store, StoredTurn

SENTENCE = "this is a reply that takes some time to say"
OPEN_SECONDS = 5.0

TALKER = """
import itertools, sys, time
from tertulia import Agent, Conversation, Decoding, engines, formats
from tertulia.cli.chat import chat, keeping
from tertulia.cli.chat.events import Said, Word
from tertulia.cli.chat.keeping import Keeper
from tertulia.cli.chat.session import Session

keeping.PAUSE_SECONDS = 0.005
engine = engines.load("scripted", lines=tuple(f"{n} {sys.argv[2]}" for n in range(1000)))
quick = engine.events

def slow(prompts, decoding):
    for event in quick(prompts, decoding):
        time.sleep(0.004)
        yield event

engine.events = slow
agent = Agent(format=formats.load("native"), engine=engine, decoding=Decoding(), name="slow")
session = Session(agent, Conversation(), seeds=itertools.count(), keeper=Keeper.open(sys.argv[1]))
for event in chat(session, (f"line {n}" for n in itertools.count())):
    if isinstance(event, (Said, Word)):
        text = event.reply.text if isinstance(event, Said) else event.text
        print(type(event).__name__, text, flush=True)
"""


def killed(place: str, seconds: float) -> list[str]:
    """What a talk had told when it was killed so long after its first word."""
    command = [sys.executable, "-c", TALKER, place, SENTENCE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as talker:
        assert talker.stdout
        first = talker.stdout.readline()
        time.sleep(seconds)
        talker.kill()
        return [line for line in (first, *talker.stdout) if line.endswith("\n")]


def checked(place: str, told: list[str]) -> str:
    """The status of the last reply, after all that was acknowledged was found, once."""
    began = time.monotonic()
    with Store.open(place) as store:
        (talk,) = store.talks()
        path, tree = store.path(talk.id), store.tree(talk.id)
        took = time.monotonic() - began
        assert store.drafts(talk.id) == ()
    assert took < OPEN_SECONDS
    said = [line.removeprefix("Said ").strip() for line in told if line.startswith("Said ")]
    replies = [each for each in path if each.reply is not None and each.status == "whole"]
    texts = [each.turn.text for each in replies]
    assert texts == [f"{n} {SENTENCE}" for n in range(len(texts))]
    # One more may have reached the disk without a word of it coming back.
    assert len(said) <= len(texts) <= len(said) + 1 and texts[: len(said)] == said
    assert len({each.turn.text for each in tree}) == len(tree)
    return cut(path, tree, len(texts))


def cut(path: tuple[StoredTurn, ...], tree: tuple[StoredTurn, ...], whole: int) -> str:
    """Of the reply that was under way the words so far are there, marked as interrupted."""
    under_way = [each for each in tree if each.status != "whole"]
    assert len(under_way) <= 1
    for each in under_way:
        assert each.status == "interrupted" and each.reply and each.reply["seed"] == whole
        assert f"{whole} {SENTENCE}".startswith(each.turn.text)
        assert (each in path) == bool(each.turn.text)
    return under_way[0].status if under_way else "whole"


@pytest.mark.parametrize("seed", range(6))
def test_no_acknowledged_turn_is_lost_and_none_is_doubled(tmp_path: Path, seed: int) -> None:
    place = str(tmp_path / "t.db")
    checked(place, killed(place, random.Random(seed).uniform(0.0, 0.4)))
    sql = sqlite3.connect(place)
    assert sql.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    sql.close()


def test_a_killed_talk_in_postgresql_is_whole_too(database: str) -> None:
    checked(database, killed(database, 0.1))


@pytest.mark.slow
def test_two_hundred_kills_lose_nothing(tmp_path: Path) -> None:
    ends = []
    for seed in range(200):
        place = str(tmp_path / f"{seed}.db")
        ends.append(checked(place, killed(place, random.Random(seed).uniform(0.0, 0.6))))
    assert {"interrupted"} <= set(ends)
