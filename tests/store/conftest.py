"""Stores to test with: each kind of database that can hold one."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from tertulia.store import Store
from tests.store import cluster

numbers = itertools.count()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of a PostgreSQL server."""
    if reason := cluster.lacking():
        pytest.skip(reason)
    with cluster.running() as url:
        yield url


@pytest.fixture
def database(server: str) -> str:
    """The URL of an empty PostgreSQL database."""
    name = f"talks_{next(numbers)}"
    engine = create_engine(
        server.replace("postgresql:", "postgresql+psycopg:") + "/postgres",
        isolation_level="AUTOCOMMIT",
    )
    with engine.connect() as sql:
        sql.exec_driver_sql(f"CREATE DATABASE {name} STRATEGY = wal_log")
    engine.dispose()
    return f"{server}/{name}"


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a store can be opened, once in each kind of database."""
    if request.param == "sqlite":
        return str(tmp_path / "talks.db")
    url: str = request.getfixturevalue("database")
    return url


@pytest.fixture
def store(place: str) -> Iterator[Store]:
    with Store.open(place) as opened:
        yield opened
