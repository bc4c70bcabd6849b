"""Going through the occurrences of a group: the one to show first, and those around one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg2 import sql

from events.ids import first_id
from storage.sql.arrays import array_literal
from storage.sql.database import Database
from storage.sql.groups import Group
from storage.sql.tables import events_table
from storage.sql.terms import Terms

#: Of so many last occurrences the one with most data is shown first.
LATEST = 20

_NEWEST = """
SELECT newest.id, newest.slice_length FROM unnest(%s::uuid[]) AS member (id), LATERAL (
    SELECT id, slice_length FROM {table} WHERE group_id = member.id AND id >= %s
    ORDER BY id DESC LIMIT %s
) AS newest ORDER BY newest.id DESC LIMIT %s
"""

_AROUND = """
SELECT
    (SELECT min(next.id::text)::uuid FROM unnest(%(members)s::uuid[]) AS member (id), LATERAL (
        SELECT id FROM {table} WHERE group_id = member.id AND id > %(id)s
        ORDER BY id LIMIT 1) AS next),
    (SELECT max(next.id::text)::uuid FROM unnest(%(members)s::uuid[]) AS member (id), LATERAL (
        SELECT id FROM {table} WHERE group_id = member.id AND id < %(id)s AND id >= %(floor)s
        ORDER BY id DESC LIMIT 1) AS next),
    (SELECT min(next.id::text)::uuid FROM unnest(%(members)s::uuid[]) AS member (id), LATERAL (
        SELECT id FROM {table} WHERE group_id = member.id AND id >= %(floor)s
        ORDER BY id LIMIT 1) AS next),
    (SELECT max(next.id::text)::uuid FROM unnest(%(members)s::uuid[]) AS member (id), LATERAL (
        SELECT id FROM {table} WHERE group_id = member.id ORDER BY id DESC LIMIT 1) AS next)
"""


@dataclass(frozen=True, slots=True)
class Around:
    """The occurrences around one, null where there is none, and the oldest and the newest that are
    kept.
    """

    newer: UUID | None = None
    older: UUID | None = None
    oldest: UUID | None = None
    newest: UUID | None = None


class Occurrences:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database, terms: Terms) -> None:
        self._database = database
        self._terms = terms

    def best(self, group: Group, members: Sequence[UUID]) -> UUID | None:
        """Of the last :data:`LATEST` occurrences the one with most data, the later of equals; null
        when none is kept.
        """
        with self._database.transaction() as cursor:
            floor = self._terms.floors_of(cursor).floor_ms(group.project_id, group.type)
            statement = sql.SQL(_NEWEST).format(table=sql.Identifier(events_table(group.type)))
            cursor.execute(statement, (array_literal(members), first_id(floor), LATEST, LATEST))
            found = cursor.fetchall()
        return max(found, key=lambda row: (row[1], row[0]))[0] if found else None

    def around(self, group: Group, members: Sequence[UUID], event_id: UUID) -> Around:
        """What is around an occurrence of a group, which itself may be gone."""
        with self._database.transaction() as cursor:
            floor = self._terms.floors_of(cursor).floor_ms(group.project_id, group.type)
            statement = sql.SQL(_AROUND).format(table=sql.Identifier(events_table(group.type)))
            values = {
                "members": array_literal(members),
                "id": event_id,
                "floor": first_id(floor),
            }
            cursor.execute(statement, values)
            (row,) = cursor.fetchall()
            return Around(*row)
