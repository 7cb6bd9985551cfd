"""A program that keeps turns is killed at random moments: what it was told is kept, is kept."""

import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tertulia.store import Store

TALKER = """
import sys
from pathlib import Path
from tertulia.conversation import Conversation, Turn
from tertulia.store import Store
store = Store.open(Path(sys.argv[1]))
talk, last, number = store.begin(Conversation()), None, 0
print(talk, flush=True)
while True:
    last = store.keep(talk, Turn("User", str(number)), conversation=Conversation(), parent=last)
    print(number, flush=True)
    number += 1
"""


@pytest.mark.parametrize("seed", range(5))
def test_no_acknowledged_turn_is_lost_and_none_is_doubled(tmp_path: Path, seed: int) -> None:
    file = tmp_path / "t.db"
    command = [sys.executable, "-c", TALKER, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as talker:
        assert talker.stdout
        talk = talker.stdout.readline().strip()
        time.sleep(random.Random(seed).uniform(0.0, 0.4))
        talker.kill()
        acknowledged = [int(line) for line in talker.stdout if line.endswith("\n")]
    with Store.open(file) as store:
        kept = [int(each.turn.text) for each in store.path(store.summary(talk).id)]
    assert kept == list(range(len(kept)))
    # One more may have reached the disk without a word of it coming back.
    assert len(acknowledged) <= len(kept) <= len(acknowledged) + 1
    sql = sqlite3.connect(file)
    assert sql.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    sql.close()
