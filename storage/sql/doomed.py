"""Packs that no row points at any more: their way from the record to the end of their object.

``doomed_packs`` has those whose object may still be read by who looked an event up just before;
``gone_packs`` those deleted of late, which a late message may still name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from storage.model import PackRef
from storage.sql.arrays import array_literal
from storage.sql.connection import Cursor
from storage.sql.database import Database
from storage.sql.locks import SETTLING, hold_alone
from storage.sql.spares import note_erased_copies
from storage.sql.tombstones import erased_ids

#: How long a deleted pack is remembered: longer than the broker remembers a batch (7 days).
REMEMBERED_DAYS = 8

_LEFT = """
SELECT EXISTS (SELECT FROM doomed_packs WHERE id = %(id)s)
    OR EXISTS (SELECT FROM gone_packs WHERE id = %(id)s)
"""

# A letter that is not settled may need the payload: it keeps the object, unless its event is
# erased.
_DUE = """
SELECT id, key, type, stored_bytes, why FROM doomed_packs AS doomed
WHERE at <= %s AND NOT EXISTS (SELECT FROM packs WHERE packs.id = doomed.id)
    AND NOT (
        doomed.why IN ('merged', 'orphan')
        AND EXISTS (SELECT FROM quarantined_packs AS kept WHERE kept.id = doomed.id)
    )
    AND NOT EXISTS (
        SELECT FROM dead_letters AS letters
        WHERE letters.pack_key = doomed.key AND letters.status IN ('open', 'replaying')
            AND letters.edited IS NULL
            AND doomed.why IN ('merged', 'orphan')
            AND NOT EXISTS (SELECT FROM tombstones WHERE event_id = letters.event_id)
    )
ORDER BY at LIMIT %s
"""

_DOOM_ORPHAN = """
INSERT INTO doomed_packs (id, key, type, day, stored_bytes, why)
SELECT %(id)s, %(key)s, %(type)s, %(day)s, %(stored_bytes)s, 'orphan'
WHERE NOT EXISTS (SELECT FROM packs WHERE id = %(id)s)
    AND NOT EXISTS (SELECT FROM merges WHERE id = %(id)s)
    AND NOT EXISTS (SELECT FROM dead_letters WHERE pack_key = %(key)s)
ON CONFLICT (id) DO NOTHING
"""

# An erased event's bytes are gone when no pack that had them is left.
_GONE = """
UPDATE tombstones AS erased SET gone_at = now()
WHERE gone_at IS NULL
    AND (pack_id = ANY(%(ids)s::uuid[]) OR event_id = ANY(%(spared)s::uuid[]))
    AND NOT EXISTS (SELECT FROM spare_copies AS spare WHERE spare.event_id = erased.event_id)
    AND NOT EXISTS (SELECT FROM packs WHERE packs.id = erased.pack_id)
    AND NOT EXISTS (SELECT FROM doomed_packs WHERE doomed_packs.id = erased.pack_id)
"""

_COUNT = """
INSERT INTO compaction_totals AS kept (type, packs_deleted, bytes_deleted) VALUES (%s, 1, %s)
ON CONFLICT (type) DO UPDATE SET
    packs_deleted = kept.packs_deleted + 1,
    bytes_deleted = kept.bytes_deleted + excluded.bytes_deleted
"""


@dataclass(frozen=True, slots=True)
class DoomedPack:
    """An object to delete. ``why``: merged, retention, erasure or orphan."""

    id: UUID
    key: str
    type: str
    stored_bytes: int
    why: str


class DoomedPacks:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, doomed_before: datetime, limit: int) -> list[DoomedPack]:
        """Packs doomed before a moment whose object nothing needs any more, oldest first."""
        with self._database.transaction() as cursor:
            cursor.execute(_DUE, (doomed_before, limit))
            return [DoomedPack(*row) for row in cursor]

    def forget(self, pack: DoomedPack) -> None:
        """Say that an object is deleted, and with it the copies of erased events it held."""
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM doomed_packs WHERE id = %s", (pack.id,))
            if cursor.rowcount:
                cursor.execute(_COUNT, (pack.type, pack.stored_bytes))
            cursor.execute(
                "INSERT INTO gone_packs (id) VALUES (%s) ON CONFLICT (id) DO NOTHING", (pack.id,)
            )
            cursor.execute(
                "DELETE FROM spare_copies WHERE pack_id = %s RETURNING event_id", (pack.id,)
            )
            spared = array_literal(event_id for (event_id,) in cursor.fetchall())
            cursor.execute("DELETE FROM quarantined_packs WHERE id = %s", (pack.id,))
            cursor.execute(_GONE, {"ids": array_literal([pack.id]), "spared": spared})

    def doom_orphan(self, pack: PackRef, ids: Sequence[UUID]) -> bool:
        """Doom a pack that never came on record and whose events have their rows elsewhere.

        False when it is on record meanwhile, or a dead letter names it. Nobody stores events while
        this looks.
        """
        with self._database.transaction() as cursor:
            hold_alone(cursor, SETTLING)
            cursor.execute(
                _DOOM_ORPHAN,
                {
                    "id": pack.id,
                    "key": pack.key,
                    "type": pack.type,
                    "day": pack.day,
                    "stored_bytes": pack.stored_bytes,
                },
            )
            if not cursor.rowcount:
                return False
            if erased := erased_ids(cursor, ids):
                note_erased_copies(cursor, pack.id, pack.type, erased)
            return True

    def forget_old(self) -> None:
        """Forget packs deleted so long ago that no message can name them."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "DELETE FROM gone_packs WHERE at < now() - make_interval(days => %s)",
                (REMEMBERED_DAYS,),
            )

    def left(self, pack_ids: Iterable[UUID]) -> set[UUID]:
        """Which packs left the record, or are the target of a merge that has not come to it."""
        ids = array_literal(pack_ids)
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT id FROM doomed_packs WHERE id = ANY(%(ids)s::uuid[])"
                " UNION SELECT id FROM gone_packs WHERE id = ANY(%(ids)s::uuid[])"
                " UNION SELECT id FROM merges WHERE id = ANY(%(ids)s::uuid[])",
                {"ids": ids},
            )
            return {pack_id for (pack_id,) in cursor}


def is_left(cursor: Cursor, pack_id: UUID) -> bool:
    """Whether a pack left the record for good."""
    cursor.execute(_LEFT, {"id": pack_id})
    ((left,),) = cursor.fetchall()
    return bool(left)


def doom(cursor: Cursor, pack_ids: Sequence[UUID], why: str) -> int:
    """Take packs off the record, from which moment the grace of their objects runs; how many.

    Call it in the transaction in which the last row stops pointing at them.
    """
    cursor.execute(
        "WITH left_packs AS ("
        " DELETE FROM packs WHERE id = ANY(%s::uuid[]) RETURNING id, key, type, day, stored_bytes)"
        " INSERT INTO doomed_packs (id, key, type, day, stored_bytes, why)"
        " SELECT id, key, type, day, stored_bytes, %s FROM left_packs"
        " ON CONFLICT (id) DO NOTHING",
        (array_literal(pack_ids), why),
    )
    return cursor.rowcount
