"""The pool on a real PostgreSQL: what an outage is, what bad data is, and what survives."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator

import psycopg2
import pytest
from psycopg2.extensions import make_dsn

from config.settings import Secret, Settings
from storage.errors import Rejected, StoreDown
from storage.sql.connection import Cursor, parameters
from storage.sql.database import Database
from storage.sql.locks import hold_alone


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    database = Database(settings.postgres_dsn, max_connections=2, timeout=2.0)
    yield database
    database.close()


def value(cursor: Cursor, statement: str, *values: object) -> object:
    cursor.execute(statement, values)
    row = cursor.fetchone()
    assert row is not None
    return row[0]


def _insert_and_fail(cursor: Cursor) -> None:
    cursor.execute("INSERT INTO kept VALUES (3)")
    raise KeyError


def terminate(settings: Settings, pid: object) -> None:
    other = Database(settings.postgres_dsn)
    with other.transaction() as cursor:
        assert value(cursor, "SELECT pg_terminate_backend(%s, 5000)", pid) is True
    other.close()


def test_commits_at_the_end_and_rolls_back_on_an_error(database: Database) -> None:
    with database.transaction() as cursor:
        cursor.execute("CREATE TABLE kept (n int)")
        cursor.execute("INSERT INTO kept VALUES (1)")
    with pytest.raises(Rejected), database.transaction() as cursor:
        cursor.execute("INSERT INTO kept VALUES (2); SELECT 1 / 0")
    with pytest.raises(KeyError), database.transaction() as cursor:
        _insert_and_fail(cursor)
    with database.transaction() as cursor:
        assert value(cursor, "SELECT count(*) FROM kept") == 1


def test_an_unreachable_server_is_down() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        database = Database(Secret(f"postgresql://someone:hush@127.0.0.1:{port}/nothing"))
        with pytest.raises(StoreDown) as failure:
            database.check()
    assert "hush" not in str(failure.value)
    assert "Is the server" not in str(failure.value)


def test_a_server_that_accepts_and_never_answers_is_down() -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        database = Database(Secret(f"postgresql://someone@127.0.0.1:{mute.getsockname()[1]}/x"))
        with pytest.raises(StoreDown):
            database.check()


def test_the_next_host_of_a_dsn_is_tried_when_the_first_is_mute(settings: Settings) -> None:
    given = parameters(settings.postgres_dsn)
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        host, port = given.get("host", "127.0.0.1"), given.get("port", "5432")
        both = {"host": f"127.0.0.1,{host}", "port": f"{mute.getsockname()[1]},{port}"}
        database = Database(Secret(make_dsn(**{**given, **both})))
        database.check()
        database.close()


def test_a_dsn_that_is_none_is_a_mistake_and_not_told() -> None:
    with pytest.raises(ValueError, match="DSN") as failure:
        Database(Secret("hush hush")).check()
    assert "hush" not in str(failure.value)


def test_a_statement_past_the_servers_time_out_is_down(settings: Settings) -> None:
    database = Database(settings.postgres_dsn, timeout=0.2)
    with pytest.raises(StoreDown), database.transaction() as cursor:
        cursor.execute("SELECT pg_sleep(5)")
    database.check()
    database.close()


def test_a_statement_past_the_clients_patience_is_down(database: Database) -> None:
    with pytest.raises(StoreDown), database.transaction(patience=0.2) as cursor:
        cursor.execute("SELECT pg_sleep(1)")
    database.check()


def test_a_backend_killed_in_a_transaction_is_down_and_replaced(database: Database) -> None:
    with pytest.raises(StoreDown), database.transaction() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    database.check()


def test_a_backend_killed_while_idle_is_replaced_unseen(
    database: Database, settings: Settings
) -> None:
    with database.transaction() as cursor:
        pid = value(cursor, "SELECT pg_backend_pid()")
    terminate(settings, pid)
    with database.transaction() as cursor:
        assert value(cursor, "SELECT pg_backend_pid()") != pid


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"])
def test_text_that_postgresql_cannot_hold_is_rejected(database: Database, text: str) -> None:
    with pytest.raises(Rejected), database.transaction() as cursor:
        cursor.execute("SELECT %s", (text,))


@pytest.mark.parametrize(
    "statement", ["SELECT 99999999999::int4", "SELECT 'x'::uuid", "SELECT 'x'::timestamptz"]
)
def test_data_of_the_wrong_form_is_rejected(database: Database, statement: str) -> None:
    with pytest.raises(Rejected), database.transaction() as cursor:
        cursor.execute(statement)


def test_a_bug_of_ours_propagates(database: Database) -> None:
    with pytest.raises(psycopg2.ProgrammingError), database.transaction() as cursor:
        cursor.execute("SELECT * FROM no_such_table")
    database.check()


def test_a_read_only_standby_is_down(database: Database) -> None:
    with pytest.raises(StoreDown), database.transaction() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY; CREATE TABLE never (n int)")


def test_a_deadlock_is_down_for_one_and_passes_the_other(database: Database) -> None:
    both_hold_one = threading.Barrier(2)
    outcomes: list[type[BaseException] | None] = []

    def take(first: int, second: int) -> None:
        try:
            with database.transaction(patience=10) as cursor:
                cursor.execute("SET LOCAL statement_timeout = 0")
                hold_alone(cursor, first)
                both_hold_one.wait()
                hold_alone(cursor, second)
            outcomes.append(None)
        except StoreDown as exc:
            outcomes.append(type(exc))

    threads = [threading.Thread(target=take, args=pair) for pair in ((91, 92), (92, 91))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes, key=str) == [StoreDown, None]


def test_no_free_connection_is_down(settings: Settings) -> None:
    database = Database(settings.postgres_dsn, max_connections=1, timeout=0.1)
    with database.transaction(), pytest.raises(StoreDown, match="no free connection"):
        database.check()
    database.check()
    database.close()


def test_a_fork_connects_anew_and_leaves_its_parent_alone(database: Database) -> None:
    with database.transaction() as cursor:
        parents = value(cursor, "SELECT pg_backend_pid()")
    read, write = os.pipe()
    child = os.fork()
    if child == 0:  # no pytest in here: leave without its clean-up, whatever happens
        try:
            with database.transaction() as cursor:
                os.write(write, str(value(cursor, "SELECT pg_backend_pid()")).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    childs = os.read(read, 100)
    os.close(read)
    assert childs
    assert int(childs) != parents
    with database.transaction() as cursor:
        assert value(cursor, "SELECT pg_backend_pid()") == parents


def test_many_threads_share_few_connections(database: Database) -> None:
    seen: set[object] = set()

    def ask() -> None:
        for _ in range(20):
            with database.transaction() as cursor:
                seen.add(value(cursor, "SELECT pg_backend_pid()"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= len(seen) <= 2
