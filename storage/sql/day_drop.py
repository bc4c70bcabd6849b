"""The drop of a day of a type: one transaction in which its rows and packs leave together.

Packs are doomed in the transaction that drops the partition, so no row ever points at a pack that
is gone; and what is to be taken off groups is noted in it, so that a kill loses none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from psycopg2 import sql

from storage.errors import StoreDown
from storage.floors import MINUTE_MS, day_start_ms
from storage.sql.connection import Cursor
from storage.sql.doomed import doom
from storage.sql.locks import PARTITIONS, SETTLING, hold_alone
from storage.sql.partitions import attached_days, drop_day_of, partition_name
from storage.sql.series import forget_unused
from storage.sql.tables import derived_tables, events_table

#: How long a drop waits for a lock, and with it who comes after it, before it gives way.
LOCK_SECONDS = 0.5

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


@dataclass(frozen=True, slots=True)
class RetiredDay:
    """A day that is being dropped; ``dropped`` once it has neither rows nor packs."""

    id: int
    type: str
    day: date
    why: str
    dropped: bool


class DayChanged(Exception):
    """Events came to a day while its documents were deleted: delete those of the new ones too."""


class DayHeld(Exception):
    """A day cannot be dropped now: ``reasons`` says for how many of what it waits."""

    def __init__(self, reasons: dict[str, int]) -> None:
        super().__init__(", ".join(f"{count} {name}" for name, count in reasons.items()))
        self.reasons = reasons


def drop_day(cursor: Cursor, retired: RetiredDay, mark: str) -> None:
    """Drop a day's partition and doom its packs, if its mark is still this one.

    Raises :class:`DayHeld`, :class:`DayChanged`, and what :func:`lock_was_held` knows.
    """
    cursor.execute("SELECT set_config('lock_timeout', %s, true)", (f"{LOCK_SECONDS}s",))
    hold_alone(cursor, SETTLING)
    hold_alone(cursor, PARTITIONS)
    if reasons := held_by(cursor, retired.type, retired.day):
        raise DayHeld(reasons)
    if mark_of(cursor, retired) != mark:
        raise DayChanged
    packs, size = _doom_packs(cursor, retired)
    events = _drop_rows(cursor, retired)
    for derived in derived_tables(retired.type):
        drop_day_of(cursor, derived, retired.day)
    forget_unused(cursor, retired.type)
    cursor.execute(
        "UPDATE retired_days SET dropped_at = now(), events = %s, packs = %s, bytes = %s"
        " WHERE id = %s",
        (events, packs, size, retired.id),
    )


def held_by(cursor: Cursor, type_name: str, day: date) -> dict[str, int]:
    """For how many of what a day must wait; empty when it may go."""
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


def mark_of(cursor: Cursor, retired: RetiredDay) -> str:
    """What changes whenever events come to a day, or their stages go on."""
    cursor.execute(_MARK, (retired.type, retired.day))
    ((mark,),) = cursor.fetchall()
    return str(mark)


def day_table(type_name: str, day: date) -> sql.Identifier:
    """The partition of a day."""
    return sql.Identifier(partition_name(events_table(type_name), day))


def _drop_rows(cursor: Cursor, retired: RetiredDay) -> int:
    """Note what is to be taken off groups, and drop the partition; how many rows it had."""
    table = events_table(retired.type)
    if retired.day not in attached_days(cursor, table):
        return 0
    names = {
        "parent": sql.Identifier(table),
        "child": day_table(retired.type, retired.day),
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
    drop_day_of(cursor, table, retired.day)
    return int(events)


def _doom_packs(cursor: Cursor, retired: RetiredDay) -> tuple[int, int]:
    """Take the day's packs off the record; how many, and their bytes."""
    cursor.execute(
        "SELECT id, stored_bytes FROM packs WHERE type = %s AND day = %s FOR UPDATE",
        (retired.type, retired.day),
    )
    packs: Sequence[tuple[Any, ...]] = cursor.fetchall()
    ids: list[UUID] = [pack_id for pack_id, _ in packs]
    if ids:
        doom(cursor, ids, "retention")
    return len(ids), sum(size for _, size in packs)


def lock_was_held(exc: StoreDown) -> bool:
    """Whether a drop gave way to somebody who held a lock."""
    return getattr(exc.__cause__, "pgcode", None) == "55P03"
