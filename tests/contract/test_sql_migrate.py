"""Migrations: any number of processes, every form of a DSN, and what a kill leaves."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest

from config.policy import EVENT_TYPES
from config.settings import Secret, Settings
from storage.errors import StoreDown
from storage.sql.connection import parameters
from storage.sql.database import Database
from storage.sql.migrate import MIGRATIONS, migrate
from storage.sql.tables import COMMON, events_table, own_columns

NAMES = sorted(path.stem for path in MIGRATIONS.glob("*.sql"))


def test_four_processes_at_once_apply_each_file_once(settings: Settings) -> None:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(4, mp_context=spawn) as processes:
        applied = list(processes.map(migrate, [settings.postgres_dsn] * 4))
    assert sorted(applied, key=len) == [[], [], [], NAMES]
    assert migrate(settings.postgres_dsn) == []


def test_a_dsn_of_key_and_value_and_a_lock_left_by_a_kill(settings: Settings) -> None:
    migrate(settings.postgres_dsn)
    database = Database(settings.postgres_dsn)
    with database.transaction() as cursor:
        cursor.execute("INSERT INTO yoyo_lock (locked, ctime, pid) VALUES (1, now(), 1)")
    database.close()
    pairs = parameters(settings.postgres_dsn).items()
    assert migrate(Secret(" ".join(f"{name}='{value}'" for name, value in pairs))) == []


def test_an_unreachable_server_is_down() -> None:
    with pytest.raises(StoreDown):
        migrate(Secret("postgresql://nobody@127.0.0.1:1/nothing"))


@pytest.mark.parametrize("type_name", [policy.name for policy in EVENT_TYPES])
def test_a_table_has_the_columns_its_type_declares(settings: Settings, type_name: str) -> None:
    migrate(settings.postgres_dsn)
    database = Database(settings.postgres_dsn)
    with database.transaction() as cursor:
        cursor.execute(
            "SELECT attname::text, format_type(atttypid, NULL) FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attname::text",
            (events_table(type_name),),
        )
        found = cursor.fetchall()
        declared = (*COMMON, *own_columns(type_name))
        cursor.execute(
            "SELECT name, format_type(type::regtype, NULL)"
            " FROM unnest(%s::text[], %s::text[]) AS declared (name, type) ORDER BY name",
            ([column.name for column in declared], [column.pg_type for column in declared]),
        )
        assert found == cursor.fetchall()
    database.close()
