"""A store in one SQLite file, with a write-ahead log."""

import os
import sqlite3
import time
from pathlib import Path

from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from tertulia.errors import StoreError
from tertulia.store.connection import MEMORY, Database, cured
from tertulia.store.migrations import Kind, migrate
from tertulia.store.schema_sqlite import STEPS

APPLICATION = 0x54525455
"""SQLite's application_id of a store of talks: "TRTU"."""

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


def opened(path: Path | str, timeout_seconds: float) -> Database:
    """The store in this file, which is made, with its folders, when it is not there.

    timeout_seconds  how long to wait for another program that writes
    Raises StoreError when it cannot be made or read.
    """
    where = str(path)
    with cured(where, KIND):
        if where != MEMORY:
            ready(Path(path))
        engine = create_engine(
            "sqlite://",
            creator=lambda: sqlite3.connect(
                where, timeout=timeout_seconds, isolation_level=None, check_same_thread=False
            ),
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
        )
        sql = engine.connect()
        try:
            configure(sql, timeout_seconds)
            migrate(sql, where, KIND)
        except BaseException:
            sql.close()
            raise
    return Database(sql, where, KIND)


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


def configure(sql: Connection, timeout_seconds: float) -> None:
    """Write-ahead log; a commit is on the disk before it returns."""
    sql.exec_driver_sql("PRAGMA foreign_keys = ON")
    sql.exec_driver_sql("PRAGMA synchronous = FULL")
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            sql.exec_driver_sql("PRAGMA journal_mode = WAL")
            return
        except OperationalError as busy:
            # SQLite does not wait here when two programs make the same file at once.
            code = getattr(busy.orig, "sqlite_errorcode", None)
            if code != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def schema(sql: Connection, where: str) -> int:
    """The number of the last step this store has taken; 0 for an empty file."""
    number, application, tables = (
        int(sql.exec_driver_sql(query).scalar_one())
        for query in (
            "PRAGMA user_version",
            "PRAGMA application_id",
            "SELECT count(*) FROM sqlite_master",
        )
    )
    if application != APPLICATION and (application or tables):
        raise StoreError(
            f"{where} is a database of another program: set TERTULIA_HOME to a folder of its own"
        )
    return number


def taken(sql: Connection, number: int) -> None:
    sql.exec_driver_sql(f"PRAGMA application_id = {APPLICATION}")
    sql.exec_driver_sql(f"PRAGMA user_version = {number}")


def cure(error: BaseException | None) -> str:
    name = getattr(error, "sqlite_errorname", "")
    found = next((cure for start, cure in CURES if name.startswith(start)), "")
    return found or f"{error} ({name})"


KIND = Kind(
    reading="BEGIN",
    writing="BEGIN IMMEDIATE",
    steps=STEPS,
    schema=schema,
    taken=taken,
    waits="",
    is_busy=lambda driver: bool(getattr(driver, "in_transaction", False)),
    cure=cure,
)
