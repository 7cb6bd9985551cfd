"""What the store says, and keeps, when the file or the disk fails it."""

import os
import resource
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from tertulia.conversation import Conversation, Turn
from tertulia.errors import StoreError
from tertulia.store import Store
from tertulia.store.migrations import migrate
from tertulia.store.sqlite import APPLICATION, KIND

TALK = Conversation(agent="Ann", user="Bob").said("Bob", "Hello.")
LONG = Turn("Bob", "x" * 200_000)


def test_a_full_disk_keeps_what_was_acknowledged_and_nothing_half(tmp_path: Path) -> None:
    with Store.open(tmp_path / "t.db") as store:
        talk = store.begin(TALK)
        store.database.sql.exec_driver_sql("PRAGMA max_page_count = 60")
        with pytest.raises(StoreError, match="the disk is full; free some space, or set TERTULIA"):
            store.keep(talk, LONG, conversation=TALK, parent=None)
        assert store.conversation(talk) == TALK
        store.keep(talk, Turn("Bob", "short"), conversation=TALK, parent=None)


FILL = """
import sys
from pathlib import Path
from tertulia.conversation import Conversation, Turn
from tertulia.errors import StoreError
from tertulia.store import Store
with Store.open(Path(sys.argv[1])) as store:
    empty = Conversation()
    talk, last, kept = store.begin(empty), None, 0
    try:
        while True:
            last = store.keep(talk, Turn("User", "x" * 50_000), conversation=empty, parent=last)
            kept += 1
    except StoreError as error:
        print(kept, error)
"""


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))


def test_a_file_that_may_not_grow_is_a_store_error(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FILL, str(tmp_path / "t.db")]
    done = subprocess.run(command, preexec_fn=limited, capture_output=True, text=True)
    kept, _, told = done.stdout.partition(" ")
    assert "free some space" in told, done.stderr
    with Store.open(tmp_path / "t.db") as store:
        assert [each.turns for each in store.talks()] == [int(kept)]


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a folder, not a store of talks"):
        Store.open(tmp_path)


@pytest.mark.parametrize("place", ["file/below/t.db", "a\0b.db", "x" * 300])
def test_a_place_that_cannot_be_made_is_answered_with_another(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="no store can be kept at .*set TERTULIA_HOME"):
        Store.open(tmp_path / place)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a file system without writing")
def test_a_home_that_cannot_be_written_is_answered_with_another() -> None:
    with pytest.raises(StoreError, match="no store can be kept at .*set TERTULIA_HOME"):
        Store.open(Path("/proc/self/tertulia/talks.db"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere; run as another user")
def test_a_file_that_cannot_be_written_is_answered_with_another(tmp_path: Path) -> None:
    Store.open(tmp_path / "t.db").close()
    (tmp_path / "t.db").chmod(0o400)
    with pytest.raises(StoreError, match="cannot be written.*set TERTULIA_HOME"):
        with Store.open(tmp_path / "t.db") as store:
            store.begin(TALK)


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "t.db"
    file.write_bytes(b"Dear diary, today was a long day." * 100)
    with pytest.raises(StoreError, match="is no store of talks; move it away"):
        Store.open(file)
    assert file.read_bytes().startswith(b"Dear diary")


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "t.db")
    other.execute("CREATE TABLE turns (a)")
    other.close()
    with pytest.raises(StoreError, match="a database of another program"):
        Store.open(tmp_path / "t.db")


def test_a_damaged_store_is_told_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "t.db"
    with Store.open(file) as store:
        talk = store.begin(TALK)
        for _ in range(3):
            store.keep(talk, LONG, conversation=TALK, parent=None)
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    file.write_bytes(content)
    with pytest.raises(StoreError, match="it is damaged; move it away"):
        with Store.open(file) as store:
            store.talks()


def test_a_writer_that_never_ends_is_told_as_such(tmp_path: Path) -> None:
    with Store.open(tmp_path / "t.db", timeout_seconds=0.05) as store:
        other = sqlite3.connect(tmp_path / "t.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another program has held it for too long"):
            store.begin(TALK)
        other.close()
        store.begin(TALK)


def test_many_programs_may_make_the_same_store_at_once(tmp_path: Path) -> None:
    failed: list[BaseException] = []
    ready = threading.Barrier(8)

    def begin() -> None:
        ready.wait()
        try:
            with Store.open(tmp_path / "t.db") as store:
                store.begin(TALK)
        except StoreError as error:
            failed.append(error)

    programs = [threading.Thread(target=begin) for _ in range(8)]
    for each in programs:
        each.start()
    for each in programs:
        each.join()
    assert failed == []
    with Store.open(tmp_path / "t.db") as store:
        assert len(store.talks()) == 8


def test_a_store_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    Store.open(tmp_path / "t.db").close()
    newer = sqlite3.connect(tmp_path / "t.db")
    newer.execute("PRAGMA user_version = 999")
    newer.close()
    with pytest.raises(StoreError, match="schema 999.*pip install -U tertulia"):
        Store.open(tmp_path / "t.db")


@pytest.fixture
def sql() -> Iterator[Connection]:
    engine = create_engine("sqlite://", poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as opened:
        yield opened


def names(sql: Connection, query: str) -> list[str]:
    return [row[0] for row in sql.exec_driver_sql(query)]


def test_migrations_are_taken_in_order_from_wherever_a_store_is(sql: Connection) -> None:
    steps = (("CREATE TABLE a (x)",), ("ALTER TABLE a ADD y",), ("ALTER TABLE a ADD z",))
    for known in (1, 3, 3):
        migrate(sql, "here", KIND, steps[:known])
        assert sql.exec_driver_sql("PRAGMA user_version").scalar_one() == known
    assert names(sql, "SELECT name FROM pragma_table_info('a')") == ["x", "y", "z"]


def test_a_migration_that_fails_leaves_the_store_as_it_was(sql: Connection) -> None:
    migrate(sql, "here", KIND, (("CREATE TABLE a (x)",),))
    with pytest.raises(OperationalError, match="no such table: b"):
        broken = ("CREATE TABLE c (x)", "ALTER TABLE b ADD y")
        migrate(sql, "here", KIND, (("CREATE TABLE a (x)",), broken))
    assert names(sql, "SELECT name FROM sqlite_master") == ["a"]
    assert sql.exec_driver_sql("PRAGMA user_version").scalar_one() == 1


def test_the_file_says_what_it_is() -> None:
    assert APPLICATION == int.from_bytes(b"TRTU")
