"""Days of a type that retention drops: which there are, and how far each is.

The drop itself is one transaction (:mod:`storage.sql.day_drop`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from psycopg2 import sql

from config.settings import Secret
from storage.sql.connection import Cursor, connect
from storage.sql.database import Database
from storage.sql.day_drop import RetiredDay, day_table, drop_day, held_by, mark_of
from storage.sql.dropping import drop_from_groups
from storage.sql.locks import COMPACTION, REBUILD, SETTLING, hold_alone, try_hold_session
from storage.sql.partitions import attached_days, bounds
from storage.sql.tables import events_table
from storage.sql.trend import drop_trend_of_day

_LOCK_TIMEOUT = 10.0
_GROUPS_AT_ONCE = 1000
#: Reconcile holds the one for a transaction, compaction the other for a run of half a minute.
_REBUILD_TRIES = 10
_COMPACTION_TRIES = 200
_TRY_SECONDS = 0.2

_SIZES = """
SELECT day, count(*), sum(stored_bytes) FROM packs WHERE type = %s GROUP BY day
"""


@dataclass(frozen=True, slots=True)
class DaySize:
    """What a day of a type holds. ``bytes`` are those of its packs as stored."""

    day: date
    packs: int
    bytes: int
    partition: bool


@dataclass(frozen=True, slots=True)
class RetiredTotals:
    """What went of a type with its days, since the start; ``waiting`` days are not done with."""

    type: str
    events: int
    bytes: int
    waiting: int


class RetiredDays:
    """Every method raises :class:`StoreDown` while PostgreSQL is away, and may be repeated after
    a kill at any instant.
    """

    def __init__(self, database: Database, dsn: Secret) -> None:
        self._database = database
        self._dsn = dsn

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether no other process drops, rebuilds or merges; then none does until this ends."""
        with self._database.transaction():
            pass  # a StoreDown, where a bare connection would raise psycopg2's own
        with closing(connect(self._dsn, _LOCK_TIMEOUT)) as connection:
            connection.autocommit = True
            with connection.cursor(cursor_factory=Cursor) as cursor:
                yield _try(cursor, REBUILD, _REBUILD_TRIES) and _try(
                    cursor, COMPACTION, _COMPACTION_TRIES
                )

    def sizes(self, type_name: str) -> list[DaySize]:
        """Every day that has a partition or packs, oldest first."""
        with self._database.transaction() as cursor:
            partitions = attached_days(cursor, events_table(type_name))
            cursor.execute(_SIZES, (type_name,))
            packs = {day: (int(count), int(size)) for day, count, size in cursor}
        return [
            DaySize(day, *packs.get(day, (0, 0)), partition=day in partitions)
            for day in sorted(partitions | packs.keys())
        ]

    def events(self, type_name: str, day: date) -> int:
        """How many rows a day's partition has; it must be there."""
        with self._database.transaction() as cursor:
            cursor.execute(
                sql.SQL("SELECT count(*) FROM {}").format(day_table(type_name, day)),
            )
            ((events,),) = cursor.fetchall()
            return int(events)

    def held(self, type_name: str, day: date) -> dict[str, int]:
        """For how many of what a day must wait; empty when it may go."""
        with self._database.transaction() as cursor:
            return held_by(cursor, type_name, day)

    def hide(self, type_name: str, day: date, why: str) -> None:
        """Hide a day, with all before it, from every reader for good."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "INSERT INTO retired_days (type, day, why) VALUES (%s, %s, %s)"
                " ON CONFLICT (type, day) WHERE ended_at IS NULL DO NOTHING",
                (type_name, day, why),
            )

    def under_way(self, type_name: str) -> list[RetiredDay]:
        """The days hidden and not done with, oldest first."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT id, type, day, why, dropped_at IS NOT NULL FROM retired_days"
                " WHERE type = %s AND ended_at IS NULL ORDER BY day",
                (type_name,),
            )
            return [RetiredDay(*row) for row in cursor]

    def totals(self) -> list[RetiredTotals]:
        """By type, over all time."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT type, sum(events)::int8, sum(bytes)::int8,"
                " count(*) FILTER (WHERE ended_at IS NULL) FROM retired_days GROUP BY type"
            )
            return [RetiredTotals(*row) for row in cursor]

    def mark(self, retired: RetiredDay) -> str:
        """What changes whenever events come to a day, or their stages go on."""
        with self._database.transaction() as cursor:
            return mark_of(cursor, retired)

    def ids(self, retired: RetiredDay, after: UUID | None, limit: int) -> list[UUID]:
        """Events of a day in the order of ids; none when it has no partition."""
        table = events_table(retired.type)
        lower, upper = bounds(retired.day)
        with self._database.transaction() as cursor:
            cursor.execute(
                sql.SQL("SELECT id FROM {} WHERE id > %s AND id < %s ORDER BY id LIMIT %s").format(
                    sql.Identifier(table)
                ),
                (after or UUID(int=lower.int - 1), upper, limit),
            )
            return [event_id for (event_id,) in cursor]

    def drop(self, retired: RetiredDay, mark: str) -> None:
        """Drop the partition and doom the packs, if the day's mark is still this one.

        Whoever writes events waits meanwhile, for the time of one pass over the day; who reads,
        only for the detaching. Raises :class:`DayHeld`, :class:`DayChanged`, and
        :class:`StoreDown` when somebody holds a lock for longer than :data:`LOCK_SECONDS`.
        """
        with self._database.transaction() as cursor:
            drop_day(cursor, retired, mark)

    def settle_groups(self, retired: RetiredDay) -> int:
        """Take a part of a dropped day off its groups; how many are left to do."""
        with self._database.transaction() as cursor:
            hold_alone(cursor, SETTLING)
            cursor.execute(
                "DELETE FROM retired_groups WHERE retired_id = %s AND group_id IN (SELECT group_id"
                " FROM retired_groups WHERE retired_id = %s ORDER BY group_id LIMIT %s)"
                " RETURNING group_id, events",
                (retired.id, retired.id, _GROUPS_AT_ONCE),
            )
            dropped: dict[UUID, int] = dict(cursor.fetchall())
            drop_trend_of_day(cursor, dropped, retired.day)
            drop_from_groups(cursor, retired.type, dropped)
            cursor.execute(
                "SELECT count(*) FROM retired_groups WHERE retired_id = %s", (retired.id,)
            )
            ((left,),) = cursor.fetchall()
            return int(left)

    def end(self, retired: RetiredDay) -> dict[str, int]:
        """Say that a day is done with; what went with it."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "UPDATE retired_days SET ended_at = now() WHERE id = %s"
                " RETURNING events, packs, bytes",
                (retired.id,),
            )
            ((events, packs, size),) = cursor.fetchall()
            return {"events": events, "packs": packs, "bytes": size}


def _try(cursor: Cursor, lock: int, tries: int) -> bool:
    for _ in range(tries):
        if try_hold_session(cursor, lock):
            return True
        cursor.execute("SELECT pg_sleep(%s)", (_TRY_SECONDS,))
    return False
