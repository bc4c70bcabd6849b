"""Merges of packs under way: rows move from the sources to the target, and sources leave.

Every step is one transaction, and at every moment a pack's counts tell of exactly the rows that
point at it: so receipts, ledger, reconcile and rebuild are right between any two of them. Which
merges there are is here, so whoever comes after a kill goes on or drops what nothing points at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import date
from uuid import UUID

from config.settings import Secret
from storage.model import EventLocation, PackRef
from storage.sql.arrays import array_literal
from storage.sql.connection import Cursor, connect
from storage.sql.database import Database
from storage.sql.doomed import doom, is_left
from storage.sql.locks import COMPACTION, REBUILD, try_hold_session, try_hold_shared
from storage.sql.merge_model import Merge, MergeHeld, MergeSize
from storage.sql.merge_rows import RowMove, counts_of, relocate_letters, set_counts
from storage.sql.rows import row_packs
from storage.sql.spares import note_erased_copies, note_others_copies
from storage.sql.tombstones import erased_ids

_LOCK_SECONDS = 10.0

# While a day of SQL is made anew, its rows must keep their packs; also of a rebuild that was killed
# and will be gone on with.
_REBUILT = """
SELECT FROM rebuilds WHERE store = 'sql' AND ended_at IS NULL AND type = %s AND part = %s
"""

_BEGIN_MOVING = """
INSERT INTO packs
    (id, key, type, day, events, stored_bytes, raw_bytes, counts, pending, files_at, sql_at,
     search_at)
SELECT %s, %s, %s, %s, %s, %s, %s, '[]', '[]', min(files_at), min(sql_at), max(search_at)
FROM packs WHERE id = ANY(%s::uuid[])
"""

_FOLLOW = """
UPDATE tombstones SET pack_id = %s
WHERE pack_id = %s AND gone_at IS NULL AND event_id = ANY(%s::uuid[])
"""

_ADD_TOTALS = """
INSERT INTO compaction_totals AS kept
    (type, merges, packs_merged, bytes_read, bytes_written, events_dropped)
VALUES (%s, 1, %s, %s, %s, %s)
ON CONFLICT (type) DO UPDATE SET
    merges = kept.merges + 1,
    packs_merged = kept.packs_merged + excluded.packs_merged,
    bytes_read = kept.bytes_read + excluded.bytes_read,
    bytes_written = kept.bytes_written + excluded.bytes_written,
    events_dropped = kept.events_dropped + excluded.events_dropped
