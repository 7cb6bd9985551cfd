"""Whatever the disk does at whichever write, what was acknowledged is kept and the rest is told."""

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tertulia.conversation import Conversation, Direction, Turn
from tertulia.errors import StoreError
from tertulia.store import Store, TalkId
from tests.store import disk
from tests.store.disk import FULL, SYNC_FAILS, WRITE_FAILS, Change, Disk, Fault, in_hand

pytestmark = pytest.mark.skipif(bool(disk.lacking()), reason=disk.lacking())

MEMORY = Path("/dev/shm")


@pytest.fixture
def quick() -> Iterator[Path]:
    """A folder in memory where there is one: what a disk would lose is simulated."""
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)


EMPTY = Conversation(agent="Ann", user="Bob")
DIRECTED = EMPTY.directed(Direction(situation="A ferry at night."))
FACTS = [
    *("said Hello.", "said " + "long " * 1500, "heard so far We went", "heard so far We went home"),
    *("heard We went home", "directed", "said Hello again.", "rated", "said Bye."),
]
"""What a short life of a store acknowledges, one after the other."""


def lived(store: Store) -> Iterator[str]:
    """A life in which each fact is told as soon as the store said that it is kept."""
    store.database.sql.exec_driver_sql("PRAGMA wal_autocheckpoint = 6")
    facts = iter(FACTS)
    talk = store.begin(EMPTY.said("Bob", "Hello."))
    yield next(facts)
    (first,) = store.path(talk)
    last = store.keep(talk, Turn("Bob", "long " * 1500), conversation=EMPTY, parent=first.id)
    yield next(facts)
    draft = store.draft(talk, parent=last, conversation=EMPTY, speaker="Ann")
    for piece in ("We went", " home"):
        store.grow(draft, piece)
        yield next(facts)
    kept = store.settle(draft, Turn("Ann", "We went home"), {"text": "We went home"})
    yield next(facts)
    store.direct(talk, DIRECTED)
    yield next(facts)
    store.edit(talk, first.id, Turn("Bob", "Hello again."))
    yield next(facts)
    store.rate(kept, 1)
    yield next(facts)
    store.keep(talk, Turn("Bob", "Bye."), conversation=DIRECTED, parent=kept)
    yield next(facts)


def remembered(place: Path) -> list[str]:
    """The facts that a store holds, in the order of a life."""
    sql = sqlite3.connect(place)
    assert sql.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    sql.close()
    found = set()
    with Store.open(place) as store:
        for talk in (each.id for each in store.talks()):
            for draft in store.drafts(talk):
                store.interrupt(draft)
            for each in store.tree(talk):
                if each.status == "whole":
                    found.add(f"{'said' if each.reply is None else 'heard'} {each.turn.text}")
                if each.rating:
                    found.add("rated")
            words = [each.turn.text for each in store.tree(talk) if each.reply is not None]
            found |= {fact for fact in FACTS[2:4] for word in words
                      if word.startswith(fact.removeprefix("heard so far "))}  # fmt: skip
            if store.header(talk).direction.situation:
                found.add("directed")
    return [fact for fact in FACTS if fact in found]


def lasting(kinds: tuple[str, ...], error: int, at: int) -> Fault:
    """From the change of that number on every one of these kinds fails."""
    return lambda number, change: error if number >= at and change.kind in kinds else 0


def passing(kinds: tuple[str, ...], error: int, at: int) -> Fault:
    """Only the change of that number fails, if it is of these kinds."""
    return lambda number, change: error if number == at and change.kind in kinds else 0


def live(place: Path) -> tuple[list[str], StoreError | None]:
    """The facts that were acknowledged, and the error that ended it."""
    told: list[str] = []
    try:
        with Store.open(place) as store:
            told.extend(lived(store))
    except StoreError as error:
        return told, error
    return told, None


def test_a_life_on_a_good_disk_is_remembered_whole(tmp_path: Path) -> None:
    with in_hand(Disk()) as good:
        assert live(tmp_path / "t.db") == (FACTS, None)
    assert remembered(tmp_path / "t.db") == FACTS
    assert {"create", "write", "sync"} <= {each.kind for each in good.changes}
    assert any(each.file == "t.db" and each.kind == "write" for each in good.changes[20:])


@pytest.mark.parametrize(
    ("fault", "kinds", "error", "every", "told"),
    [
        (lasting, ("write", "create"), FULL, 2, "the disk is full; free some space"),
        (passing, ("write",), FULL, 1, "the disk is full; free some space"),
        (lasting, ("write", "sync"), WRITE_FAILS, 3, "the disk refuses to read or write"),
        (passing, ("sync",), SYNC_FAILS, 1, "the disk refuses to read or write"),
    ],
    ids=["full", "full for a moment", "broken", "not synced"],
)
def test_at_every_write_a_failing_disk_is_told_and_nothing_acknowledged_is_lost(
    quick: Path,
    fault: Callable[..., Fault],
    kinds: tuple[str, ...],
    error: int,
    every: int,
    told: str,
) -> None:
    with in_hand(Disk()) as good:
        live(quick / "good.db")
    failures = []
    numbers = [n for n, change in enumerate(good.changes) if change.kind in kinds]
    for number in numbers[::every]:
        place = quick / f"{number}.db"
        with in_hand(Disk(fault(kinds, error, number))):
            known, failed = live(place)
        found = remembered(place)
        assert found[: len(known)] == known and len(found) <= len(known) + 1, number
        failures += [] if failed is None else [str(failed)]
    assert len(failures) > 10
    assert [each for each in failures if told not in each and "cannot be" not in each] == []


