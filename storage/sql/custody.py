"""What SQL knows of events that messages hold: whether they still have their fate to come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from uuid import UUID

from psycopg2 import sql

from storage.ledger import Row
from storage.sql.arrays import array_literal
from storage.sql.connection import Cursor
from storage.sql.database import Database
from storage.sql.rows import existing_ids, row_packs
from storage.sql.settling import decode_counts
from storage.sql.tables import event_types, events_table

_SETTLED = """
SELECT event_id FROM dead_letters
WHERE status IN ('open', 'discarded') AND event_id = ANY(%(ids)s::uuid[])
UNION ALL
SELECT event_id FROM tombstones WHERE settled AND event_id = ANY(%(ids)s::uuid[])
"""

# Of what a pack has pending, its dead and discarded events have their fate.
_DEAD = """
SELECT letters.minute, letters.project_id, count(DISTINCT letters.event_id)
FROM dead_letters AS letters JOIN {} AS event ON event.id = letters.event_id
WHERE event.pack_id = ANY(%s::uuid[]) AND letters.status IN ('open', 'discarded')
    AND letters.type = %s
GROUP BY 1, 2
"""


class CustodyRows:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def unsettled(self, type_name: str, ids: Collection[UUID]) -> set[UUID]:
        """The events that have neither row nor fate: whoever holds them has them in flight."""
        if not ids:
            return set()
        with self._database.transaction() as cursor:
            rows = existing_ids(cursor, type_name, ids)
            return set(ids) - rows - _settled(cursor, ids)

    def packs_of(self, type_name: str, ids: Collection[UUID]) -> set[UUID]:
        """The packs in which those of the events that have a row are."""
        if not ids:
            return set()
        with self._database.transaction() as cursor:
            return set(row_packs(cursor, type_name, ids).values())

    def without_fate(self, ids: Collection[UUID]) -> set[UUID]:
        """The events that are neither dead, discarded nor erased, with a row or without."""
        if not ids:
            return set()
        with self._database.transaction() as cursor:
            return set(ids) - _settled(cursor, ids)

    def pending(self, pack_ids: Collection[UUID]) -> Counter[Row]:
        """Events of packs that have their row and are not counted as stored yet, nor dead."""
        found: Counter[Row] = Counter()
        if not pack_ids:
            return found
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT type, pending FROM packs WHERE id = ANY(%s::uuid[])",
                (array_literal(pack_ids),),
            )
            for type_name, pending in cursor:
                for (minute, project_id), events in decode_counts(pending).items():
                    found[minute, project_id, type_name] += events
            for type_name in event_types():
                table = sql.Identifier(events_table(type_name))
                given = (array_literal(pack_ids), type_name)
                cursor.execute(sql.SQL(_DEAD).format(table), given)
                for minute, project_id, events in cursor:
                    found[minute, project_id, type_name] -= events
        return +found

    def waiting_packs(self, minute: int, limit: int) -> Sequence[tuple[UUID, str, str]]:
        """Packs (id, key, type) not searched yet, with events of a minute that have their row."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT id, key, type FROM packs"
                " WHERE search_at IS NULL AND pending <> '[]' AND EXISTS ("
                " SELECT FROM jsonb_array_elements(pending) AS slot"
                " WHERE (slot ->> 0)::int8 = %s) ORDER BY id LIMIT %s",
                (minute, limit),
            )
            return cursor.fetchall()


def _settled(cursor: Cursor, ids: Collection[UUID]) -> set[UUID]:
    cursor.execute(_SETTLED, {"ids": array_literal(ids)})
    return {event_id for (event_id,) in cursor}
