"""Stores to test with: each kind of database that can hold one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from tertulia.store import Store
from tests.store import cluster


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of a PostgreSQL server."""
    if reason := cluster.lacking():
        pytest.skip(reason)
    with cluster.running() as url:
        yield url


@pytest.fixture
def database(server: str) -> str:
    """The URL of an empty PostgreSQL database; one, emptied, serves all tests."""
    url = f"{server}/postgres"
    engine = create_engine(
        url.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as sql:
        sql.exec_driver_sql("SET client_min_messages = warning")
        sql.exec_driver_sql("DROP SCHEMA public CASCADE")
        sql.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()
    return url


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
