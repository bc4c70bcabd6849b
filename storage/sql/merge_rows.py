"""How rows, counts and dead letters follow their events from one pack to another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias
from uuid import UUID

from psycopg2 import sql

from events.ids import id_minute
from storage.model import EventLocation
from storage.sql.arrays import array_literal
from storage.sql.connection import Cursor
from storage.sql.partitions import bounds
from storage.sql.settling import decode_counts, encode_counts
from storage.sql.tables import events_table

_Slots: TypeAlias = Counter[tuple[int, int]]
_MovedRow: TypeAlias = tuple[UUID, int, UUID]
"""An event, its project, and the pack its row is of."""

_PLACED = """
unnest(%(ids)s::uuid[], %(frame_offsets)s::int8[], %(frame_lengths)s::int4[],
    %(offsets)s::int4[], %(lengths)s::int4[], %(checksums)s::int8[])
    AS placed (id, frame_offset, frame_length, slice_offset, slice_length, checksum)
"""

_COUNTS = """
SELECT id, counts, pending, search_at IS NOT NULL FROM packs WHERE id = ANY(%s::uuid[]) ORDER BY id
"""
_COUNTS_LOCKED = _COUNTS + "FOR UPDATE"

# The same bytes: an edited event has another payload under its id.
_FOUND = """
SELECT event.id, event.project_id, event.pack_id
FROM {table} AS event JOIN {placed} ON placed.id = event.id
WHERE event.id >= %(lower)s AND event.id < %(upper)s AND event.pack_id = ANY(%(sources)s::uuid[])
    AND event.checksum = placed.checksum AND event.slice_length = placed.slice_length
ORDER BY event.id FOR UPDATE OF event
"""

_MOVE = """
UPDATE {table} AS event SET pack_id = %(target)s, frame_offset = placed.frame_offset,
    frame_length = placed.frame_length, slice_offset = placed.slice_offset
FROM {placed}
WHERE event.id = placed.id AND event.id >= %(lower)s AND event.id < %(upper)s
    AND event.id = ANY(%(moved)s::uuid[])
"""

_MOVE_LETTERS = """
UPDATE dead_letters AS letters SET pack_key = %(key)s, frame_offset = placed.frame_offset,
    frame_length = placed.frame_length, slice_offset = placed.slice_offset
FROM {placed}
WHERE letters.pack_key = %(old)s AND letters.event_id = placed.id
    AND letters.checksum = placed.checksum AND letters.slice_length = placed.slice_length
"""


@dataclass(frozen=True, slots=True)
class PackCounts:
    """What a pack on record counts, and whether it is marked as searched."""

    counts: _Slots
    pending: _Slots
    searched: bool


def counts_of(
    cursor: Cursor, pack_ids: Iterable[UUID], *, locked: bool = False
) -> dict[UUID, PackCounts]:
    """The counts of those packs that are on record, with ``locked`` until the transaction ends."""
    cursor.execute(
        _COUNTS_LOCKED if locked else _COUNTS,
        (array_literal(pack_ids),),
    )
    return {
        row[0]: PackCounts(decode_counts(row[1]), decode_counts(row[2]), row[3]) for row in cursor
    }


def set_counts(cursor: Cursor, pack_id: UUID, counts: _Slots, pending: _Slots) -> None:
    """Write the counts of a pack whose row is locked."""
    cursor.execute(
        "UPDATE packs SET counts = %s::jsonb, pending = %s::jsonb WHERE id = %s",
        (encode_counts(counts), encode_counts(pending), pack_id),
    )


def relocate_letters(cursor: Cursor, old_key: str, places: Mapping[UUID, EventLocation]) -> None:
    """Let dead letters that name a pack name the new places of their payloads."""
    cursor.execute(
        sql.SQL(_MOVE_LETTERS).format(placed=sql.SQL(_PLACED)),
        {**_placed(places), "old": old_key, "key": next(iter(places.values())).pack_key},
    )


class RowMove:
    """One transaction's moving of rows of one type and day."""

    def __init__(self, cursor: Cursor, type_name: str, day: date) -> None:
        self._cursor = cursor
        self._names = {
            "table": sql.Identifier(events_table(type_name)),
            "placed": sql.SQL(_PLACED),
        }
        lower, upper = bounds(day)
        self._bounds = {"lower": lower, "upper": upper}

    def move(
        self, target: UUID, sources: Sequence[UUID], places: Mapping[UUID, EventLocation]
    ) -> int:
        """Rows first, packs after: the order in which every writer locks them.

        Of a pack that is not marked as searched nothing moves: which of its events the ledger
        counts is not settled.
        """
        values = {**_placed(places), **self._bounds, "sources": array_literal(sources)}
        self._cursor.execute(sql.SQL(_FOUND).format(**self._names), values)
        found = self._cursor.fetchall()
        letters = self._letters(event_id for event_id, _, _ in found)
        packs = counts_of(self._cursor, {target, *(row[2] for row in found)}, locked=True)
        if target not in packs:
            return 0
        moved = [
            row
            for row in found
            if letters.get(row[0]) != "replaying" and row[2] in packs and packs[row[2]].searched
        ]
        if not moved:
            return 0
        values |= {"target": target, "moved": array_literal(row[0] for row in moved)}
        self._cursor.execute(sql.SQL(_MOVE).format(**self._names), values)
        self._count(target, packs, moved, letters)
        return len(moved)

    def _letters(self, ids: Iterable[UUID]) -> dict[UUID, str]:
        """The status of the letters that are not resolved: such an event is pending in its pack."""
        self._cursor.execute(
            "SELECT event_id, status FROM dead_letters"
            " WHERE status <> 'replayed' AND event_id = ANY(%s::uuid[])"
            " ORDER BY status = 'replaying'",
            (array_literal(ids),),
        )
        return dict(self._cursor.fetchall())

    def _count(
        self,
        target: UUID,
        packs: Mapping[UUID, PackCounts],
        moved: Sequence[_MovedRow],
        letters: Mapping[UUID, str],
    ) -> None:
        """What moved is counted in the target and no more in its source."""
        counts, pending = packs[target].counts, packs[target].pending
        for source in sorted({row[2] for row in moved}):
            rows = [row for row in moved if row[2] == source]
            gone = _slots(rows)
            dead = _slots(row for row in rows if row[0] in letters) & packs[source].pending
            set_counts(
                self._cursor, source, packs[source].counts - gone, packs[source].pending - dead
            )
            counts, pending = counts + gone, pending + dead
        set_counts(self._cursor, target, counts, pending)


def _slots(rows: Iterable[_MovedRow]) -> _Slots:
    return Counter((id_minute(event_id), project) for event_id, project, _ in rows)


def _placed(places: Mapping[UUID, EventLocation]) -> dict[str, str]:
    where = list(places.values())
    return {
        "ids": array_literal(places),
        "frame_offsets": array_literal(place.frame_offset for place in where),
        "frame_lengths": array_literal(place.frame_length for place in where),
        "offsets": array_literal(place.offset for place in where),
        "lengths": array_literal(place.length for place in where),
        "checksums": array_literal(place.checksum for place in where),
    }
