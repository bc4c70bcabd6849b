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
# being dead then. A letter that was replayed was counted when it was.
_ROWS = """
SELECT event.id, packs.search_at IS NOT NULL AND NOT EXISTS (
    SELECT FROM dead_letters
    WHERE event_id = event.id AND stage = 'search' AND status <> 'replayed'
)
FROM {} AS event JOIN packs ON packs.id = event.pack_id
WHERE event.id = ANY(%s::uuid[])
"""


def settled_elsewhere(cursor: Cursor, letters: Sequence[DeadLetter]) -> set[UUID]:
    """The events whose letter must not be kept.

    An event with a row is past ``files`` and ``sql``; one that counts as stored is past all. What
    an operator discarded stays so, whatever a late delivery of it meets.
    """
    counted = _rows(cursor, letters)
    return _discarded(cursor, letters) | {
        letter.event_id
        for letter in letters
        if letter.event_id in counted and (letter.stage != "search" or counted[letter.event_id])
    }


def _discarded(cursor: Cursor, letters: Sequence[DeadLetter]) -> set[UUID]:
    cursor.execute(
        "SELECT event_id FROM dead_letters"
        " WHERE status = 'discarded' AND event_id = ANY(%s::uuid[])",
        (array_literal(letter.event_id for letter in letters),),
    )
    return {event_id for (event_id,) in cursor}


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
