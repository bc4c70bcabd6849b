"""Packs that cannot be read whole: noted once, left as they are, and told of until mended."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from events.text import storable
from storage.sql.arrays import array_literal
from storage.sql.database import Database

_REASON_CHARS = 1000

_NOTE = """
INSERT INTO quarantined_packs AS kept
    (id, key, type, code, reason, whole, damaged, found_by)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (id) DO UPDATE SET
    code = excluded.code, reason = excluded.reason, whole = excluded.whole,
    damaged = excluded.damaged, seen_at = now()
RETURNING at = seen_at
"""

_SELECT = """
SELECT id, key, type, code, reason, whole, damaged, found_by, at, seen_at FROM quarantined_packs
"""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A damaged pack. ``code``: pack_corrupt, or pack_lost where no object is there. ``whole`` and
    ``damaged`` count events, null where nothing could tell. ``found_by`` is who met it first.
    """

    id: UUID
    key: str
    type: str
    code: str
    reason: str
    whole: int | None
    damaged: int | None
    found_by: str
    at: datetime
    seen_at: datetime


_Packs: TypeAlias = list[Quarantined]  # the class below has a method of the name


@dataclass(frozen=True, slots=True)
class Damage:
    """What is known of a damaged pack when it is met."""

    pack_id: UUID
    key: str
    type: str
    code: str
    reason: str
    whole: int | None = None
    damaged: int | None = None


class Quarantine:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, damage: Damage, found_by: str) -> bool:
        """Put a pack into quarantine, or say that it still belongs there; True the first time."""
        with self._database.transaction() as cursor:
            cursor.execute(
                _NOTE,
                (
                    *(damage.pack_id, damage.key, damage.type, damage.code),
                    storable(damage.reason[:_REASON_CHARS]),
                    *(damage.whole, damage.damaged, found_by),
                ),
            )
            ((first,),) = cursor.fetchall()
            return bool(first)

    def release(self, pack_ids: Collection[UUID]) -> int:
        """Take packs out that were found whole again: restored by hand from a copy; how many."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "DELETE FROM quarantined_packs WHERE id = ANY(%s::uuid[])",
                (array_literal(pack_ids),),
            )
            return cursor.rowcount

    def seen_before(self, moment: datetime, limit: int) -> _Packs:
        """Packs in quarantine that nobody has looked at since a moment, the longest first."""
        with self._database.transaction() as cursor:
            cursor.execute(
                _SELECT + "WHERE seen_at <= %s ORDER BY seen_at LIMIT %s", (moment, limit)
            )
            return [Quarantined(*row) for row in cursor]

    def among(self, pack_ids: Iterable[UUID]) -> set[UUID]:
        """Which of the packs are in quarantine."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT id FROM quarantined_packs WHERE id = ANY(%s::uuid[])",
                (array_literal(pack_ids),),
            )
            return {pack_id for (pack_id,) in cursor}

    def list(self, limit: int = 100) -> _Packs:
        """The packs in quarantine, those met last first."""
        with self._database.transaction() as cursor:
            cursor.execute(_SELECT + "ORDER BY at DESC, id LIMIT %s", (limit,))
            return [Quarantined(*row) for row in cursor]

    def count(self) -> dict[str, int]:
        """How many packs are in quarantine, by type."""
        with self._database.transaction() as cursor:
            cursor.execute("SELECT type, count(*) FROM quarantined_packs GROUP BY type")
            return dict(cursor.fetchall())
