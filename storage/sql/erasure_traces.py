"""What is left of erased events: documents to delete, and packs with their bytes."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from storage.erasure import Place, Remains
from storage.sql.arrays import array_literal
from storage.sql.database import Database
from storage.sql.erasing import open_targets
from storage.sql.locks import REBUILD, try_hold_shared

_REMAINS = """
WITH left_in AS (
    SELECT event_id, pack_id FROM tombstones
    WHERE erasure_id = %(id)s AND pack_id IS NOT NULL AND gone_at IS NULL
    UNION
    SELECT spare.event_id, spare.pack_id FROM spare_copies AS spare JOIN tombstones
        ON tombstones.event_id = spare.event_id WHERE erasure_id = %(id)s
)
SELECT count(DISTINCT event_id), count(DISTINCT pack_id),
    count(DISTINCT pack_id) FILTER (WHERE EXISTS (
        SELECT FROM doomed_packs WHERE doomed_packs.id = pack_id)),
    count(DISTINCT pack_id) FILTER (WHERE EXISTS (
        SELECT FROM quarantined_packs WHERE quarantined_packs.id = pack_id))
FROM left_in
"""

# A pack all of whose events died in stage sql never came on record, and an old copy may lie in one.
_UNRECORDED = """
WITH left_in AS (
    SELECT event_id, type, pack_id FROM tombstones
    WHERE erasure_id = %(id)s AND pack_id IS NOT NULL AND gone_at IS NULL
    UNION
    SELECT spare.event_id, spare.type, spare.pack_id FROM spare_copies AS spare JOIN tombstones
        ON tombstones.event_id = spare.event_id WHERE erasure_id = %(id)s
)
SELECT pack_id, type, min(event_id::text)::uuid FROM left_in
WHERE NOT EXISTS (SELECT FROM packs WHERE packs.id = pack_id)
    AND NOT EXISTS (SELECT FROM doomed_packs WHERE doomed_packs.id = pack_id)
    AND NOT EXISTS (SELECT FROM merges WHERE merges.id = pack_id)
GROUP BY pack_id, type ORDER BY pack_id LIMIT %(limit)s
"""

_LOST = """
UPDATE tombstones SET gone_at = now()
WHERE gone_at IS NULL AND pack_id = %(pack)s
    AND NOT EXISTS (SELECT FROM spare_copies WHERE spare_copies.event_id = tombstones.event_id)
"""

_PLACES = """
SELECT pack_id, type, min(event_id::text)::uuid, count(*),
    CASE WHEN bool_and(gone_at IS NOT NULL) THEN max(gone_at) END
FROM tombstones WHERE erasure_id = %s AND pack_id IS NOT NULL
GROUP BY pack_id, type ORDER BY pack_id LIMIT %s
"""


class Traces:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def indexed(self, erasure_id: UUID, after: UUID | None, limit: int) -> list[tuple[UUID, str]]:
        """Erased events (id, type) that search may still have; with ``after`` all after that id,
        whatever was deleted before.
        """
        tail = "event_id > %s" if after else "unindexed_at IS NULL"
        with self._database.transaction() as cursor:
            cursor.execute(
                f"SELECT event_id, type FROM tombstones WHERE erasure_id = %s AND {tail}"  # noqa: S608
                " ORDER BY event_id LIMIT %s",
                (erasure_id, *([after] if after else []), limit),
            )
            return cursor.fetchall()

    def counts(self, erasure_id: UUID) -> dict[str, tuple[int, int]]:
        """By type: its events, and those of them that search does not have any more."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT type, count(*), count(unindexed_at) FROM tombstones"
                " WHERE erasure_id = %s GROUP BY type ORDER BY type",
                (erasure_id,),
            )
            return {row[0]: (row[1], row[2]) for row in cursor}

    def mark_unindexed(self, ids: Sequence[UUID]) -> None:
        """Say that search does not have these events."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "UPDATE tombstones SET unindexed_at = now() WHERE event_id = ANY(%s::uuid[])",
                (array_literal(ids),),
            )

    def rebuilding(self) -> bool:
        """Whether a rebuild of a store is at work: what it has read may still be written."""
        with self._database.transaction() as cursor:
            return not try_hold_shared(cursor, REBUILD)

    def targets(self, type_name: str) -> Sequence[str]:
        """Search indices of a type that a rebuild has begun to make."""
        with self._database.transaction() as cursor:
            return open_targets(cursor, "search", type_name)

    def places(self, erasure_id: UUID, limit: int) -> Sequence[Place]:
        """Packs that had the events, with how many, and when the last of these bytes went."""
        with self._database.transaction() as cursor:
            cursor.execute(_PLACES, (erasure_id, limit))
            return [Place(*row) for row in cursor]

    def remains(self, erasure_id: UUID) -> Remains:
        """What of it still lies in the bucket."""
        with self._database.transaction() as cursor:
            cursor.execute(_REMAINS, {"id": erasure_id})
            (counts,) = cursor.fetchall()
            return Remains(*counts)

    def unrecorded(self, erasure_id: UUID, limit: int) -> Sequence[tuple[UUID, str, UUID]]:
        """Packs (id, type, an event) with bytes of it that are not on record, nor doomed."""
        with self._database.transaction() as cursor:
            cursor.execute(_UNRECORDED, {"id": erasure_id, "limit": limit})
            return cursor.fetchall()

    def mark_lost(self, pack_id: UUID) -> None:
        """Say that a pack that was never on record is not there: no byte of it is left."""
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM spare_copies WHERE pack_id = %s", (pack_id,))
            cursor.execute(_LOST, {"pack": pack_id})
