"""Every older schema opens and loses nothing; a migration that is cut off begins again."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from tertulia.conversation import Conversation, Direction, Persona, Plan, Turn
from tertulia.errors import StoreError
from tertulia.store import Store, TalkId, postgresql, sqlite, tables
from tertulia.store.migrations import Kind, migrate

HERE = Path(__file__).parent
OLDER = range(1, len(sqlite.STEPS))
KINDS = {"sqlite": sqlite.KIND, "postgresql": postgresql.KIND}
TALK = Conversation(
    agent="Ann",
    user="Bob",
    direction=Direction(situation="A ferry at night.", personas=(Persona("Ann", ("i row.",)),)),
)


def filled(place: str, schema: int) -> None:
    """A store as a program of that schema left it."""
    if postgresql.is_url(place):
        with psycopg.connect(place, autocommit=True) as opened:
            opened.execute((HERE / f"dump-{schema}.postgresql.sql").read_bytes())
        return
    other = sqlite3.connect(place)
    other.executescript((HERE / f"dump-{schema}.sql").read_text())
    other.close()


@contextmanager
def connected(place: str) -> Iterator[tuple[Connection, Kind]]:
    """A plain connection to a database that may hold no store yet."""
    kind = KINDS["postgresql" if postgresql.is_url(place) else "sqlite"]
    url = place.replace("postgresql:", "postgresql+psycopg:")
    target = url if postgresql.is_url(place) else f"sqlite:///{place}"
    engine = create_engine(target, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as sql:
        yield sql, kind


@pytest.mark.parametrize("schema", OLDER)
def test_a_store_of_an_older_program_opens_with_all_that_it_holds(place: str, schema: int) -> None:
    filled(place, schema)
    with Store.open(place) as store:
        (talk,) = (each.id for each in store.talks() if each.turns)
        told = TALK.planned(Plan(goal="greet."))
        assert store.conversation(talk).turns == (
            Turn("Bob", "Hello.\0\ud800"),
            Turn("Ann", "Ahoy.", "a sail"),
        )
        assert store.header(talk) == told and store.scene(talk) == TALK
        assert store.agent(talk) == 'format = "native"\n' and store.version(talk) == 4
        reply = store.tree(talk)[2].reply
        assert reply is not None and reply["seed"] == 8
        assert {each.status for each in store.tree(talk)} == {"whole"}


@pytest.mark.parametrize("schema", OLDER)
def test_a_store_of_an_older_program_is_written_to(place: str, schema: int) -> None:
    filled(place, schema)
    with Store.open(place) as store:
        talk = TalkId("20260102-030405-7f62")
        last = store.path(talk)[-1].id
        kept = store.keep(talk, Turn("Bob", "On!"), conversation=TALK, parent=last)
        store.rate(last, 1)
        store.edit(talk, kept, Turn("Bob", "On we go!"))
    with Store.open(place) as store:
        assert [each.turn.text for each in store.path(talk)][-1] == "On we go!"
        assert store.turn(last).rating == 1


def test_a_migration_that_is_cut_off_anywhere_begins_again(place: str) -> None:
    filled(place, 1)
    with connected(place) as (sql, kind):
        first, *rest = kind.steps
        for step, statements in enumerate(rest, start=1):
            for cut in range(len(statements)):
                broken = (*kind.steps[:step], (*statements[:cut], "NO SUCH STATEMENT"))
                with pytest.raises(DBAPIError):
                    migrate(sql, place, kind, broken)
    with Store.open(place) as store:
        assert sorted(each.turns for each in store.talks()) == [0, 2]


def test_queries_see_the_tables_as_migrations_make_them(place: str) -> None:
    Store.open(place).close()
    with connected(place) as (sql, _):
        for table in tables.METADATA.sorted_tables:
            found = sql.exec_driver_sql(f"SELECT * FROM {table.name}").keys()
            assert sorted(found) == sorted(table.columns.keys())


def test_both_kinds_of_database_have_the_same_schemas() -> None:
    assert len(sqlite.STEPS) == len(postgresql.STEPS)


@pytest.mark.parametrize("number", range(1, len(sqlite.STEPS) + 1))
@pytest.mark.parametrize("kind", list(KINDS))
def test_no_migration_is_ever_edited(kind: str, number: int) -> None:
    ending = "sql" if kind == "sqlite" else f"{kind}.sql"
    golden = HERE / f"schema-{number}.{ending}"
    assert ";\n".join(KINDS[kind].steps[number - 1]) + ";\n" == golden.read_text()


def test_a_database_of_another_program_is_left_alone(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("CREATE TABLE turns (a TEXT)")
    with pytest.raises(StoreError, match="a database of another program: give the store one"):
        Store.open(database)


def test_a_database_of_a_newer_program_is_refused(database: str) -> None:
    Store.open(database).close()
    with psycopg.connect(database, autocommit=True) as newer:
        newer.execute("INSERT INTO tertulia_schema VALUES (999, '')")
    with pytest.raises(StoreError, match="schema 999.*pip install -U tertulia"):
        Store.open(database)
