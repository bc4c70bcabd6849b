"""Tombstones: the one sign that an event was erased, and is never to be stored again.

Whoever adds one holds ``SETTLING`` alone (:mod:`storage.sql.locks`) in that transaction and takes
the event's row away in it; whoever stores events holds it shared while it asks here. So no event
is ever both erased and stored.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from storage.sql.arrays import array_literal
from storage.sql.connection import Cursor


def erased_ids(cursor: Cursor, ids: Iterable[UUID]) -> set[UUID]:
    """Which of the events were erased."""
    cursor.execute(
        "SELECT event_id FROM tombstones WHERE event_id = ANY(%s::uuid[])", (array_literal(ids),)
    )
    return {event_id for (event_id,) in cursor}
