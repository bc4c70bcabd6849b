"""Which packs are worth merging, what of them is still wanted, and how far compaction is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from storage.floors import Floors
from storage.missing import PackMember
from storage.model import PackRef
from storage.sql.arrays import array_literal
from storage.sql.connection import Cursor
from storage.sql.database import Database
from storage.sql.repeats import repeated_ids
from storage.sql.rows import row_packs
from storage.sql.tombstones import never_stored

_AT_ONCE = 2000

# Statements are put together of constants alone.
_FREE = """
    search_at IS NOT NULL
    AND NOT EXISTS (SELECT FROM merge_sources WHERE merge_sources.pack_id = packs.id)
    AND NOT EXISTS (SELECT FROM merges WHERE merges.id = packs.id)
    AND NOT EXISTS (SELECT FROM quarantined_packs WHERE quarantined_packs.id = packs.id)
    AND (%(type)s::text IS NULL OR packs.type = %(type)s)
"""

_REF = "SELECT packs.id, key, packs.type, day, events, stored_bytes, raw_bytes FROM packs "

_ERASED = """
SELECT pack_id, min(at) AS at FROM (
    SELECT pack_id, at FROM tombstones WHERE gone_at IS NULL AND pack_id IS NOT NULL
    UNION ALL
    SELECT spare.pack_id, erased.at FROM spare_copies AS spare
        JOIN tombstones AS erased ON erased.event_id = spare.event_id
) AS held GROUP BY pack_id
"""

_DIRTY = (
    _REF
    + f"JOIN ({_ERASED}) AS held ON held.pack_id = packs.id WHERE {_FREE}"
    + " AND held.at <= %(erased_before)s ORDER BY packs.type, day, packs.id LIMIT %(limit)s"
)

# A pack has more events than rows counted when some were dropped, are dead or are copies: only of
# such a pack can anything be past its project's term.
_EXPIRING = f"""
{_REF} WHERE {_FREE} AND (swept_at IS NULL OR swept_at < %(swept_before)s)
    AND EXISTS (
        SELECT FROM project_terms AS terms
        WHERE terms.type = packs.type AND terms.cleared_ms > extract(epoch FROM packs.day) * 1000
    )
    AND events > (SELECT coalesce(sum((slot->>2)::int8), 0) FROM jsonb_array_elements(counts) slot)
ORDER BY packs.type, day, packs.id LIMIT %(limit)s
"""  # noqa: S608

_SMALL = f"""
WITH small AS (
    SELECT packs.id, key, packs.type, day, events, stored_bytes, raw_bytes FROM packs
    WHERE {_FREE} AND pending = '[]' AND search_at < %(searched_before)s
        AND stored_bytes < %(stored_bytes)s AND raw_bytes < %(raw_bytes)s AND events < %(events)s
)
SELECT small.* FROM small JOIN (
    SELECT type, day FROM small GROUP BY type, day
    HAVING count(*) >= CASE WHEN day < %(today)s THEN 2 ELSE %(least)s END
) AS many ON many.type = small.type AND many.day = small.day
ORDER BY small.type, small.day, small.id LIMIT %(limit)s
"""  # noqa: S608

_STATE = """
SELECT
    (SELECT count(*) FROM merges),
    (SELECT count(*) FROM doomed_packs),
    (SELECT coalesce(sum(stored_bytes), 0) FROM doomed_packs),
    (SELECT count(*) FROM tombstones WHERE gone_at IS NULL AND pack_id IS NOT NULL),
    (SELECT min(at) FROM tombstones WHERE gone_at IS NULL AND pack_id IS NOT NULL)
