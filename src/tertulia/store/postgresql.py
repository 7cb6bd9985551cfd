"""A store in a PostgreSQL database, for a server with several machines or a backup of its own."""

from datetime import UTC, datetime

from sqlalchemy import Connection, create_engine, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from tertulia.errors import ConfigError, MissingExtra, StoreError
from tertulia.store.connection import Database, cured
from tertulia.store.migrations import Kind, migrate
from tertulia.store.schema_postgresql import STEPS

SCHEMES = ("postgresql://", "postgres://")
LOCK = 0x54525455
"""The advisory lock under which the schema is made: "TRTU"."""

CONNECT_SECONDS = 10
CURES = (
    ("53100", "the server's disk is full; free some space there"),
    ("53300", "the server has no connection left; close another program, or raise max_connections"),
    ("25006", "the server takes no writes (it is read-only or a standby); give the URL of the "
     "primary"),
    ("55P03", "another program has held it for too long; close that one and try again"),
    ("42501", "this user may not; GRANT it the rights of the schema, or give another user"),
    ("57P", "the server is going down or coming up; try again in a moment"),
    ("08", "the server cannot be reached; check the URL and that the server runs"),
)  # fmt: skip
"""Beginning of an SQLSTATE -> what happened and what to do."""


def is_url(place: str) -> bool:
    return place.startswith(SCHEMES)


def opened(url: str, timeout_seconds: float) -> Database:
    """The store in the database of this URL; its tables are made when it has none.

    timeout_seconds  how long to wait for another program that writes
    Raises StoreError when it cannot be reached or read, MissingExtra without psycopg.
    """
    try:
        target = make_url(url).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError) as error:
        raise ConfigError(
            "the store's URL cannot be read: write postgresql://user:password@host:5432/database"
        ) from error
    where = target.set(drivername="postgresql").render_as_string(hide_password=True)
    limits = f"-c lock_timeout={int(timeout_seconds * 1000)} -c synchronous_commit=on"
    try:
        engine = create_engine(
            target,
            connect_args={"options": limits, "connect_timeout": CONNECT_SECONDS},
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
        )
    except ImportError as error:
        raise MissingExtra(
            "a store in PostgreSQL needs psycopg: pip install 'tertulia[postgres]'"
        ) from error
    with cured(where, KIND):
        sql = engine.connect()
        try:
            migrate(sql, where, KIND)
        except BaseException:
            sql.close()
            raise
    return Database(sql, where, KIND)


def schema(sql: Connection, where: str) -> int:
    """The number of the last step this store has taken; 0 for a database without tables."""
    # Asked of the catalog as a table: to_regclass may answer from a cache that is out of date.
    query = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
    tables = set(sql.exec_driver_sql(query).scalars())
    if tables and "tertulia_schema" not in tables:
        raise StoreError(
            f"{where} is a database of another program: give the store one of its own (createdb)"
        )
    if not tables:
        return 0
    query = "SELECT coalesce(max(number), 0) FROM tertulia_schema"
    return int(sql.exec_driver_sql(query).scalar_one())


def taken(sql: Connection, number: int) -> None:
    sql.exec_driver_sql(
        "CREATE TABLE IF NOT EXISTS tertulia_schema (number BIGINT PRIMARY KEY, taken TEXT)"
    )
    now = datetime.now(UTC).isoformat(timespec="seconds")
    sql.exec_driver_sql("INSERT INTO tertulia_schema VALUES (%s, %s)", (number, now))


def cure(error: BaseException | None) -> str:
    state = getattr(error, "sqlstate", None)
    told = " ".join(str(error).split())
    if state is None:
        return f"{told}; check the URL and that the server runs"
    return next((cure for start, cure in CURES if state.startswith(start)), f"{told} ({state})")


def is_busy(driver: object) -> bool:
    return bool(driver.info.transaction_status)  # type: ignore[attr-defined] # psycopg's


KIND = Kind(
    reading="BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    writing="BEGIN ISOLATION LEVEL READ COMMITTED",
    steps=STEPS,
    schema=schema,
    taken=taken,
    waits=f"SELECT pg_advisory_xact_lock({LOCK})",
    is_busy=is_busy,
    cure=cure,
)
