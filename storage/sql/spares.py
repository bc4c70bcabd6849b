"""Copies of events in packs that are not their row's: noted, so that erasing reaches them all."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from events.record import Column
from storage.sql.arrays import array_literal, insert_rows
from storage.sql.connection import Cursor
from storage.sql.rows import row_packs

_COLUMNS = (Column("pack_id", "uuid"), Column("event_id", "uuid"), Column("type", "text"))


def note_spares(cursor: Cursor, pack_id: UUID, type_name: str, ids: Iterable[UUID]) -> None:
    """Say that a pack holds copies of these events that no row points at. Repeating is harmless."""
    rows = [(pack_id, event_id, type_name) for event_id in ids]
    if rows:
        insert_rows(cursor, "spare_copies", _COLUMNS, rows, key=2, then="ON CONFLICT DO NOTHING")


def note_others_copies(
    cursor: Cursor, pack_id: UUID, type_name: str, ids: Collection[UUID]
) -> None:
    """Of events that a pack holds, note those whose row is of another pack."""
    rows = row_packs(cursor, type_name, ids)
    note_spares(cursor, pack_id, type_name, [i for i, owner in rows.items() if owner != pack_id])


def note_erased_copies(
    cursor: Cursor, pack_id: UUID, type_name: str, ids: Collection[UUID]
) -> None:
    """Note copies of erased events: their bytes are not gone, or are back."""
    note_spares(cursor, pack_id, type_name, ids)
    cursor.execute(
        "UPDATE tombstones SET gone_at = NULL WHERE event_id = ANY(%s::uuid[])"
        " AND gone_at IS NOT NULL",
        (array_literal(ids),),
    )
