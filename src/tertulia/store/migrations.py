"""Taking a store, in whichever database, from the schema it has to the newest one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from tertulia.errors import StoreError

Step = tuple[str, ...]
"""SQL statements that take a store from one schema to the next, in one transaction."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What differs between the databases that can hold a store.

    reading, writing  the statements that begin a transaction
    steps             the migrations, oldest first
    schema            the number of the last step taken, 0 for an empty database; given where the
                      store is, raises StoreError for a database of another program
    taken             takes note that step n was taken
    waits             the statement that makes programs take the steps one after the other
    is_busy           whether a transaction is open on this driver's connection
    cure              for the driver's error: what happened and what to do; "" when unknown
    """

    reading: str
    writing: str
    steps: tuple[Step, ...]
    schema: Callable[[Connection, str], int]
    taken: Callable[[Connection, int], None]
    waits: str
    is_busy: Callable[[object], bool]
    cure: Callable[[BaseException | None], str]


def migrate(sql: Connection, where: str, kind: Kind, steps: Sequence[Step] | None = None) -> None:
    """Bring a store, empty or older, to the newest schema.

    Raises StoreError for a database that is no store of talks, or has a newer schema.
    """
    steps = kind.steps if steps is None else steps
    # In one transaction: another program may be taking the steps right now.
    if stepped(sql, kind, lambda: known(sql, where, kind, len(steps)) == len(steps), False):
        return
    for number, statements in enumerate(steps, start=1):

        def take(number: int = number, statements: Step = statements) -> bool:
            # Looked at again inside: another program may have taken this step meanwhile.
            if known(sql, where, kind, len(steps)) < number:
                for statement in statements:
                    sql.exec_driver_sql(statement)
                kind.taken(sql, number)
            return True

        stepped(sql, kind, take, True)


def stepped(sql: Connection, kind: Kind, act: Callable[[], bool], writes: bool) -> bool:
    """What act gives, all of it in one transaction."""
    sql.exec_driver_sql(kind.writing if writes else kind.reading)
    try:
        if writes and kind.waits:
            sql.exec_driver_sql(kind.waits)
        found = act()
        sql.exec_driver_sql("COMMIT")
        return found
    finally:
        if kind.is_busy(sql.connection.dbapi_connection):
            sql.exec_driver_sql("ROLLBACK")


def known(sql: Connection, where: str, kind: Kind, newest: int) -> int:
    """The schema a store has; raises StoreError for one that is newer than this program."""
    number = kind.schema(sql, where)
    if number > newest:
        raise StoreError(
            f"{where} was written by a newer tertulia (schema {number}, this one knows "
            f"{newest}): pip install -U tertulia, or set TERTULIA_HOME to another folder"
        )
    return number
