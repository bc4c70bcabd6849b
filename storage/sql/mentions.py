"""Events that tell more of another: found from that one, by the id that its SDK gave it."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from events.record import Column, Record
from storage.sql.arrays import insert_rows
from storage.sql.connection import Cursor
from storage.sql.database import Database

_COLUMNS = (
    Column("project_id", "int4"),
    Column("sdk_id", "uuid"),
    Column("event_id", "uuid"),
    Column("type", "text"),
)
MOST = 100
"""Events that are told of at once, the newest."""


def note_mentions(cursor: Cursor, type_name: str, inserted: Iterable[Record]) -> None:
    """Note of what the events that have a row from now on tell more."""
    rows = [
        (record.project_id, record.about, record.id, type_name)
        for record in inserted
        if record.about is not None
    ]
    if rows:
        insert_rows(cursor, "mentions", _COLUMNS, rows, key=3, then="ON CONFLICT DO NOTHING")


class Mentions:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, sdk_id: UUID, project_id: int) -> dict[str, list[UUID]]:
        """The newest events that tell more of a project's event, by type; some may be gone."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT type, event_id FROM mentions WHERE project_id = %s AND sdk_id = %s"
                " ORDER BY event_id DESC LIMIT %s",
                (project_id, sdk_id, MOST),
            )
            found: dict[str, list[UUID]] = {}
            for type_name, event_id in cursor:
                found.setdefault(type_name, []).append(event_id)
            return found
