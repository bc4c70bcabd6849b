"""Reading events: their rows, receipts, and the occurrences of a group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

from psycopg2 import sql

from events.ids import first_id
from storage.model import EventLocation, Page
from storage.sql.arrays import array_literal
from storage.sql.connection import Cursor
from storage.sql.cursors import decode_id_cursor, id_cursor
from storage.sql.database import Database
from storage.sql.merged_groups import members_of
from storage.sql.repeats import original_of
from storage.sql.tables import event_types, events_table, own_columns
from storage.sql.terms import Terms

_Row: TypeAlias = tuple[Any, ...]

_IDENTITY = """
event.id, event.project_id, coalesce(projects.name, ''), event.protocol, event.group_id,
event.occurred_at, packs.key, event.frame_offset, event.frame_length, event.slice_offset,
event.slice_length, event.checksum, event.redacted
"""
_FROM = """
FROM {table} AS event JOIN packs ON packs.id = event.pack_id
    LEFT JOIN projects ON projects.id = event.project_id
"""
_IDENTITY_LENGTH = 13
_LOCATION = slice(6, 12)

_LEFT_OUT = """
SELECT packs.files_at, left_out.at, left_out.project_id, NULL, left_out.type
FROM tombstones AS left_out LEFT JOIN packs ON packs.id = left_out.pack_id
WHERE event_id = %s AND erasure_id IS NULL
"""

#: Where a receipt's rows have the event's project and type.
_PROJECT, _TYPE = 2, 4


_NEWEST_OF_EACH = """
SELECT newest.id FROM unnest(%s::uuid[]) AS member (id), LATERAL (
    SELECT id FROM {table} WHERE group_id = member.id AND id >= %s AND id < %s
    ORDER BY id DESC LIMIT %s
) AS newest ORDER BY newest.id DESC LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A row of an event table. ``columns`` are the type's own, by name; ``group_id`` is null for
    a type without groups. ``redacted`` counts the places of the payload that redaction blanked.
    """

    id: UUID
    project_id: int
    project: str
    type: str
    protocol: str
    group_id: UUID | None
    occurred_at: datetime | None
    location: EventLocation
    redacted: int
    columns: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Receipt:
    """Which stages an event has reached, and when; ``dead`` has the dead letter of the stage that
    gave up on it, and that stage and those after it have no time. One whose fingerprint is
    discarded was ``filtered`` then, and goes no further.
    """

    id: UUID
    project_id: int
    files_at: datetime | None
    sql_at: datetime | None
    search_at: datetime | None
    dead: dict[str, UUID]
    filtered_at: datetime | None = None


class Events:
    """Events past their term are as if they were not there. Without ``terms`` only projects have
    one. Every method raises :class:`StoreDown` while PostgreSQL is away.
    """

    def __init__(self, database: Database, terms: Terms | None = None) -> None:
        self._database = database
        self._terms = terms or Terms(database)

    def find(self, event_id: UUID) -> StoredEvent | None:
        """The row of an event, of whichever type; of one that repeats another, that one's."""
        with self._database.transaction() as cursor:
            return self._find(cursor, event_id) or self._find_original(cursor, event_id)

    def some(self, type_name: str, ids: Iterable[UUID]) -> list[StoredEvent]:
        """The rows of these events of a type, in the order of their ids."""
        with self._database.transaction() as cursor:
            cursor.execute(
                _select(type_name, "WHERE event.id = ANY(%s::uuid[]) ORDER BY event.id"),
                (array_literal(ids),),
            )
            found = [_stored_event(type_name, row) for row in cursor]
            floors = self._terms.floors_of(cursor)
        return [one for one in found if not floors.hidden(one.project_id, type_name, one.id)]

    def find_all(self, type_name: str, ids: Sequence[UUID]) -> list[StoredEvent]:
        """The rows of events of a type that are there, newest first."""
        with self._database.transaction() as cursor:
            tail = "WHERE event.id = ANY(%s::uuid[]) ORDER BY event.id DESC"
            cursor.execute(_select(type_name, tail), (array_literal(ids),))
            found = [_stored_event(type_name, row) for row in cursor]
            floors = self._terms.floors_of(cursor)
        return [one for one in found if not floors.hidden(one.project_id, type_name, one.id)]

    def receipt(self, event_id: UUID) -> Receipt | None:
        """What became of an event, or of the one that it repeats; null when nothing is known of it
        (yet).
        """
        with self._database.transaction() as cursor:
            found = self._receipt(cursor, event_id)
            if found is None and (original := original_of(cursor, event_id)) is not None:
                found = self._receipt(cursor, original)
        return found

    def _find_original(self, cursor: Cursor, event_id: UUID) -> StoredEvent | None:
        original = original_of(cursor, event_id)
        return None if original is None else self._find(cursor, original)

    def _find(self, cursor: Cursor, event_id: UUID) -> StoredEvent | None:
        for type_name in event_types():
            cursor.execute(_select(type_name, "WHERE event.id = %s"), (event_id,))
            if row := cursor.fetchone():
                found = _stored_event(type_name, row)
                floors = self._terms.floors_of(cursor)
                past = floors.hidden(found.project_id, type_name, event_id)
                return None if past else found
        return None

    def _receipt(self, cursor: Cursor, event_id: UUID) -> Receipt | None:
        cursor.execute(_times_of_any_type(), (event_id,) * len(event_types()))
        times = cursor.fetchone()
        cursor.execute(
            "SELECT letters.id, stage, letters.project_id,"
            " CASE WHEN pack_key IS NOT NULL THEN coalesce(packs.files_at, at) END,"
            " letters.type"
            " FROM dead_letters AS letters LEFT JOIN packs ON packs.key = pack_key"
            " WHERE event_id = %s AND status IN ('open', 'discarded')"
            " ORDER BY letters.id DESC LIMIT 1",
            (event_id,),
        )
        letter = cursor.fetchone()
        cursor.execute(_LEFT_OUT, (event_id,))
        left_out = cursor.fetchone()
        floors = self._terms.floors_of(cursor)
        of_events = ((row[_PROJECT], row[_TYPE]) for row in (times, letter, left_out) if row)
        if any(floors.hidden(project, kind, event_id) for project, kind in of_events):
            return None
        return _receipt(event_id, times, letter, left_out)

    def of_group(self, group_id: UUID, cursor: str | None, limit: int) -> Page[StoredEvent]:
        """The occurrences of a group, newest first, those of all members if it is a merge; raises
        ``ValueError`` for a bad cursor.
        """
        before = decode_id_cursor(cursor)
        with self._database.transaction() as query:
            query.execute(
                "SELECT type, first_seen, last_seen, project_id FROM groups WHERE id = %s",
                (group_id,),
            )
            group = query.fetchone()
            if group is None:
                return Page([], None)
            type_name, first_seen, last_seen, project_id = group
            kept = self._terms.floors_of(query).first_id(project_id, type_name)
            lowest = max(_bound(first_seen), kept)
            highest = _bound(last_seen + timedelta(milliseconds=1))
            newest = min(before, highest) if before else highest
            members = array_literal(members_of(query, [group_id]))
            newest_first = sql.SQL(_NEWEST_OF_EACH).format(
                table=sql.Identifier(events_table(type_name))
            )
            query.execute(newest_first, (members, lowest, newest, limit + 1, limit + 1))
            ids = array_literal(event_id for (event_id,) in query.fetchall())
            tail = "WHERE event.id = ANY(%s::uuid[]) ORDER BY event.id DESC"
            query.execute(_select(type_name, tail), (ids,))
            return _page(type_name, query, limit)


