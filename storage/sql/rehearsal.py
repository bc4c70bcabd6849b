"""PostgreSQL's judgement of a row without keeping it: the same statements, into tables that go."""

from __future__ import annotations

from psycopg2 import sql

from storage.model import PackRef
from storage.sql.arrays import insert_rows
from storage.sql.connection import Cursor
from storage.sql.grouping import GROUP_COLUMNS
from storage.sql.growth import growths
from storage.sql.rows import Item, event_columns, event_row
from storage.sql.tables import events_table


def rehearse(cursor: Cursor, pack: PackRef, item: Item) -> None:
    """Insert an event's row, and its group's, into temporary tables like those in use."""
    events = f"rehearsed_{events_table(pack.type)}"
    _like(cursor, events, events_table(pack.type))
    columns = event_columns(pack.type)
    insert_rows(cursor, events, columns, [event_row(pack, *item)], key=1, then="")
    _like(cursor, "rehearsed_groups", "groups")
    for grown in growths(pack.type, [item[0]]):
        row = (
            *(grown.id, grown.project_id, pack.type, grown.key.fingerprint, grown.key.title),
            *(grown.key.culprit, grown.count, 0, grown.first_seen, grown.last_seen),
        )
        insert_rows(cursor, "rehearsed_groups", GROUP_COLUMNS, [row], key=1, then="")


def _like(cursor: Cursor, name: str, table: str) -> None:
    cursor.execute(
        sql.SQL("CREATE TEMPORARY TABLE {} (LIKE {} INCLUDING ALL) ON COMMIT DROP").format(
            sql.Identifier(name), sql.Identifier(table)
        )
    )
