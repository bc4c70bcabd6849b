"""Blobs of a project: their objects and their rows, kept in step.

A blob is content-addressed and kept once *within a project*. Not across projects: who could learn
that a hash is there already, by its upload being skipped, would learn what others have.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import structlog

from storage.errors import StoreDown
from storage.files.blobs import BlobStore, BlobStream, blob_key
from storage.files.s3 import Bucket
from storage.sql.blob_rows import BlobRow, BlobRows, Doomed, Kind
from storage.sql.blob_uploads import BlobUploads
from storage.sql.database import Database

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Described:
    """What a sender says of a blob; only the hash is checked."""

    sha256: bytes
    content_type: str = "application/octet-stream"
    kind: Kind = "attachment"
    name: str = ""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep removed: uploads that were killed, and doomed objects."""

    uploads: int
    objects: int


class Blobs:
    """For any number of threads. Every method raises ``StoreDown``; nothing is lost then."""

    def __init__(self, database: Database, bucket: Bucket) -> None:
        self.rows = BlobRows(database)
        self.uploads = BlobUploads(database)
        self._store = BlobStore(bucket)

    def write(
        self, project_id: int, described: Described, chunks: Iterable[bytes]
    ) -> tuple[BlobRow, bool]:
        """Store a blob; its row, and whether it is new. Memory is bounded by a part of it.

        Raises ``storage.files.blobs.WrongDigest`` when the bytes have another hash, and what
        ``chunks`` raise; nothing is stored then. Killed at any instant it leaves no row, and what
        lies in the bucket is found by :meth:`sweep`.
        """
        key = blob_key(project_id, described.sha256)
        upload_id = self.uploads.begin(key)
        try:
            size = self._store.write(key, described.sha256, chunks)
        except StoreDown:
            raise  # whether the object is there is unknown: the note stays for the sweep
        except BaseException:
            self._abandon(upload_id)
            raise
        row = BlobRow(
            project_id,
            described.sha256,
            key,
            size,
            described.content_type,
            described.kind,
            described.name,
        )
        return row, self.uploads.finish(upload_id, row)

    def read(self, blob: BlobRow, offset: int, length: int) -> BlobStream:
        """Bytes of a blob as a stream that must be closed; raises ``NotFound`` and ``Corrupt``."""
        return self._store.read(blob.key, offset, length)

    def erase_of_event(self, event_ids: Iterable[UUID]) -> Doomed:
        """Take events' blobs away: unreadable at once, objects go with :meth:`sweep`."""
        return self.rows.erase_of_events(event_ids)

    def erase_of_project(self, project_id: int) -> Doomed:
        """Take all of a project's blobs away, likewise."""
        return self.rows.erase_of_project(project_id)

    def sweep(self, upload_seconds: float, grace_seconds: float, limit: int = 100) -> Swept:
        """Remove what uploads left that began ``upload_seconds`` ago and never ended, and objects
        doomed ``grace_seconds`` ago. Any number of processes may; killed, the next goes on.
        """
        uploads = objects = 0
        for upload_id, key in self.uploads.stale(upload_seconds, limit):
            if self.uploads.sweep_upload(upload_id, key, self._cleaner(key)):
                uploads += 1
                _log.warning("unfinished_upload_removed", key=key)
        for key in self.uploads.doomed(grace_seconds, limit):
            objects += self.uploads.sweep_doomed(key, lambda key=key: self._store.delete(key))  # type: ignore[misc]
        return Swept(uploads, objects)

    def _cleaner(self, key: str) -> _Cleaner:
        return _Cleaner(self._store, key)

    def _abandon(self, upload_id: UUID) -> None:
        try:
            self.uploads.abandon(upload_id)
        except StoreDown as exc:
            _log.warning("upload_left_noted", upload=str(upload_id), reason=exc.detail)


@dataclass(frozen=True, slots=True)
class _Cleaner:
    """Removes what an upload left of a key."""

    store: BlobStore
    key: str

    def __call__(self, object_too: bool) -> None:
        self.store.abort(self.key)
        if object_too:
            self.store.delete(self.key)
