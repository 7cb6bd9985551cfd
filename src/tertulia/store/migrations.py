"""The store's schema, as numbered steps: a new step goes to the end, no step is ever edited."""

import sqlite3
from collections.abc import Sequence

from tertulia.errors import StoreError

APPLICATION = 0x54525455
"""SQLite's application_id of a store of talks: "TRTU"."""

FIRST = (
    # What directs a talk at one moment, each kept once: JSON of the scene without its turns.
    "CREATE TABLE scenes (hash TEXT PRIMARY KEY, scene TEXT NOT NULL) WITHOUT ROWID",
    # agent is the text of the agent file, as JSON.
    "CREATE TABLE talks (id TEXT PRIMARY KEY, created TEXT NOT NULL, agent TEXT NOT NULL,"
    " scene TEXT NOT NULL REFERENCES scenes) WITHOUT ROWID",
    # The tree: turns with one parent are alternatives. speaker, text, image and reply are JSON in
    # ASCII, so that NUL and lone surrogates survive.
    "CREATE TABLE turns (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " talk TEXT NOT NULL REFERENCES talks, parent INTEGER REFERENCES turns,"
    " created TEXT NOT NULL, speaker TEXT NOT NULL, text TEXT NOT NULL, image TEXT NOT NULL,"
    " scene TEXT NOT NULL REFERENCES scenes, reply TEXT)",
    "CREATE INDEX turns_of_a_talk ON turns (talk, parent)",
    # Which turn was last, after each change of a talk: the newest row ends the active path. Its
    # number is the talk's version; two writers cannot both add the same one. writer is the open
    # store that made the move.
    "CREATE TABLE moves (talk TEXT NOT NULL REFERENCES talks, number INTEGER NOT NULL,"
    " turn INTEGER REFERENCES turns, writer TEXT NOT NULL, created TEXT NOT NULL,"
    " PRIMARY KEY (talk, number)) WITHOUT ROWID",
    *(
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}"
        f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for table in ("scenes", "talks", "turns", "moves")
        for verb in ("UPDATE", "DELETE")
    ),
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (FIRST,)
"""Step n takes a store from schema n - 1 to n; each runs in one transaction."""


def migrate(
    connection: sqlite3.Connection, where: str, steps: Sequence[tuple[str, ...]] = MIGRATIONS
) -> None:
    """Bring a store, empty or older, to the newest schema.

    Raises StoreError for a database that is no store of talks, or has a newer schema.
    """
    connection.execute("BEGIN")
    try:
        # In one transaction: another program may be taking the steps right now.
        newest = schema(connection, where, steps) == len(steps)
    finally:
        connection.execute("ROLLBACK")
    if newest:
        return
    for number, statements in enumerate(steps, start=1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Looked at again inside: another program may have taken this step meanwhile.
            if schema(connection, where, steps) < number:
                for statement in statements:
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION}")
                connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def schema(connection: sqlite3.Connection, where: str, steps: Sequence[tuple[str, ...]]) -> int:
    """The number of the last step this store has taken; 0 for an empty database."""
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION and (application or tables):
        raise StoreError(
            f"{where} is a database of another program: set TERTULIA_HOME to a folder of its own"
        )
    if number > len(steps):
        raise StoreError(
            f"{where} was written by a newer tertulia (schema {number}, this one knows "
            f"{len(steps)}): pip install -U tertulia, or set TERTULIA_HOME to another folder"
        )
    return int(number)
