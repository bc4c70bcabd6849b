"""What SQL knows of events that messages hold: whether they still have their fate to come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from uuid import UUID

from psycopg2 import sql

from storage.ledger import Row
from storage.sql.arrays import array_literal
from storage.sql.database import Database
from storage.sql.settling import decode_counts
from storage.sql.tables import events_table

_SETTLED = """
SELECT event_id, NULL::uuid FROM dead_letters
WHERE status IN ('open', 'discarded') AND event_id = ANY(%s::uuid[])
UNION ALL
SELECT event_id, NULL FROM tombstones WHERE settled AND event_id = ANY(%s::uuid[])
"""
_ROWS = "SELECT id, pack_id FROM {} WHERE id = ANY(%s::uuid[])"

# Of what a pack has pending, its dead and discarded events have their fate.
_DEAD = """
SELECT letters.type, letters.minute, letters.project_id, count(DISTINCT letters.event_id)
FROM dead_letters AS letters JOIN {} AS event ON event.id = letters.event_id
WHERE event.pack_id = ANY(%s::uuid[]) AND letters.status IN ('open', 'discarded')
    AND letters.type = %s
GROUP BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """Of events at one moment: those that have neither row nor fate, which whoever holds them has
    in flight, and those that have a row, each with its pack.
    """

    unsettled: frozenset[UUID]
    packs: Mapping[UUID, UUID]


class CustodyRows:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def standing(self, events: Mapping[str, Collection[UUID]]) -> Standing:
        """How events stand, given by type."""
        ids = frozenset(chain.from_iterable(events.values()))
        if not ids:
            return Standing(ids, {})
        rows = [sql.SQL(_ROWS).format(sql.Identifier(events_table(name))) for name in events]
        given = [array_literal(of_type) for of_type in events.values()]
        with self._database.transaction() as cursor:
            cursor.execute(
                sql.SQL(" UNION ALL ").join([*rows, sql.SQL(_SETTLED)]),
                (*given, array_literal(ids), array_literal(ids)),
            )
            found = cursor.fetchall()
        packs = {event_id: pack_id for event_id, pack_id in found if pack_id is not None}
        return Standing(ids - {event_id for event_id, _ in found}, packs)

    def without_fate(self, ids: Collection[UUID]) -> set[UUID]:
        """The events that are neither dead, discarded nor erased, with a row or without."""
        if not ids:
            return set()
        with self._database.transaction() as cursor:
            cursor.execute(_SETTLED, (array_literal(ids), array_literal(ids)))
            return set(ids) - {event_id for event_id, _ in cursor}

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
            types = sorted({row[2] for row in found})
            if types:
                dead = [sql.SQL(_DEAD).format(sql.Identifier(events_table(one))) for one in types]
                given = [part for one in types for part in (array_literal(pack_ids), one)]
                cursor.execute(sql.SQL(" UNION ALL ").join(dead), given)
                for type_name, minute, project_id, events in cursor:
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
