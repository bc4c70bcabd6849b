"""Partitions of the event tables: one a UTC day of the id, made before they are needed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from psycopg2 import sql

from events.ids import Clock, first_id, now_ms
from storage.sql.connection import Cursor
from storage.sql.database import Database
from storage.sql.locks import PARTITIONS, hold_alone
from storage.sql.tables import derived_tables, events_table

DAYS_AHEAD = 14
_DAY_MS = 86_400_000


class Partitions:
    """Makes the partitions a batch needs, and those of the coming two weeks once a day."""

    def __init__(self, database: Database, clock: Clock = now_ms) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[str, frozenset[str]] = {}

    def ensure(self, type_name: str, days: Iterable[date]) -> None:
        """Have partitions for these days and the next fortnight, in a transaction of its own.

        What exists is remembered, so a call that needs nothing new does no I/O. Two processes
        may race: they take turns. Raises :class:`StoreDown`.
        """
        table = events_table(type_name)
        today = datetime.fromtimestamp(self._clock() / 1000, UTC).date()
        ahead = (today + timedelta(days=count) for count in range(DAYS_AHEAD + 1))
        wanted = {partition_name(table, day): day for day in (*days, *ahead)}
        if not wanted.keys() <= self._known.get(table, frozenset()):
            self._known[table] = self._create(type_name, table, wanted)

    def forget(self) -> None:
        """Look anew at the next call: someone dropped a partition."""
        self._known = {}

    def _create(self, type_name: str, table: str, wanted: dict[str, date]) -> frozenset[str]:
        with self._database.transaction() as cursor:
            attached = _attached(cursor, table)
            if missing := wanted.keys() - attached:
                hold_alone(cursor, PARTITIONS)
                missing -= _attached(cursor, table)
            for name in sorted(missing):
                _attach(cursor, table, name, wanted[name])
                for derived in derived_tables(type_name):
                    renew_day(cursor, derived, wanted[name])
            self._complete(cursor, type_name, wanted.values())
        return attached | wanted.keys()

    @staticmethod
    def _complete(cursor: Cursor, type_name: str, days: Iterable[date]) -> None:
        """Have the partitions that a process of an earlier release did not know to make."""
        for derived in derived_tables(type_name):
            wanted = {partition_name(derived, day): day for day in days}
            if wanted.keys() - _attached(cursor, derived):
                hold_alone(cursor, PARTITIONS)
                for name in sorted(wanted.keys() - _attached(cursor, derived)):
                    _attach(cursor, derived, name, wanted[name])


def partition_name(table: str, day: date) -> str:
    """The name of a day's partition, such as ``crash_events_20260131``."""
    return f"{table}_{day:%Y%m%d}"


def bounds(day: date) -> tuple[UUID, UUID]:
    """The first id of a day, and the first after it."""
    start = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
    return first_id(start), first_id(start + _DAY_MS)


def attached_days(cursor: Cursor, table: str) -> frozenset[date]:
    """The days of a type's table that have a partition."""
    beginning = f"{table}_"
    return frozenset(
        datetime.strptime(name.removeprefix(beginning), "%Y%m%d").replace(tzinfo=UTC).date()
        for name in _attached(cursor, table)
    )


def renew_day(cursor: Cursor, table: str, day: date) -> None:
    """Have an empty partition of a day: nothing can be derived from rows that are not there."""
    drop_day_of(cursor, table, day)
    _attach(cursor, table, partition_name(table, day), day)


def drop_day_of(cursor: Cursor, table: str, day: date) -> None:
    """Drop the partition of a day, if there is one."""
    if day in attached_days(cursor, table):
        names = sql.Identifier(table), sql.Identifier(partition_name(table, day))
        cursor.execute(sql.SQL("ALTER TABLE {} DETACH PARTITION {}").format(*names))
        cursor.execute(sql.SQL("DROP TABLE {}").format(names[1]))


def _attached(cursor: Cursor, table: str) -> frozenset[str]:
    cursor.execute(
        "SELECT child.relname FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid"
        " WHERE inhparent = %s::regclass",
        (table,),
    )
    return frozenset(name for (name,) in cursor)


def _attach(cursor: Cursor, table: str, name: str, day: date) -> None:
    """Made as a table of its own and attached: PARTITION OF would wait for every writer."""
    parent, child = sql.Identifier(table), sql.Identifier(name)
    lower, upper = bounds(day)
    cursor.execute(
        sql.SQL("CREATE TABLE IF NOT EXISTS {} (LIKE {} INCLUDING ALL)").format(child, parent)
    )
    cursor.execute(
        sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM (%s) TO (%s)").format(
            parent, child
        ),
        (str(lower), str(upper)),
    )
