"""All that SQL knows of one event's way: for whoever holds its id and asks where it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg2 import sql

from storage.floors import Floors
from storage.model import EventLocation
from storage.sql.connection import Cursor
from storage.sql.database import Database
from storage.sql.letter_rows import DeadLetterRow, letter_of, select_letters
from storage.sql.tables import event_types, events_table
from storage.sql.terms import Terms

_ROW = """
SELECT event.project_id, coalesce(projects.name, ''), event.protocol, event.group_id,
    event.occurred_at, event.redacted, packs.id, packs.files_at, packs.sql_at, packs.search_at,
    packs.key, event.frame_offset, event.frame_length, event.slice_offset, event.slice_length,
    event.checksum
FROM {} AS event JOIN packs ON packs.id = event.pack_id
    LEFT JOIN projects ON projects.id = event.project_id
WHERE event.id = %s
"""
_FIELDS_BEFORE_LOCATION = 10

_LETTERS = sql.SQL("WHERE letters.event_id = %s ORDER BY letters.id DESC LIMIT 20")

_TOMBSTONE = """
SELECT tombstones.at, tombstones.type, tombstones.project_id, erasures.kind, gone_at
FROM tombstones LEFT JOIN erasures ON erasures.id = erasure_id WHERE tombstones.event_id = %s
"""


@dataclass(frozen=True, slots=True)
class StoredWay:
    """An event that has its row: where its bytes lie, and when its pack reached each stage. ``sql``
    and ``search`` are of the pack, whose events share them.
    """

    type: str
    project_id: int
    project: str
    protocol: str
    group_id: UUID | None
    occurred_at: datetime | None
    redacted: int
    pack_id: UUID
    files_at: datetime
    sql_at: datetime
    search_at: datetime | None
    location: EventLocation


@dataclass(frozen=True, slots=True)
class Erased:
    """An event that was erased: when, on whose account, and since when its bytes are gone."""

    at: datetime
    type: str
    project_id: int
    kind: str | None
    bytes_gone_at: datetime | None


@dataclass(frozen=True, slots=True)
class Way:
    """What became of an event, as far as SQL knows. ``copies`` are other packs that hold it too;
    ``past`` is true for one past its term, which nobody may see any more.
    """

    stored: StoredWay | None
    letters: Sequence[DeadLetterRow]
    erased: Erased | None
    copies: Sequence[UUID]
    past: bool = False

    @property
    def project_id(self) -> int | None:
        """Whose event it is; null when nothing tells."""
        if self.stored is not None:
            return self.stored.project_id
        if self.letters:
            return self.letters[0].project_id
        return self.erased.project_id if self.erased is not None else None


class Receipts:
    """Raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database, terms: Terms | None = None) -> None:
        self._database = database
        self._terms = terms or Terms(database)

    def way(self, event_id: UUID) -> Way:
        """The way of an event; one of which nothing is known has nothing in it."""
        with self._database.transaction() as cursor:
            stored = _stored(cursor, event_id)
            cursor.execute(select_letters(payloads=False) + _LETTERS, (event_id,))
            letters = [letter_of(row) for row in cursor]
            cursor.execute(_TOMBSTONE, (event_id,))
            tombstone = cursor.fetchone()
            cursor.execute("SELECT pack_id FROM spare_copies WHERE event_id = %s", (event_id,))
            copies = [pack_id for (pack_id,) in cursor]
            floors = self._terms.floors_of(cursor)
        erased = Erased(*tombstone) if tombstone else None
        past = _is_past(event_id, stored, letters, floors)
        return Way(stored, letters, erased, copies, past)


def _stored(cursor: Cursor, event_id: UUID) -> StoredWay | None:
    for name in event_types():
        statement = sql.SQL(_ROW).format(sql.Identifier(events_table(name)))
        cursor.execute(statement, (event_id,))
        if row := cursor.fetchone():
            known, place = row[:_FIELDS_BEFORE_LOCATION], row[_FIELDS_BEFORE_LOCATION:]
            return StoredWay(*(name, *known, EventLocation(*place)))
    return None


def _is_past(
    event_id: UUID, stored: StoredWay | None, letters: Sequence[DeadLetterRow], floors: Floors
) -> bool:
    of = [(stored.project_id, stored.type)] if stored else []
    of += [(letter.project_id, letter.type) for letter in letters]
    return any(floors.hidden(project, kind, event_id) for project, kind in of)
