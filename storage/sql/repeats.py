"""Events that their SDK sent before: known by the SDK's own id, left out, counted as filtered.

The id is claimed in the transaction that writes the event's row, so whichever delivery is stored
first counts, whatever was killed or replayed in between; an event that died claims nothing. Two
transactions that meet with the same id wait for each other: the second finds it claimed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from events.ids import first_id
from events.record import Column, Record
from storage.sql.arrays import array_literal, insert_rows
from storage.sql.connection import Cursor
from storage.sql.database import Database
from storage.sql.settling import LeftOut

FORGOTTEN_AT_ONCE = 20_000

_CLAIMS = (
    Column("project_id", "int4"),
    Column("sdk_id", "uuid"),
    Column("event_id", "uuid"),
)
_REPEATS = (Column("event_id", "uuid"), Column("type", "text"), Column("original_id", "uuid"))

_ORIGINALS = """
SELECT asked.event_id, known.event_id
FROM unnest(%s::int4[], %s::uuid[], %s::uuid[]) AS asked (project_id, sdk_id, event_id)
    JOIN sdk_ids AS known USING (project_id, sdk_id)
WHERE known.event_id <> asked.event_id
"""

# What was sent with a repeated event is the first one's.
_HAND_OVER = """
WITH moved AS (
    DELETE FROM event_blobs AS link USING repeated_events AS repeated
    WHERE link.event_id = repeated.event_id AND repeated.event_id = ANY(%s::uuid[])
    RETURNING repeated.original_id, link.type, link.project_id, link.sha256, link.name, link.kind
)
INSERT INTO event_blobs (event_id, type, project_id, sha256, name, kind)
SELECT * FROM moved ON CONFLICT DO NOTHING
"""


def leave_out_repeats(cursor: Cursor, type_name: str, records: Sequence[Record]) -> LeftOut:
    """Claim the SDK's ids of events that are about to be stored; those that may not be.

    Such an event counts as filtered from now on, once however often it comes: whoever calls counts
    it, in this transaction, and resolves its letters.
    """
    claims = [
        (record.project_id, record.sdk_id, record.id)
        for record in records
        if record.sdk_id is not None
    ]
    if not claims:
        return LeftOut()
    known = repeated_ids(cursor, [event_id for _, _, event_id in claims])
    fresh = [claim for claim in claims if claim[2] not in known]
    originals = _claim(cursor, fresh) if fresh else {}
    first = _note(cursor, type_name, originals) if originals else set()
    fresh_ones = tuple(record for record in records if record.id in first)
    return LeftOut(frozenset(known | originals.keys()), fresh_ones)


def repeated_ids(cursor: Cursor, ids: Iterable[UUID]) -> set[UUID]:
    """Which of the events were left out since they repeat others."""
    cursor.execute(
        "SELECT event_id FROM repeated_events WHERE event_id = ANY(%s::uuid[])",
        (array_literal(ids),),
    )
    return {event_id for (event_id,) in cursor}


def original_of(cursor: Cursor, event_id: UUID) -> UUID | None:
    """The event that an event repeats; null for one that repeats none."""
    cursor.execute("SELECT original_id FROM repeated_events WHERE event_id = %s", (event_id,))
    row = cursor.fetchone()
    return row[0] if row else None


def _claim(cursor: Cursor, claims: Sequence[tuple[int, UUID, UUID]]) -> dict[UUID, UUID]:
    """The events whose id is another's, each with that one."""
    then = "ON CONFLICT DO NOTHING RETURNING event_id"
    insert_rows(cursor, "sdk_ids", _CLAIMS, claims, key=3, then=then)
    claimed = {event_id for (event_id,) in cursor}
    rest = [claim for claim in claims if claim[2] not in claimed]
    if not rest:
        return {}
    cursor.execute(_ORIGINALS, [array_literal(column) for column in zip(*rest, strict=True)])
    return dict(cursor.fetchall())


def _note(cursor: Cursor, type_name: str, originals: dict[UUID, UUID]) -> set[UUID]:
    """Keep whom events repeat; those that were not known to."""
    rows = [(event_id, type_name, original) for event_id, original in originals.items()]
    then = "ON CONFLICT DO NOTHING RETURNING event_id"
    insert_rows(cursor, "repeated_events", _REPEATS, rows, key=1, then=then)
    first = {event_id for (event_id,) in cursor}
    cursor.execute(_HAND_OVER, (array_literal(first),))
    return first


class SdkIds:
    """Looks events up by their SDK's ids, and forgets old ones. Methods raise ``StoreDown``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, sdk_id: UUID, projects: list[int] | None) -> list[UUID]:
        """Our ids of events of projects, null for all of them, newest first."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT event_id FROM sdk_ids WHERE sdk_id = %s"
                " AND (%s::int4[] IS NULL OR project_id = ANY(%s::int4[]))"
                " ORDER BY event_id DESC LIMIT 100",
                (sdk_id, projects, projects),
            )
            return [event_id for (event_id,) in cursor]

    def forget(self, before_ms: int) -> int:
        """Forget ids of events older than a moment, a part of them; how many this part had."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "DELETE FROM sdk_ids WHERE event_id IN (SELECT event_id FROM sdk_ids"
                " WHERE event_id < %s ORDER BY event_id LIMIT %s)",
                (first_id(before_ms), FORGOTTEN_AT_ONCE),
            )
            return cursor.rowcount
