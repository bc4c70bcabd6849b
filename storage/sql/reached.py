"""Whether an event got further, by another delivery, than the stage that now gives up on it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from psycopg2 import sql

from storage.model import DeadLetter
from storage.sql.arrays import array_literal
from storage.sql.connection import Cursor
from storage.sql.tables import event_types, events_table

# Counted as stored: its pack was marked searched, and it was not left out of that count for
# being dead then.
_ROWS = """
SELECT event.id, packs.search_at IS NOT NULL AND NOT EXISTS (
    SELECT FROM dead_letters WHERE event_id = event.id AND stage = 'search'
)
FROM {} AS event JOIN packs ON packs.id = event.pack_id
WHERE event.id = ANY(%s::uuid[])
"""


def settled_elsewhere(cursor: Cursor, letters: Sequence[DeadLetter]) -> set[UUID]:
    """The events whose letter must not be kept.

    An event with a row is past ``files`` and ``sql``; one that counts as stored is past all.
    """
    counted = _rows(cursor, letters)
    return {
        letter.event_id
        for letter in letters
        if letter.event_id in counted and (letter.stage != "search" or counted[letter.event_id])
    }


def _rows(cursor: Cursor, letters: Sequence[DeadLetter]) -> dict[UUID, bool]:
    """Of the events that have a row: whether the ledger counts them as stored."""
    found: dict[UUID, bool] = {}
    for type_name in event_types():
        ids = [letter.event_id for letter in letters if letter.type == type_name]
        if ids:
            statement = sql.SQL(_ROWS).format(sql.Identifier(events_table(type_name)))
            cursor.execute(statement, (array_literal(ids),))
            found.update(cursor.fetchall())
    return found
