"""Blobs in SQL: what a project has, and which events it belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID

from events.text import storable
from storage.errors import NotFound
from storage.sql.connection import Cursor
from storage.sql.database import Database
from storage.sql.faults import STORE

Kind = Literal["attachment", "minidump", "source_map", "symbols"]
KINDS: tuple[Kind, ...] = get_args(Kind)
#: Kinds that are there for an event; the others belong to a project and stay without one.
OF_EVENTS: tuple[Kind, ...] = ("attachment", "minidump")

MAX_NAME_CHARS = 500

# Only what no event links any more, and what is there for events: a source map stays.
_DOOM = """
WITH gone AS (
    DELETE FROM blobs USING (
        SELECT project_id, sha256 FROM blobs AS candidate
        WHERE {where} AND NOT EXISTS (
            SELECT FROM event_blobs AS link
            WHERE link.project_id = candidate.project_id AND link.sha256 = candidate.sha256
        )
        FOR UPDATE
    ) AS unlinked
    WHERE blobs.project_id = unlinked.project_id AND blobs.sha256 = unlinked.sha256
    RETURNING blobs.key, blobs.bytes
)
INSERT INTO doomed_blobs (key, bytes, why) SELECT key, bytes, %s FROM gone
ON CONFLICT (key) DO NOTHING RETURNING bytes
"""


@dataclass(frozen=True, slots=True)
class BlobRow:
    """A whole object of a project. ``content_type`` and ``name`` are what its sender said."""

    project_id: int
    sha256: bytes
    key: str
    bytes: int
    content_type: str
    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A blob of an event, under the name it has there."""

    sha256: bytes
    name: str
    kind: str
    bytes: int
    content_type: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Doomed:
    """How many blobs were given up, with their bytes."""

    blobs: int
    bytes: int


class BlobRows:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, project_id: int, sha256: bytes) -> BlobRow | None:
        """A project's blob; null when it has none of the hash, whoever else may."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT project_id, sha256, key, bytes, content_type, kind, name FROM blobs"
                " WHERE project_id = %s AND sha256 = %s",
                (project_id, sha256),
            )
            row = cursor.fetchone()
        return BlobRow(row[0], bytes(row[1]), *row[2:]) if row else None

    def keep(self, blob: BlobRow, kind: Kind) -> BlobRow:
        """A blob that came again: what was there for events stays if it now comes as what stays."""
        if blob.kind not in OF_EVENTS or kind in OF_EVENTS:
            return blob
        with self._database.transaction() as cursor:
            cursor.execute(
                "UPDATE blobs SET kind = %s WHERE project_id = %s AND sha256 = %s",
                (kind, blob.project_id, blob.sha256),
            )
        return replace(blob, kind=kind)

    def refuses(self, event_id: UUID, project_id: int) -> bool:
        """Whether no file of an event may be stored: it, or its project, is erased."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM tombstones WHERE event_id = %s) OR EXISTS"
                " (SELECT FROM projects WHERE id = %s AND erased_at IS NOT NULL)",
                (event_id, project_id),
            )
            ((refused,),) = cursor.fetchall()
            return bool(refused)

    def link(
        self,
        event_id: UUID,
        event_type: str,
        project_id: int,
        sha256: bytes,
        name: str,
        kind: Kind = "attachment",
    ) -> None:
        """Say that a blob belongs to an event of its project; repeating it is fine.

        Raises ``NotFound`` when the project has no such blob, or the event is erased.
        """
        with self._database.transaction() as cursor:
            cursor.execute("SELECT FROM tombstones WHERE event_id = %s", (event_id,))
            if cursor.rowcount:
                raise NotFound(STORE, f"event {event_id} is erased")
            cursor.execute(
                "SELECT FROM blobs WHERE project_id = %s AND sha256 = %s FOR SHARE",
                (project_id, sha256),
            )
            if not cursor.rowcount:
                raise NotFound(STORE, f"project {project_id} has no blob {sha256.hex()}")
            cursor.execute(
                "INSERT INTO event_blobs (event_id, type, project_id, sha256, name, kind)"
                " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (event_id, event_type, project_id, sha256, _name(name), kind),
            )

    def of_event(self, event_id: UUID, project_id: int) -> list[Attachment]:
        """The blobs of an event, by name."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT link.sha256, link.name, link.kind, blobs.bytes, blobs.content_type, link.at"
                " FROM event_blobs AS link JOIN blobs USING (project_id, sha256)"
                " WHERE event_id = %s AND project_id = %s ORDER BY link.name, sha256 LIMIT 1000",
                (event_id, project_id),
            )
            return [Attachment(bytes(row[0]), *row[1:]) for row in cursor]

    def erase_of_events(self, event_ids: Iterable[UUID]) -> Doomed:
        """Take events' blobs from them; what no other event has is doomed, at once unreadable."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "DELETE FROM event_blobs WHERE event_id = ANY(%s::uuid[])"
                " RETURNING project_id, sha256",
                ([str(one) for one in event_ids],),
            )
            pairs = cursor.fetchall()
            where = "(project_id, sha256) IN (SELECT * FROM unnest(%s::int4[], %s::bytea[]))"
            values = ([project for project, _ in pairs], [sha256 for _, sha256 in pairs])
            return _doom(cursor, where, values, "erasure")

    def erase_of_project(self, project_id: int) -> Doomed:
        """Doom every blob of a project."""
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM event_blobs WHERE project_id = %s", (project_id,))
            return _doom(cursor, "project_id = %s", (project_id,), "erasure")

    def drop_links(self, event_type: str, before: UUID) -> int:
        """Forget the blobs of a type's events with ids below ``before``: their rows are dropped.

        What is then without an event goes with :meth:`doom_unlinked`.
        """
        with self._database.transaction() as cursor:
            cursor.execute(
                "DELETE FROM event_blobs WHERE type = %s AND event_id < %s", (event_type, before)
            )
            return cursor.rowcount

    def doom_unlinked(self, days: float, limit: int = 1000) -> Doomed:
        """Doom blobs that are there for events, have none, and are older than ``days``."""
        where = (
            "kind = ANY(%s) AND created_at < now() - %s * interval '1 day'"
            " AND key IN (SELECT key FROM blobs AS old WHERE kind = ANY(%s)"
            " AND created_at < now() - %s * interval '1 day' AND NOT EXISTS (SELECT FROM"
            " event_blobs AS of_it WHERE of_it.project_id = old.project_id"
            " AND of_it.sha256 = old.sha256) LIMIT %s)"
        )
        kinds = list(OF_EVENTS)
        with self._database.transaction() as cursor:
            return _doom(cursor, where, (kinds, days, kinds, days, limit), "retention")


def _doom(cursor: Cursor, where: str, values: tuple[Any, ...], why: str) -> Doomed:
    cursor.execute(_DOOM.format(where=where), (*values, why))
    sizes = [size for (size,) in cursor]
    return Doomed(len(sizes), sum(sizes))


def _name(name: str) -> str:
    return storable(name)[:MAX_NAME_CHARS]
