"""What is left of dropped days beside their events: settled dead letters, old tombstones, notes of
events that repeated others, and of whom they told more.
"""

from __future__ import annotations

from uuid import UUID

from storage.floors import MINUTE_MS
from storage.sql.database import Database

_AT_ONCE = 5000

# Not while the day has a pack on record: there an event that is dead in search is told from one
# that is not by its letter alone. The ledger goes on to count what was discarded.
_LETTERS = """
WITH gone AS (
    DELETE FROM dead_letters WHERE id IN (
        SELECT id FROM dead_letters AS letters
        WHERE type = %(type)s AND minute < %(before)s AND status IN ('replayed', 'discarded')
            AND NOT EXISTS (
                SELECT FROM packs
                WHERE packs.type = %(type)s AND packs.day = (to_timestamp(letters.minute * 60)
                    AT TIME ZONE 'UTC')::date
            )
        ORDER BY minute LIMIT %(limit)s
    ) RETURNING minute, project_id, type, status
), counted AS (
    INSERT INTO ledger AS kept (minute, project_id, type, discarded, letters)
    SELECT minute, project_id, type, count(*) FILTER (WHERE status = 'discarded'), count(*)
    FROM gone GROUP BY minute, project_id, type ORDER BY minute, project_id, type
    ON CONFLICT (minute, project_id, type) DO UPDATE SET
        discarded = kept.discarded + excluded.discarded,
        letters = kept.letters + excluded.letters
)
SELECT count(*) FROM gone
"""

_TOMBSTONES = """
DELETE FROM tombstones WHERE event_id IN (
    SELECT event_id FROM tombstones
    WHERE type = %s AND event_id < %s AND gone_at IS NOT NULL LIMIT %s
)
"""

_REPEATS = """
DELETE FROM repeated_events WHERE event_id IN (
    SELECT event_id FROM repeated_events WHERE type = %s AND event_id < %s LIMIT %s
)
"""

_MENTIONS = """
DELETE FROM mentions WHERE event_id IN (
    SELECT event_id FROM mentions WHERE type = %s AND event_id < %s LIMIT %s
)
"""


class Sweeping:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def letters(self, type_name: str, before_ms: int) -> int:
        """Drop settled dead letters of a type older than a moment; how many this part had."""
        values = {"type": type_name, "before": before_ms // MINUTE_MS, "limit": _AT_ONCE}
        with self._database.transaction() as cursor:
            cursor.execute(_LETTERS, values)
            ((gone,),) = cursor.fetchall()
            return int(gone)

    def tombstones(self, type_name: str, before: UUID) -> int:
        """Drop tombstones of ids below one whose bytes are gone; how many this part had."""
        with self._database.transaction() as cursor:
            cursor.execute(_TOMBSTONES, (type_name, before, _AT_ONCE))
            return cursor.rowcount

    def repeats(self, type_name: str, before: UUID) -> int:
        """Drop notes of repeated events with ids below one; how many this part had."""
        with self._database.transaction() as cursor:
            cursor.execute(_REPEATS, (type_name, before, _AT_ONCE))
            return cursor.rowcount

    def mentions(self, type_name: str, before: UUID) -> int:
        """Drop notes of what events with ids below one told of; how many this part had."""
        with self._database.transaction() as cursor:
            cursor.execute(_MENTIONS, (type_name, before, _AT_ONCE))
            return cursor.rowcount