"""


class Merges:
    """Every method raises :class:`StoreDown` while PostgreSQL is away, and may be repeated after
    a kill at any instant.
    """

    def __init__(self, database: Database, dsn: Secret) -> None:
        self._database = database
        self._dsn = dsn

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether no other process merges; then none does until this ends, or dies."""
        with self._database.transaction():
            pass  # a StoreDown, where a bare connection would raise psycopg2's own
        with closing(connect(self._dsn, _LOCK_SECONDS)) as connection:
            connection.autocommit = True
            with connection.cursor(cursor_factory=Cursor) as cursor:
                yield try_hold_session(cursor, COMPACTION)

    def under_way(self) -> list[Merge]:
        """The merges that were begun and have not ended, oldest first."""
        with self._database.transaction() as cursor:
            cursor.execute("SELECT id, key, type, day, state FROM merges ORDER BY id")
            rows = cursor.fetchall()
            return [
                Merge(merge_id, key, kind, day, state, self._sources(cursor, merge_id))
                for merge_id, key, kind, day, state in rows
            ]

    def begin(self, target_id: UUID, key: str, packs: Sequence[PackRef]) -> Merge:
        """Note a merge before anything of it is written. Raises :class:`MergeHeld`."""
        kind, day = packs[0].type, packs[0].day
        with self._transaction(kind, day) as cursor:
            cursor.execute(
                "INSERT INTO merges (id, key, type, day) VALUES (%s, %s, %s, %s)",
                (target_id, key, kind, day),
            )
            cursor.execute(
                "INSERT INTO merge_sources (pack_id, merge_id)"
                " SELECT id, %s FROM packs WHERE id = ANY(%s::uuid[]) AND search_at IS NOT NULL"
                " ON CONFLICT DO NOTHING",
                (target_id, array_literal(pack.id for pack in packs)),
            )
            if cursor.rowcount != len(packs):
                raise MergeHeld("a pack changed meanwhile")
        return Merge(target_id, key, kind, day, "writing", tuple(packs))

    def begin_moving(self, merge: Merge, target: PackRef) -> Merge:
        """Put the whole target on record, without a row yet. Raises :class:`MergeHeld`."""
        ids = array_literal(pack.id for pack in merge.sources)
        with self._transaction(merge.type, merge.day) as cursor:
            cursor.execute("SELECT id FROM packs WHERE id = ANY(%s::uuid[]) FOR UPDATE", (ids,))
            if cursor.rowcount != len(merge.sources):
                raise MergeHeld("a pack left the record meanwhile")
            cursor.execute(
                _BEGIN_MOVING,
                (
                    *(target.id, target.key, target.type, target.day, target.events),
                    *(target.stored_bytes, target.raw_bytes, ids),
                ),
            )
            cursor.execute("UPDATE merges SET state = 'moving' WHERE id = %s", (merge.id,))
        return Merge(merge.id, merge.key, merge.type, merge.day, "moving", merge.sources)

    def move(self, merge: Merge, places: Mapping[UUID, EventLocation]) -> int:
        """Let rows point at the target instead of a source; how many moved.

        A row that came in another pack, or whose payload is not the one in the target, or whose
        dead letter is just replayed, stays. Raises :class:`MergeHeld`.
        """
        with self._transaction(merge.type, merge.day) as cursor:
            sources = [pack.id for pack in merge.sources]
            return RowMove(cursor, merge.type, merge.day).move(merge.id, sources, places)

    def leave(
        self,
        merge: Merge,
        source: PackRef,
        ids: Sequence[UUID],
        places: Mapping[UUID, EventLocation],
    ) -> bool:
        """Take a source off the record if no row points at it any more; ``ids`` are its events.

        False when some do: then it stays, whole, and the merge ends without it. Raises
        :class:`MergeHeld`.
        """
        with self._transaction(merge.type, merge.day) as cursor:
            cursor.execute("DELETE FROM merge_sources WHERE pack_id = %s", (source.id,))
            found = counts_of(cursor, [source.id], locked=True).get(source.id)
            if found is None:
                return True  # it left by another way: retention took the day
            rows = row_packs(cursor, merge.type, ids)
            if not found.searched or found.pending or source.id in rows.values():
                note_others_copies(cursor, source.id, merge.type, ids)
                return False
            if places:
                followed = {i: places[i] for i in ids if i in places}
                self._hand_over(cursor, merge, source, found.counts, followed)
            doom(cursor, [source.id], "merged" if places else "erasure")
            return True

    def end(self, merge: Merge, ids: Sequence[UUID], size: MergeSize | None) -> None:
        """Close a merge: what the target holds of events whose row is elsewhere is noted."""
        with self._database.transaction() as cursor:
            note_others_copies(cursor, merge.id, merge.type, ids)
            if erased := erased_ids(cursor, ids):
                note_erased_copies(cursor, merge.id, merge.type, erased)
            target = counts_of(cursor, [merge.id], locked=True).get(merge.id)
            rows = row_packs(cursor, merge.type, ids)
            if target and not target.counts and merge.id not in rows.values():
                doom(cursor, [merge.id], "orphan")  # nothing could move to it
            cursor.execute("DELETE FROM merges WHERE id = %s", (merge.id,))
            if size is not None and cursor.rowcount:
                values = (size.packs, size.bytes_read, size.bytes_written, size.events_dropped)
                cursor.execute(_ADD_TOTALS, (merge.type, *values))

    def left_record(self, merge: Merge) -> bool:
        """Whether the target is no more on record: retention took its day."""
        with self._database.transaction() as cursor:
            return is_left(cursor, merge.id)

    def drop(self, merge: Merge) -> None:
        """Forget a merge nothing points at; its object is gone."""
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM merges WHERE id = %s AND state = 'writing'", (merge.id,))

    def _hand_over(
        self,
        cursor: Cursor,
        merge: Merge,
        source: PackRef,
        left: Counter[tuple[int, int]],
        places: Mapping[UUID, EventLocation],
    ) -> None:
        """What still names the source, or counted in it, goes to the target."""
        target = counts_of(cursor, [merge.id], locked=True).get(merge.id)
        if target is None:
            raise MergeHeld("the target left the record")
        # Rows that are gone behind our back: reconcile makes them again, of the target.
        set_counts(cursor, merge.id, target.counts + left, target.pending)
        if places:
            relocate_letters(cursor, source.key, places)
            cursor.execute(_FOLLOW, (merge.id, source.id, array_literal(places)))

    @contextmanager
    def _transaction(self, type_name: str, day: date) -> Iterator[Cursor]:
        """A transaction in which no rebuild counts on packs to stay as they are."""
        with self._database.transaction() as cursor:
            if not try_hold_shared(cursor, REBUILD):
                raise MergeHeld("a rebuild is at work")
            cursor.execute(_REBUILT, (type_name, day.isoformat()))
            if cursor.rowcount:
                raise MergeHeld(f"a rebuild of {type_name} {day} is not finished")
            yield cursor

    @staticmethod
    def _sources(cursor: Cursor, merge_id: UUID) -> tuple[PackRef, ...]:
        cursor.execute(
            "SELECT packs.id, key, type, day, events, stored_bytes, raw_bytes FROM packs"
            " JOIN merge_sources AS sources ON sources.pack_id = packs.id"
            " WHERE sources.merge_id = %s ORDER BY packs.id",
            (merge_id,),
        )
        return tuple(PackRef(*row) for row in cursor)
