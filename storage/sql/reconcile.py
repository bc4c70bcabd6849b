"""Packs on record, and what SQL says of their events: one side of reconciling.

Restoring writes rows alone. The groups, the pack and the ledger counted the event when its row was
written first, and nothing that removes a row behind our back takes that count away.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeAlias
from uuid import UUID

from events.ids import Clock, id_day, now_ms
from storage.model import PackRef
from storage.sql.arrays import array_literal
from storage.sql.connection import Cursor
from storage.sql.database import Database
from storage.sql.locks import REBUILD, SETTLING, hold_shared, try_hold_shared
from storage.sql.partitions import Partitions
from storage.sql.repeats import repeated_ids
from storage.sql.rows import Item, insert_events, row_packs
from storage.sql.settling import decode_counts
from storage.sql.tombstones import never_stored

MinuteProject: TypeAlias = tuple[int, int]

SELECT_PACKS = """
SELECT id, key, type, day, events, stored_bytes, raw_bytes, files_at, search_at, counts, pending,
    md5(counts::text)
FROM packs
"""
_REF_FIELDS = 7


@dataclass(frozen=True, slots=True)
class PackOnRecord:
    """A row of table ``packs``. ``counts`` has the rows it inserted, ``pending`` how many of them
    the ledger does not count as stored. ``counts_md5`` changes whenever the counts do.
    """

    ref: PackRef
    files_at: datetime
    search_at: datetime | None
    counts: Counter[MinuteProject]
    pending: int
    counts_md5: str


@dataclass(frozen=True, slots=True)
class Span:
    """Days of ids, both included, of one type."""

    type: str
    first: date
    last: date


class Reconciling:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database, clock: Clock = now_ms) -> None:
        self._database = database
        self._partitions = Partitions(database, clock)

    def unsearched(self, type_name: str, before: datetime, limit: int) -> list[PackOnRecord]:
        """Packs with rows since before a moment and not marked as searched, oldest first."""
        tail = "WHERE type = %s AND search_at IS NULL AND sql_at < %s ORDER BY sql_at LIMIT %s"
        return self._packs(tail, (type_name, before, limit))

    def due(
        self, span: Span, searched_before: datetime, checked_before: datetime, limit: int
    ) -> list[PackOnRecord]:
        """Searched packs that were not compared since a moment, those never compared first."""
        return self._packs(
            "WHERE type = %s AND day BETWEEN %s AND %s AND search_at < %s"
            " AND (checked_at IS NULL OR checked_at < %s)"
            " ORDER BY checked_at NULLS FIRST, id LIMIT %s",
            (span.type, span.first, span.last, searched_before, checked_before, limit),
        )

    def following(
        self, span: Span, searched_before: datetime, after: UUID | None, limit: int
    ) -> list[PackOnRecord]:
        """Searched packs in the order of ids, whenever they were compared."""
        return self._packs(
            "WHERE type = %s AND day BETWEEN %s AND %s AND search_at < %s"
            " AND (%s::uuid IS NULL OR id > %s) ORDER BY id LIMIT %s",
            (span.type, span.first, span.last, searched_before, after, after, limit),
        )

    def known(self, pack_ids: Iterable[UUID]) -> dict[UUID, bool]:
        """The packs on record among these, each with whether it is marked as searched."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT id, search_at IS NOT NULL FROM packs WHERE id = ANY(%s::uuid[])",
                (array_literal(pack_ids),),
            )
            return dict(cursor.fetchall())

    def rows(self, type_name: str, ids: Iterable[UUID]) -> dict[UUID, UUID]:
        """The events that have a row, each with the pack it came in."""
        with self._database.transaction() as cursor:
            return row_packs(cursor, type_name, ids)

    def lettered(self, ids: Iterable[UUID]) -> set[UUID]:
        """The events whose absence is no gap: never to be stored, repeated, or with a letter not
        resolved.
        """
        with self._database.transaction() as cursor:
            return lettered(cursor, ids)

    def restore(self, pack: PackRef, items: Sequence[Item]) -> int:
        """Write rows that were counted before and are gone; how many were.

        What has a dead letter meanwhile stays without. While a rebuild is at work nothing is
        restored: it does that itself; and nothing of a pack that left the record: its events are
        of another now. Raises :class:`Rejected`.
        """
        self._partitions.forget()  # the partition itself may be what went
        self._partitions.ensure(pack.type, {id_day(record.id) for record, _, _ in items})
        with self._database.transaction() as cursor:
            if not try_hold_shared(cursor, REBUILD):
                return 0
            hold_shared(cursor, SETTLING)
            cursor.execute("SELECT FROM packs WHERE id = %s FOR SHARE", (pack.id,))
            if not cursor.rowcount:
                return 0
            dead = lettered(cursor, [record.id for record, _, _ in items])
            return len(insert_events(cursor, pack, [i for i in items if i[0].id not in dead]))

    def mark_checked(self, pack_ids: Sequence[UUID], at: datetime) -> None:
        """Say that packs were compared."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "UPDATE packs SET checked_at = %s WHERE id = ANY(%s::uuid[])",
                (at, array_literal(pack_ids)),
            )

    def _packs(self, tail: str, values: tuple[Any, ...]) -> list[PackOnRecord]:
        with self._database.transaction() as cursor:
            cursor.execute(SELECT_PACKS + tail, values)
            return [pack_on_record(row) for row in cursor]


def pack_on_record(row: tuple[Any, ...]) -> PackOnRecord:
    """From the columns of :data:`SELECT_PACKS`."""
    files_at, search_at, counts, pending, counts_md5 = row[_REF_FIELDS:]
    return PackOnRecord(
        ref=PackRef(*row[:_REF_FIELDS]),
        files_at=files_at,
        search_at=search_at,
        counts=decode_counts(counts),
        pending=decode_counts(pending).total(),
        counts_md5=counts_md5,
    )


def lettered(cursor: Cursor, ids: Iterable[UUID]) -> set[UUID]:
    """The events with a dead letter of any status but ``replayed``, those never to be stored, and
    those that repeat another.
    """
    asked = list(ids)
    cursor.execute(
        "SELECT event_id FROM dead_letters WHERE status <> 'replayed'"
        " AND event_id = ANY(%s::uuid[])",
        (array_literal(asked),),
    )
    dead = {event_id for (event_id,) in cursor}
    return dead | never_stored(cursor, asked) | repeated_ids(cursor, asked)