def test_on_a_file_system_without_writing_it_is_told_and_the_store_stays_as_it_is(
    quick: Path,
) -> None:
    live(quick / "t.db")
    before = (quick / "t.db").read_bytes()
    with in_hand(Disk(read_only=True)):
        with pytest.raises(StoreError, match="cannot be (written|opened).*set TERTULIA_HOME"):
            with Store.open(quick / "t.db") as store:
                store.begin(EMPTY)
    assert (quick / "t.db").read_bytes() == before
    assert remembered(quick / "t.db") == FACTS


def test_after_a_full_disk_the_same_store_goes_on_when_there_is_room(tmp_path: Path) -> None:
    room = Disk()
    with in_hand(room), Store.open(tmp_path / "t.db") as store:
        talk = store.begin(EMPTY)
        for more in range(12):
            room.fault = lasting(("write",), FULL, len(room.changes) + more)
            with pytest.raises(StoreError, match="the disk is full"):
                for _ in range(20):
                    store.keep(talk, Turn("Bob", "lost? " * 900), conversation=EMPTY, parent=None)
            room.fault = lambda number, change: 0
            before = len(store.tree(talk))
            store.keep(talk, Turn("Bob", "kept"), conversation=EMPTY, parent=None)
            assert len(store.tree(talk)) == before + 1


@pytest.mark.parametrize("seed", range(2))
def test_a_power_cut_at_any_write_loses_nothing_that_was_acknowledged(
    quick: Path, seed: int
) -> None:
    acknowledged: list[int] = []
    with in_hand(Disk()) as good, Store.open(quick / "t.db") as store:
        for _ in lived(store):
            acknowledged.append(len(good.changes))
        everything = list(good.changes)
    for cut in range(len(everything) + 1):
        left = left_by(quick / f"{cut}", everything[:cut], random.Random(seed * 1000 + cut))
        known = sum(each <= cut for each in acknowledged)
        found = remembered(left)
        assert found[:known] == FACTS[:known] and len(found) <= known + 1, cut


def left_by(
    folder: Path, changes: list[Change], chance: random.Random, before: bytes = b""
) -> Path:
    """The store in a folder as a power cut after these changes leaves it."""
    folder.mkdir()
    for name, content in disk.after_a_power_cut(changes, chance, {"t.db": before}).items():
        (folder / name).write_bytes(content)
    return folder / "t.db"


def test_a_write_that_was_synced_outlives_a_power_cut_and_another_may_not() -> None:
    first, second = Change("write", "a", 0, b"x" * 1024), Change("write", "a", 1024, b"y" * 1024)
    sync = Change("sync", "a")
    left = {disk.after_a_power_cut([first, sync, second], random.Random(n))["a"] for n in range(40)}
    assert all(each.startswith(b"x" * 1024) for each in left)
    assert {len(each) for each in left} == {1024, 1536, 2048}


OLDER = ["Hello.\0\ud800", "Ahoy.", "Hm."]


def older(place: Path) -> Path:
    """A store as a program of the first schema left it."""
    sql = sqlite3.connect(place)
    sql.executescript((Path(__file__).parent / "dump-1.sql").read_text())
    sql.close()
    return place


def heard(place: Path) -> list[str]:
    """What is said on every branch of the talk of `older`."""
    with Store.open(place) as store:
        (talk,) = (each.id for each in store.talks() if each.turns)
        return [each.turn.text for each in store.tree(talk)]


def test_a_migration_that_a_full_disk_ends_at_any_write_begins_again(quick: Path) -> None:
    with in_hand(Disk()) as good:
        Store.open(older(quick / "good.db")).close()
    for number in range(len(good.changes)):
        place = older(quick / f"{number}.db")
        with in_hand(Disk(lasting(("write", "create", "sync"), FULL, number))):
            with suppress(StoreError):
                Store.open(place).close()
        assert heard(place) == OLDER, number


def test_a_migration_that_a_power_cut_ends_at_any_write_begins_again(quick: Path) -> None:
    place = older(quick / "t.db")
    before = place.read_bytes()
    with in_hand(Disk()) as good:
        Store.open(place).close()
    for cut in range(len(good.changes) + 1):
        chance = random.Random(cut)
        left = left_by(quick / f"{cut}", good.changes[:cut], chance, before)
        assert heard(left) == OLDER, cut


def test_many_turns_of_an_older_program_are_all_there_in_the_newest_schema(
    tmp_path: Path,
) -> None:
    place = older(tmp_path / "t.db")
    sql = sqlite3.connect(place)
    (scene,) = sql.execute("SELECT scene FROM turns WHERE id = 1").fetchone()
    talk, when, many = "20260102-030405-7f62", "2026-01-02T03:05:00.000000+00:00", 20_000
    columns = [row[1] for row in sql.execute("PRAGMA table_info(turns)")]
    rows = (
        {"id": n, "talk": talk, "parent": n - 1 if n > 4 else 2, "created": when, "scene": scene,
         "speaker": '"Bob"', "text": f'"turn {n}"', "image": '""', "reply": None}
        for n in range(4, many + 4)
    )  # fmt: skip
    marks = ", ".join(f":{name}" for name in columns)
    sql.executemany(f"INSERT INTO turns ({', '.join(columns)}) VALUES ({marks})", rows)
    sql.execute("INSERT INTO moves VALUES (?, 5, ?, 'w', ?)", (talk, many + 3, when))
    sql.commit()
    sql.close()
    with Store.open(place) as store:
        path = store.path(TalkId(talk), light=True)
    assert [each.turn.text for each in path[2:]] == [f"turn {n}" for n in range(4, many + 4)]
