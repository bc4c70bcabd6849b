"""Rows of the event tables, written for any type from its columns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, TypeAlias
from uuid import UUID

from psycopg2 import sql

from events.record import Column, Record
from storage.model import EventLocation, PackRef
from storage.sql.arrays import array_literal, insert_rows
from storage.sql.connection import Cursor
from storage.sql.series import admit_series
from storage.sql.tables import COMMON, events_table, own_columns

Item: TypeAlias = tuple[Record, str, EventLocation]
"""A record, its protocol, and where its raw bytes lie."""


def insert_events(cursor: Cursor, pack: PackRef, items: Sequence[Item]) -> list[Record]:
    """Insert the events that have no row yet; the records of those really inserted.

    An id given twice counts once, by its first record. The partitions must exist.
    """
    first = {item[0].id: item for item in reversed(items)}
    if not first:
        return []
    admitted = admit_series(cursor, pack.type, [item[0] for item in first.values()])
    insert_rows(
        cursor,
        events_table(pack.type),
        event_columns(pack.type),
        [
            event_row(pack, record, protocol, location)
            for record, (_, protocol, location) in zip(admitted, first.values(), strict=True)
        ],
        key=1,
        then="ON CONFLICT DO NOTHING RETURNING id",
    )
    if cursor.rowcount == len(first):  # nearly always: no id needs to be read
        return [record for record, _, _ in first.values()]
    return [first[event_id][0] for (event_id,) in cursor.fetchall()]


def existing_ids(cursor: Cursor, type_name: str, ids: Iterable[UUID]) -> set[UUID]:
    """Which of the ids have a row."""
    cursor.execute(
        sql.SQL("SELECT id FROM {} WHERE id = ANY(%s::uuid[])").format(
            sql.Identifier(events_table(type_name))
        ),
        (array_literal(ids),),
    )
    return {event_id for (event_id,) in cursor}


def row_packs(cursor: Cursor, type_name: str, ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """The events that have a row, each with the pack it came in."""
    cursor.execute(
        sql.SQL("SELECT id, pack_id FROM {} WHERE id = ANY(%s::uuid[])").format(
            sql.Identifier(events_table(type_name))
        ),
        (array_literal(ids),),
    )
    return dict(cursor.fetchall())


def rows_of_pack(cursor: Cursor, pack: PackRef, ids: Collection[UUID]) -> set[UUID]:
    """Which of the ids have a row that came in a pack."""
    cursor.execute(
        sql.SQL("SELECT id FROM {} WHERE id = ANY(%s::uuid[]) AND pack_id = %s").format(
            sql.Identifier(events_table(pack.type))
        ),
        (array_literal(ids), pack.id),
    )
    asked = set(ids)
    if cursor.rowcount == len(asked):  # nearly always: no id needs to be read
        return asked
    return {event_id for (event_id,) in cursor}


def event_columns(type_name: str) -> tuple[Column, ...]:
    """The columns of a type's table, in the order of :func:`event_row`."""
    return (*COMMON, *own_columns(type_name))


def event_row(
    pack: PackRef, record: Record, protocol: str, location: EventLocation
) -> tuple[Any, ...]:
    """A row of an event table: where it came from, and the record."""
    return (
        record.id,
        record.project_id,
        pack.id,
        protocol,
        record.occurred_at,
        record.group.group_id(record.project_id) if record.group else None,
        record.user_key,
        location.frame_offset,
        location.frame_length,
        location.offset,
        location.length,
        location.checksum,
        record.redacted,
        *record.row,
    )