"""


@dataclass(frozen=True, slots=True)
class Small:
    """What a small pack is: below each of these, searched before a moment; ``least`` of a type and
    day make a merge while the day goes on (``today``), two afterwards.
    """

    searched_before: datetime
    stored_bytes: int
    raw_bytes: int
    events: int
    today: date
    least: int


@dataclass(frozen=True, slots=True)
class CompactionState:
    """``erased`` events whose bytes still lie somewhere, the longest since ``erased_since``."""

    merges: int
    doomed_packs: int
    doomed_bytes: int
    erased: int
    erased_since: datetime | None


@dataclass(frozen=True, slots=True)
class CompactionTotals:
    """What was done of a type since the start."""

    type: str
    merges: int
    packs_merged: int
    bytes_read: int
    bytes_written: int
    events_dropped: int
    packs_deleted: int
    bytes_deleted: int


class Compacting:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def dirty(self, erased_before: datetime, kind: str | None, limit: int) -> list[PackRef]:
        """Packs that hold bytes of events erased before a moment."""
        return self._packs(_DIRTY, erased_before=erased_before, type=kind, limit=limit)

    def expiring(self, swept_before: datetime, kind: str | None, limit: int) -> list[PackRef]:
        """Packs that may hold events past their project's term, not looked at since a moment."""
        return self._packs(_EXPIRING, swept_before=swept_before, type=kind, limit=limit)

    def small(self, small: Small, kind: str | None, limit: int) -> list[PackRef]:
        """Small packs of types and days that have enough of them."""
        values = {name: getattr(small, name) for name in Small.__slots__}
        return self._packs(_SMALL, **values, type=kind, limit=limit)

    def mark_swept(self, pack_ids: Sequence[UUID], at: datetime) -> None:
        """Say that packs hold nothing past its term."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "UPDATE packs SET swept_at = %s WHERE id = ANY(%s::uuid[])",
                (at, array_literal(pack_ids)),
            )

    def wanted(
        self, pack: PackRef, members: Sequence[PackMember], floors: Floors
    ) -> tuple[set[UUID], set[UUID]]:
        """Which events of a pack must stay readable: those with their row of it, and those that
        have no row anywhere and may get one: dead letters, and what is on its way.

        Erased, discarded, copied, repeated and expired events are in neither.
        """
        own: set[UUID] = set()
        rowless: set[UUID] = set()
        for start in range(0, len(members), _AT_ONCE):
            part = members[start : start + _AT_ONCE]
            ids = [event_id for event_id, _ in part]
            with self._database.transaction() as cursor:
                rows = row_packs(cursor, pack.type, ids)
                gone = never_stored(cursor, ids) | repeated_ids(cursor, ids)
            own.update(event_id for event_id in ids if rows.get(event_id) == pack.id)
            rowless.update(
                event_id
                for event_id, project in part
                if event_id not in rows
                and event_id not in gone
                and not floors.expired(project, pack.type, event_id)
            )
        return own, rowless

    def replaying(self, ids: Sequence[UUID]) -> bool:
        """Whether a dead letter of any of the events is on its way again."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT FROM dead_letters WHERE status = 'replaying'"
                " AND event_id = ANY(%s::uuid[]) LIMIT 1",
                (array_literal(ids),),
            )
            return cursor.rowcount > 0

    def state(self) -> CompactionState:
        """What is under way and what waits."""
        with self._database.transaction() as cursor:
            cursor.execute(_STATE)
            ((merges, packs, stored, erased, since),) = cursor.fetchall()
        return CompactionState(merges, packs, int(stored), erased, since)

    def totals(self) -> list[CompactionTotals]:
        """What was done since the start, by type."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT type, merges, packs_merged, bytes_read, bytes_written, events_dropped,"
                " packs_deleted, bytes_deleted FROM compaction_totals ORDER BY type"
            )
            return [CompactionTotals(*row) for row in cursor]

    def _packs(self, statement: str, **values: Any) -> list[PackRef]:
        with self._database.transaction() as cursor:
            cursor.execute(statement, values)
            return _refs(cursor)


def _refs(cursor: Cursor) -> list[PackRef]:
    return [PackRef(*row) for row in cursor]
