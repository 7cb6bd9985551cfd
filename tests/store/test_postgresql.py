"""A store in PostgreSQL, where it differs from a file."""

import sys
import threading

import psycopg
import pytest

from tertulia.conversation import Conversation, Turn
from tertulia.errors import ConfigError, MissingExtra, StoreError
from tertulia.store import Store

TALK = Conversation(agent="Ann", user="Bob").said("Bob", "Hello.")


@pytest.mark.parametrize("table", ["scenes", "talks", "turns", "moves", "marks", "files"])
def test_nothing_that_is_kept_can_be_changed(database: str, table: str) -> None:
    with Store.open(database) as store:
        store.begin(TALK, title="x")
    with psycopg.connect(database, autocommit=True) as other:
        for statement in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
            with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
                other.execute(statement)


def test_a_password_is_in_no_message() -> None:
    with pytest.raises(StoreError) as caught:
        Store.open("postgresql://ann:secret@127.0.0.1:1/talks")
    assert "secret" not in str(caught.value)
    assert "127.0.0.1:1/talks" in str(caught.value) and "check the URL" in str(caught.value)


@pytest.mark.parametrize("url", ["postgresql://host:port/x", "postgres://[::1/x"])
def test_a_url_that_is_none_is_answered_with_its_shape(url: str) -> None:
    with pytest.raises(ConfigError, match="write postgresql://user:password@host"):
        Store.open(url)


def test_the_short_scheme_of_many_hosts_is_understood(database: str) -> None:
    with Store.open(database.replace("postgresql://", "postgres://")) as store:
        assert store.talks() == ()


def test_without_its_package_the_pip_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtra, match=r"pip install 'tertulia\[postgres\]'"):
        Store.open("postgresql://127.0.0.1/talks")


def test_a_server_that_went_away_for_a_moment_is_found_again(database: str) -> None:
    with Store.open(database) as store:
        talk = store.begin(TALK)
        with psycopg.connect(database, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        with pytest.raises(StoreError, match="the server is going down or coming up"):
            store.keep(talk, Turn("Bob", "Lost."), conversation=TALK, parent=None)
        store.keep(talk, Turn("Bob", "Again."), conversation=TALK, parent=None)
        assert [each.turn.text for each in store.tree(talk)] == ["Hello.", "Again."]


def test_a_writer_that_never_ends_is_told_as_such(database: str) -> None:
    with Store.open(database, timeout_seconds=0.05) as store:
        talk = store.begin(TALK)
        with psycopg.connect(database) as other:
            other.execute("SELECT id FROM talks FOR UPDATE")
            with pytest.raises(StoreError, match="another program has held it for too long"):
                store.keep(talk, Turn("Bob", "x"), conversation=TALK, parent=None)
        store.keep(talk, Turn("Bob", "y"), conversation=TALK, parent=None)


def test_a_database_that_takes_no_writes_says_so(database: str) -> None:
    Store.open(database).close()
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("ALTER ROLE tertulia SET default_transaction_read_only = on")
    try:
        with Store.open(database) as store:
            assert store.talks() == ()
            with pytest.raises(StoreError, match="takes no writes"):
                store.begin(TALK)
    finally:
        with psycopg.connect(database, autocommit=True) as other:
            other.execute("SET default_transaction_read_only = off")
            other.execute("ALTER ROLE tertulia RESET default_transaction_read_only")


def test_many_programs_may_make_the_same_store_at_once(database: str) -> None:
    failed: list[BaseException] = []
    ready = threading.Barrier(8)

    def begin() -> None:
        ready.wait()
        try:
            with Store.open(database) as store:
                store.begin(TALK)
        except StoreError as error:
            failed.append(error)

    programs = [threading.Thread(target=begin) for _ in range(8)]
    for each in programs:
        each.start()
    for each in programs:
        each.join()
    assert failed == []
    with Store.open(database) as store:
        assert len(store.talks()) == 8