def _bound(moment: datetime) -> UUID:
    """The first id of a moment: bounds on ids leave partitions unread."""
    return first_id(round(moment.timestamp() * 1000))


def _page(type_name: str, rows: Cursor, limit: int) -> Page[StoredEvent]:
    items = [_stored_event(type_name, row) for row in rows]
    more = len(items) > limit
    return Page(items[:limit], id_cursor(items[limit - 1].id) if more else None)


def _select(type_name: str, tail: str) -> sql.Composed:
    own: Iterable[sql.Composable] = (
        sql.SQL(", event.{}").format(sql.Identifier(column.name))
        for column in own_columns(type_name)
    )
    return (
        sql.SQL("SELECT " + _IDENTITY)
        + sql.SQL("").join(own)
        + sql.SQL(_FROM + tail).format(table=sql.Identifier(events_table(type_name)))
    )


def _stored_event(type_name: str, row: _Row) -> StoredEvent:
    event_id, project_id, project, protocol, group_id, occurred_at = row[:6]
    names = (column.name for column in own_columns(type_name))
    return StoredEvent(
        id=event_id,
        project_id=project_id,
        project=project,
        type=type_name,
        protocol=protocol,
        group_id=group_id,
        occurred_at=occurred_at,
        location=EventLocation(*row[_LOCATION]),
        redacted=row[_IDENTITY_LENGTH - 1],
        columns=dict(zip(names, row[_IDENTITY_LENGTH:], strict=True)),
    )


def _times_of_any_type() -> sql.Composed:
    part = sql.SQL(
        "SELECT files_at, sql_at, event.project_id, search_at, {} AS type FROM {} AS event"
        " JOIN packs ON packs.id = event.pack_id WHERE event.id = %s"
    )
    tables = (
        part.format(sql.Literal(name), sql.Identifier(events_table(name))) for name in event_types()
    )
    return sql.SQL(" UNION ALL ").join(tables)


def _receipt(
    event_id: UUID, times: _Row | None, letter: _Row | None, left_out: _Row | None
) -> Receipt | None:
    if letter is not None:
        letter_id, stage, project_id, letter_files_at, _ = letter
        files_at, sql_at = (times[0], times[1]) if times else (letter_files_at, None)
        return Receipt(event_id, project_id, files_at, sql_at, None, {stage: letter_id})
    if times is not None:
        files_at, sql_at, project_id, search_at, _ = times
        return Receipt(event_id, project_id, files_at, sql_at, search_at, {})
    if left_out is not None:
        files_at, filtered_at, project_id, *_ = left_out
        return Receipt(event_id, project_id, files_at, None, None, {}, filtered_at)
    return None
