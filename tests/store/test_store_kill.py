"""A talk with streaming is killed at random moments: what was acknowledged is there, once."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from tertulia.store import Store, StoredTurn
from tertulia.store.postgresql import is_url
from tests.store.talker import SENTENCE

KILLS = 25
"""In each of eight blocks."""


class Talker:
    """Talks wherever it is told to, each time in a process of its own that is killed."""

    def __init__(self, ask: IO[str], told: IO[str]) -> None:
        self.ask, self.told = ask, told

    def killed(self, place: str, seconds: float) -> list[str]:
        """What a talk had told when it was killed so long after its first word."""
        self.ask.write(f"{place}\n")
        self.ask.flush()
        process = int(self.told.readline().removeprefix("pid "))
        first = self.told.readline()
        time.sleep(seconds)
        os.kill(process, signal.SIGKILL)
        return [first, *iter(self.told.readline, "end\n")]


@pytest.fixture(scope="module")
def talker() -> Iterator[Talker]:
    command = [sys.executable, "-m", "tests.store.talker"]
    pipe, root = subprocess.PIPE, Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin and process.stdout
        yield Talker(process.stdin, process.stdout)
        process.stdin.close()


def checked(place: str, told: list[str]) -> str:
    """The status of the last reply, after all that was acknowledged was found, once."""
    with Store.open(place) as store:
        (talk,) = store.talks()
        path, tree = store.path(talk.id), store.tree(talk.id)
        assert store.drafts(talk.id) == ()
    if not is_url(place):
        sql = sqlite3.connect(place)
        assert sql.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        sql.close()
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


@pytest.mark.parametrize(
    "block", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 8))]
)
def test_kills_lose_no_acknowledged_turn_and_double_none(
    tmp_path: Path, talker: Talker, block: int
) -> None:
    chance, ends = random.Random(block), []
    for number in range(KILLS):
        place = str(tmp_path / f"{number}.db")
        ends.append(checked(place, talker.killed(place, chance.uniform(0.0, 0.15))))
    assert "interrupted" in ends


def test_a_killed_talk_in_postgresql_is_whole_too(database: str, talker: Talker) -> None:
    checked(database, talker.killed(database, 0.1))
