"""Discarded fingerprints: what comes of them is left out on its way, and counts as filtered.

Each event that was left out has a tombstone, so it counts once however often it is delivered, stays
out when its fingerprint is wanted again, and is dropped from its pack when that is merged anyway.
What was stored before stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import UUID

from events.record import Column, Record
from storage.model import PackRef, Page
from storage.sql.arrays import array_literal, insert_rows
from storage.sql.audit import write_audit
from storage.sql.connection import Cursor
from storage.sql.cursors import bad_cursor, decode_cursor, encode_cursor
from storage.sql.database import Database
from storage.sql.group_triage import note_history
from storage.sql.locks import SETTLING, hold_alone
from storage.sql.rows import existing_ids
from storage.sql.settling import LeftOut

_TOMBSTONES = (
    Column("event_id", "uuid"),
    Column("type", "text"),
    Column("project_id", "int4"),
    Column("pack_id", "uuid"),
    Column("discarded_as", "uuid"),
    Column("gone_at", "timestamptz"),
    Column("unindexed_at", "timestamptz"),
)

_DISCARD = """
INSERT INTO discarded_fingerprints
    (group_id, project_id, type, fingerprint, title, culprit, reason, actor)
SELECT id, project_id, type, fingerprint, title, culprit, %s, %s FROM groups
WHERE id = ANY(%s::uuid[]) AND fingerprint IS NOT NULL
ON CONFLICT (group_id) DO NOTHING RETURNING group_id
"""

_LIST = """
SELECT group_id, project_id, projects.name, type, title, culprit, reason, actor, at,
    (SELECT count(*) FROM tombstones WHERE discarded_as = group_id)
FROM discarded_fingerprints JOIN projects ON projects.id = project_id
"""


@dataclass(frozen=True, slots=True)
class DiscardedFingerprint:
    """A fingerprint of which nothing is stored. ``filtered`` counts the events left out so far, of
    those that retention would have kept.
    """

    group_id: UUID
    project_id: int
    project: str
    type: str
    title: str
    culprit: str | None
    reason: str
    actor: str
    at: datetime
    filtered: int


_Listed: TypeAlias = Page[DiscardedFingerprint]


class DiscardedFingerprints:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(
        self, project_id: int | None = None, cursor: str | None = None, limit: int = 50
    ) -> _Listed:
        """Discarded fingerprints of a project or all, the last first; ``ValueError`` for a bad
        cursor.
        """
        before = _decode(cursor)
        with self._database.transaction() as execute:
            execute.execute(
                _LIST + "WHERE (%s::int4 IS NULL OR project_id = %s)"
                " AND (%s::timestamptz IS NULL OR (at, group_id) < (%s, %s))"
                " ORDER BY at DESC, group_id DESC LIMIT %s",
                (project_id, project_id, before[0], *before, limit + 1),
            )
            items = [DiscardedFingerprint(*row) for row in execute]
        more = len(items) > limit
        last = items[limit - 1] if more else None
        cursor = encode_cursor(last.at.isoformat(), last.group_id.hex) if last else None
        return Page(items[:limit], cursor)

    def find(self, group_id: UUID) -> DiscardedFingerprint | None:
        """The discard of a fingerprint, by the id that its group has or had."""
        with self._database.transaction() as cursor:
            cursor.execute(_LIST + "WHERE group_id = %s", (group_id,))
            row = cursor.fetchone()
        return DiscardedFingerprint(*row) if row else None

    def stop(self, one: DiscardedFingerprint, actor: str) -> None:
        """Store what comes of a fingerprint again, also when its group is gone; audited."""
        with self._database.transaction() as cursor:
            hold_alone(cursor, SETTLING)
            stopped = stop_discarding(cursor, [one.group_id])
            for group_id in stopped:
                note_history(cursor, group_id, "undiscarded", {}, actor)
                write_audit(cursor, actor, "groups.undiscard", one.project, {"title": one.title})


def discard(cursor: Cursor, ids: Sequence[UUID], reason: str, actor: str) -> list[UUID]:
    """Discard fingerprints from this transaction on; those that were not before.

    Whoever calls holds ``SETTLING`` alone, as for :func:`stop_discarding`: no event is being stored
    by somebody who saw it otherwise.
    """
    cursor.execute(_DISCARD, (reason, actor, array_literal(ids)))
    return [group_id for (group_id,) in cursor]


def stop_discarding(cursor: Cursor, ids: Sequence[UUID]) -> dict[UUID, str]:
    """Store what comes of fingerprints again; those that were discarded, each with why."""
    cursor.execute(
        "DELETE FROM discarded_fingerprints WHERE group_id = ANY(%s::uuid[])"
        " RETURNING group_id, reason",
        (array_literal(ids),),
    )
    return dict(cursor.fetchall())


def leave_out(cursor: Cursor, pack: PackRef, records: Sequence[Record]) -> LeftOut:
    """The events of a pack that are of discarded fingerprints and have no row: they never get one.

    Those that were not left out before are to be counted as filtered in this transaction.
    """
    groups = {one.id: one.group.group_id(one.project_id) for one in records if one.group}
    if not groups:
        return LeftOut()
    cursor.execute(
        "SELECT group_id FROM discarded_fingerprints WHERE group_id = ANY(%s::uuid[])",
        (array_literal(set(groups.values())),),
    )
    discarded = {group_id for (group_id,) in cursor}
    if not discarded:
        return LeftOut()
    of_them = [one for one in records if groups.get(one.id) in discarded]
    stored = existing_ids(cursor, pack.type, [one.id for one in of_them])
    left = {one.id: one for one in of_them if one.id not in stored}
    if not left:
        return LeftOut()
    now = datetime.now(UTC)
    rows = [
        (one.id, pack.type, one.project_id, pack.id, groups[one.id], now, now)
        for one in left.values()
    ]
    then = "ON CONFLICT (event_id) DO NOTHING RETURNING event_id"
    insert_rows(cursor, "tombstones", _TOMBSTONES, rows, key=1, then=then)
    return LeftOut(frozenset(left), tuple(left[event_id] for (event_id,) in cursor))


def _decode(cursor: str | None) -> tuple[Any, Any]:
    if cursor is None:
        return None, None
    at, group_id = decode_cursor(cursor, 2)
    try:
        return datetime.fromisoformat(str(at)), UUID(hex=str(group_id))
    except ValueError:
        raise bad_cursor() from None
