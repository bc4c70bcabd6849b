"""Days of a type that retention drops: which there are, what holds one, and the drop itself.

The drop is one transaction: packs leave the record and are doomed in it, so no row ever points at a
pack that is gone, and what is to be taken off groups is noted in it, so that a kill loses none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from psycopg2 import sql

from config.settings import Secret
from storage.errors import StoreDown
from storage.floors import MINUTE_MS, day_start_ms
from storage.sql.connection import Cursor, connect
from storage.sql.database import Database
from storage.sql.doomed import doom
from storage.sql.dropping import drop_from_groups
from storage.sql.locks import (
    COMPACTION,
    PARTITIONS,
    REBUILD,
    SETTLING,
    hold_alone,
    try_hold_session,
)
from storage.sql.partitions import attached_days, bounds, partition_name
from storage.sql.tables import events_table

#: How long a drop waits for a lock, and with it who comes after it, before it gives way.
LOCK_SECONDS = 0.5
_LOCK_TIMEOUT = 10.0
_GROUPS_AT_ONCE = 1000

_HELD = """
SELECT
    (SELECT count(*) FROM packs WHERE type = %(type)s AND day = %(day)s AND search_at IS NULL),
    (SELECT count(*) FROM dead_letters
     WHERE type = %(type)s AND minute >= %(first)s AND minute < %(after)s
        AND status IN ('open', 'replaying') AND pack_key IS NOT NULL),
    (SELECT count(*) FROM merges WHERE type = %(type)s AND day = %(day)s),
    (SELECT count(*) FROM rebuilds WHERE type = %(type)s AND ended_at IS NULL
        AND part = ANY(%(parts)s::text[]))
"""
_REASONS = ("packs_in_flight", "unsettled_dead_letters", "merges", "rebuilds")

_MARK = """
SELECT md5(coalesce(string_agg(id::text || counts::text || coalesce(search_at::text, ''), ','
    ORDER BY id), '')) FROM packs WHERE type = %s AND day = %s
"""

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
class RetiredDay:
    """A day that is being dropped; ``dropped`` once it has neither rows nor packs."""

    id: int
    type: str
    day: date
    why: str
    dropped: bool


@dataclass(frozen=True, slots=True)
class RetiredTotals:
    """What went of a type with its days, since the start; ``waiting`` days are not done with."""

    type: str
    events: int
    bytes: int
    waiting: int


class DayChanged(Exception):
    """Events came to a day while its documents were deleted: delete those of the new ones too."""


class DayHeld(Exception):
    """A day cannot be dropped now: ``reasons`` says for how many of what it waits."""

    def __init__(self, reasons: dict[str, int]) -> None:
        super().__init__(", ".join(f"{count} {name}" for name, count in reasons.items()))
        self.reasons = reasons


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
                yield try_hold_session(cursor, REBUILD) and try_hold_session(cursor, COMPACTION)

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
                sql.SQL("SELECT count(*) FROM {}").format(_partition(type_name, day)),
            )
            ((events,),) = cursor.fetchall()
            return int(events)

    def held(self, type_name: str, day: date) -> dict[str, int]:
        """For how many of what a day must wait; empty when it may go."""
        with self._database.transaction() as cursor:
            return _held(cursor, type_name, day)

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
            return _mark(cursor, retired)

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
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", (f"{LOCK_SECONDS}s",))
            hold_alone(cursor, SETTLING)
            hold_alone(cursor, PARTITIONS)
            if reasons := _held(cursor, retired.type, retired.day):
                raise DayHeld(reasons)
            if _mark(cursor, retired) != mark:
                raise DayChanged
            events = self._drop_rows(cursor, retired)
            packs, size = _doom_packs(cursor, retired)
            cursor.execute(
                "UPDATE retired_days SET dropped_at = now(), events = %s, packs = %s, bytes = %s"
                " WHERE id = %s",
                (events, packs, size, retired.id),
            )

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
            drop_from_groups(cursor, retired.type, dict(cursor.fetchall()))
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

    def _drop_rows(self, cursor: Cursor, retired: RetiredDay) -> int:
        table = events_table(retired.type)
        if retired.day not in attached_days(cursor, table):
            return 0
        names = {
            "parent": sql.Identifier(table),
            "child": _partition(retired.type, retired.day),
        }
        cursor.execute(
            sql.SQL(
                "INSERT INTO retired_groups (retired_id, group_id, events)"
                " SELECT %s, group_id, count(*) FROM {child} WHERE group_id IS NOT NULL GROUP BY 2"
            ).format(**names),
            (retired.id,),
        )
        cursor.execute(sql.SQL("SELECT count(*) FROM {child}").format(**names))
        ((events,),) = cursor.fetchall()
        cursor.execute(sql.SQL("ALTER TABLE {parent} DETACH PARTITION {child}").format(**names))
        cursor.execute(sql.SQL("DROP TABLE {child}").format(**names))
        return int(events)


def _partition(type_name: str, day: date) -> sql.Identifier:
    return sql.Identifier(partition_name(events_table(type_name), day))


def _held(cursor: Cursor, type_name: str, day: date) -> dict[str, int]:
    cursor.execute(
        _HELD,
        {
            "type": type_name,
            "day": day,
            "first": day_start_ms(day) // MINUTE_MS,
            "after": day_start_ms(day + timedelta(1)) // MINUTE_MS,
            "parts": [day.isoformat(), f"{day:%Y.%m}"],
        },
    )
    (counts,) = cursor.fetchall()
    return {name: count for name, count in zip(_REASONS, counts, strict=True) if count}


def _mark(cursor: Cursor, retired: RetiredDay) -> str:
    cursor.execute(_MARK, (retired.type, retired.day))
    ((mark,),) = cursor.fetchall()
    return str(mark)


def _doom_packs(cursor: Cursor, retired: RetiredDay) -> tuple[int, int]:
    """Doom the day's packs, what they have more of than rows included."""
    cursor.execute(
        "SELECT id, stored_bytes FROM packs WHERE type = %s AND day = %s FOR UPDATE",
        (retired.type, retired.day),
    )
    packs: Sequence[tuple[Any, ...]] = cursor.fetchall()
    ids: Collection[UUID] = [pack_id for pack_id, _ in packs]
    if ids:
        doom(cursor, list(ids), "retention")
    return len(ids), sum(size for _, size in packs)


def lock_was_held(exc: StoreDown) -> bool:
    """Whether a drop gave way to somebody who held a lock."""
    return getattr(exc.__cause__, "pgcode", None) == "55P03"
