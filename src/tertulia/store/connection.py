"""One open SQLite file: its settings, its transactions, and SQLite's errors with their cure."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tertulia.errors import StoreError
from tertulia.store.migrations import migrate

MEMORY = ":memory:"
ELSEWHERE = "set TERTULIA_HOME to a folder that can be written"
CURES = (
    ("SQLITE_FULL", f"the disk is full; free some space, or {ELSEWHERE}"),
    ("SQLITE_BUSY", "another program has held it for too long; close that one and try again"),
    ("SQLITE_LOCKED", "another program has held it for too long; close that one and try again"),
    ("SQLITE_READONLY", f"it cannot be written; {ELSEWHERE}"),
    ("SQLITE_PERM", f"it cannot be written; {ELSEWHERE}"),
    ("SQLITE_CANTOPEN", f"it cannot be opened; {ELSEWHERE}"),
    ("SQLITE_CORRUPT", "it is damaged; move it away and a new one is begun, and try sqlite3's "
     ".recover on the old one"),
    ("SQLITE_NOTADB", "it is no store of talks; move it away and a new one is begun"),
    ("SQLITE_IOERR", f"the disk refuses to read or write, full perhaps; free some space, or "
     f"{ELSEWHERE}"),
)  # fmt: skip
"""Beginning of SQLite's name for an error -> what happened and what to do."""


@dataclass(frozen=True, slots=True)
class Database:
    """A store's file, open. Errors of SQLite leave it as StoreError."""

    sql: sqlite3.Connection
    where: str

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Everything read inside is of one moment."""
        with self.transaction("BEGIN"):
            yield self.sql

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """All that is written inside is on the disk afterwards, or nothing when it raises."""
        with self.transaction("BEGIN IMMEDIATE"):
            yield self.sql

    @contextmanager
    def transaction(self, begin: str) -> Iterator[None]:
        with cured(self.where):
            try:
                self.sql.execute(begin)
                yield
                self.sql.execute("COMMIT")
            finally:
                if self.sql.in_transaction:
                    self.sql.execute("ROLLBACK")

    def close(self) -> None:
        with cured(self.where):
            self.sql.close()


def opened(path: Path | str, timeout_seconds: float) -> Database:
    """The store in this file, which is made, with its folders, when it is not there.

    timeout_seconds  how long to wait for another program that writes
    Raises StoreError when it cannot be made or read.
    """
    where = str(path)
    with cured(where):
        if where != MEMORY:
            ready(Path(path))
        sql = sqlite3.connect(where, timeout=timeout_seconds, isolation_level=None)
        try:
            configure(sql, timeout_seconds)
            migrate(sql, where)
        except BaseException:
            sql.close()
            raise
    return Database(sql, where)


def ready(path: Path) -> None:
    """The file's folder made, and the file too, both for this user's eyes only."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.is_dir():
            raise StoreError(f"{path} is a folder, not a store of talks: name a file in it")
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT, 0o600))
    except StoreError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StoreError(f"no store can be kept at {path}: {reason}; {ELSEWHERE}") from error


def configure(sql: sqlite3.Connection, timeout_seconds: float) -> None:
    """Write-ahead log; a commit is on the disk before it returns."""
    sql.execute("PRAGMA foreign_keys = ON")
    sql.execute("PRAGMA synchronous = FULL")
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            sql.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as busy:
            # SQLite does not wait here when two programs make the same file at once.
            if busy.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


@contextmanager
def cured(where: str) -> Iterator[None]:
    """SQLite's errors as StoreError, with the cure."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        cure = next((cure for start, cure in CURES if name.startswith(start)), f"{error} ({name})")
        raise StoreError(f"the store of talks {where}: {cure}") from error
