"""Uploads of blobs in SQL: noted before the object store hears of one, swept when it was killed.

Whoever writes an object and whoever deletes one hold a lock of its key for a moment: so an object
is never deleted under an upload that began, nor a row written of an object just deleted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from uuid import UUID

from events.ids import Clock, new_id, now_ms
from events.text import storable
from storage.sql.blob_rows import MAX_NAME_CHARS, BlobRow
from storage.sql.connection import Cursor
from storage.sql.database import Database

_MAX_TYPE_CHARS = 200


class BlobUploads:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database, clock: Clock = now_ms) -> None:
        self._database = database
        self._clock = clock

    def begin(self, key: str) -> UUID:
        """Note that an object is about to be written; it is doomed no more if it was."""
        upload_id = new_id(self._clock())
        with self._database.transaction() as cursor:
            _hold_key(cursor, key)
            cursor.execute("DELETE FROM doomed_blobs WHERE key = %s", (key,))
            cursor.execute("INSERT INTO blob_uploads (id, key) VALUES (%s, %s)", (upload_id, key))
        return upload_id

    def finish(self, upload_id: UUID, blob: BlobRow) -> bool:
        """Write the row of a blob whose object is whole; false when the project had it already.

        One that was there for events and now comes as what stays (a source map) stays.
        """
        with self._database.transaction() as cursor:
            _hold_key(cursor, blob.key)
            cursor.execute(
                "INSERT INTO blobs (project_id, sha256, key, bytes, content_type, kind, name)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (project_id, sha256) DO UPDATE"
                " SET kind = CASE WHEN blobs.kind IN ('attachment', 'minidump')"
                " THEN excluded.kind ELSE blobs.kind END RETURNING xmax = 0",
                (
                    *(blob.project_id, blob.sha256, blob.key, blob.bytes),
                    storable(blob.content_type)[:_MAX_TYPE_CHARS],
                    *(blob.kind, storable(blob.name)[:MAX_NAME_CHARS]),
                ),
            )
            ((created,),) = cursor.fetchall()
            cursor.execute("DELETE FROM doomed_blobs WHERE key = %s", (blob.key,))
            cursor.execute("DELETE FROM blob_uploads WHERE id = %s", (upload_id,))
        return bool(created)

    def abandon(self, upload_id: UUID) -> None:
        """Forget an upload that left nothing behind."""
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM blob_uploads WHERE id = %s", (upload_id,))

    def stale(self, seconds: float, limit: int = 100) -> list[tuple[UUID, str]]:
        """Id and key of uploads that began longer ago than that, oldest first."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT id, key FROM blob_uploads"
                " WHERE started_at <= now() - %s * interval '1 s' ORDER BY started_at LIMIT %s",
                (seconds, limit),
            )
            return [(upload_id, key) for upload_id, key in cursor]

    def doomed(self, seconds: float, limit: int = 100) -> list[str]:
        """Keys of objects that were doomed longer ago than that, oldest first."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT key FROM doomed_blobs WHERE at <= now() - %s * interval '1 s'"
                " ORDER BY at LIMIT %s",
                (seconds, limit),
            )
            return [key for (key,) in cursor]

    def waiting(self) -> tuple[int, int]:
        """Objects that are doomed and still there, and their bytes."""
        with self._database.transaction() as cursor:
            cursor.execute("SELECT count(*), coalesce(sum(bytes), 0)::bigint FROM doomed_blobs")
            ((objects, size),) = cursor.fetchall()
        return int(objects), int(size)

    def sweep_upload(self, upload_id: UUID, key: str, clean: Callable[[bool], None]) -> bool:
        """Let ``clean`` remove what a dead upload left; it is told whether the object may go too.

        False, and nothing done, when another swept it or it ended. What ``clean`` raises leaves
        everything to the next sweep.
        """
        with self._database.transaction() as cursor:
            _hold_key(cursor, key)
            cursor.execute("DELETE FROM blob_uploads WHERE id = %s", (upload_id,))
            if not cursor.rowcount:
                return False
            if not _is_under_way(cursor, key):
                clean(not _is_kept(cursor, key))
            return True

    def sweep_doomed(self, key: str, delete: Callable[[], None]) -> bool:
        """Let ``delete`` remove a doomed object; false when it is needed again, or gone."""
        with self._database.transaction() as cursor:
            _hold_key(cursor, key)
            cursor.execute("DELETE FROM doomed_blobs WHERE key = %s", (key,))
            if not cursor.rowcount or _is_kept(cursor, key) or _is_under_way(cursor, key):
                return False
            delete()
            return True


def _hold_key(cursor: Cursor, key: str) -> None:
    number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big", signed=True)
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (number,))


def _is_kept(cursor: Cursor, key: str) -> bool:
    cursor.execute("SELECT FROM blobs WHERE key = %s", (key,))
    return cursor.rowcount > 0


def _is_under_way(cursor: Cursor, key: str) -> bool:
    cursor.execute("SELECT FROM blob_uploads WHERE key = %s", (key,))
    return cursor.rowcount > 0
