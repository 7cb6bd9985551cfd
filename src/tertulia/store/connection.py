"""One open database that holds a store: its transactions, and its errors with their cure."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from tertulia.errors import StoreError
from tertulia.store.migrations import Kind

MEMORY = ":memory:"


@dataclass(frozen=True, slots=True)
class Database:
    """A store's database, open. Its errors leave it as StoreError; threads take turns."""

    sql: Connection
    where: str
    kind: Kind
    turns: Any = field(default_factory=threading.RLock)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Everything read inside is of one moment."""
        with self.transaction(self.kind.reading):
            yield self.sql

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """All that is written inside is on the disk afterwards, or nothing when it raises."""
        with self.transaction(self.kind.writing):
            yield self.sql

    @contextmanager
    def transaction(self, begin: str) -> Iterator[None]:
        with self.turns, cured(self.where, self.kind):
            if self.sql.closed:
                raise StoreError(f"the store of talks {self.where}: it is closed; open it again")
            if self.sql.invalidated:
                self.sql.rollback()
            try:
                self.sql.exec_driver_sql(begin)
                yield
                self.sql.exec_driver_sql("COMMIT")
            finally:
                if not self.sql.invalidated and self.kind.is_busy(
                    self.sql.connection.dbapi_connection
                ):
                    self.sql.exec_driver_sql("ROLLBACK")

    def close(self) -> None:
        with self.turns, cured(self.where, self.kind):
            self.sql.close()


@contextmanager
def cured(where: str, kind: Kind) -> Iterator[None]:
    """The database's errors as StoreError, with the cure."""
    try:
        yield
    except DBAPIError as error:
        cure = kind.cure(error.orig) or str(error.orig).strip()
        raise StoreError(f"the store of talks {where}: {cure}") from error
