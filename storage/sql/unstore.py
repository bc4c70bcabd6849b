"""Taking a stored event's row back, so that an edited payload can be stored in its place."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from psycopg2 import sql

from events.ids import id_minute, id_time
from storage.sql.connection import Cursor
from storage.sql.group_rows import delete_groups
from storage.sql.growth import id_hour, user_hash
from storage.sql.merged_groups import merges_of, recount_merges
from storage.sql.settling import decode_counts, encode_counts
from storage.sql.tables import events_table, version_column
from storage.sql.trend import shrink_trend


def unstore(cursor: Cursor, type_name: str, event_id: UUID) -> bool:
    """Undo what storing an event did to rows, pack and group; false when it has no row.

    Only for an event that does not count as stored. The caller holds ``SETTLING`` alone, so that
    nobody stores or counts meanwhile, and brings the event on its way again in this transaction.
    """
    table = sql.Identifier(events_table(type_name))
    cursor.execute(
        sql.SQL(
            "DELETE FROM {} WHERE id = %s RETURNING project_id, pack_id, group_id, user_key, {}"
        ).format(table, sql.SQL(version_column(type_name))),
        (event_id,),
    )
    row = cursor.fetchone()
    if row is None:
        return False
    project_id, pack_id, group_id, user_key, version = row
    _leave_pack(cursor, pack_id, (id_minute(event_id), project_id))
    if group_id is not None:
        merges = merges_of(cursor, [group_id])
        shrink_trend(cursor, Counter([(group_id, id_hour(event_id), version)]))
        _leave_group(cursor, table, group_id, event_id, user_key)
        recount_merges(cursor, merges)
    return True


def _leave_pack(cursor: Cursor, pack_id: UUID, slot: tuple[int, int]) -> None:
    cursor.execute("SELECT counts, pending FROM packs WHERE id = %s FOR UPDATE", (pack_id,))
    for counts, pending in cursor.fetchall():
        lists = (decode_counts(part) - Counter({slot: 1}) for part in (counts, pending))
        left = [encode_counts(part) for part in lists]
        cursor.execute(
            "UPDATE packs SET counts = %s::jsonb, pending = %s::jsonb WHERE id = %s",
            (*left, pack_id),
        )


def _leave_group(
    cursor: Cursor, table: sql.Identifier, group_id: UUID, event_id: UUID, user_key: str | None
) -> None:
    """One occurrence less, one user less if it was theirs alone; a group of none goes."""
    users = _forget_user(cursor, table, group_id, user_key) if user_key is not None else 0
    cursor.execute(
        "UPDATE groups SET count = count - 1, users = users - %s WHERE id = %s"
        " RETURNING count - dropped, first_seen, last_seen",
        (users, group_id),
    )
    for count, first_seen, last_seen in cursor.fetchall():
        if count <= 0:
            delete_groups(cursor, [group_id])
        elif id_time(event_id) in (first_seen, last_seen):
            _see_anew(cursor, table, group_id)


def _forget_user(cursor: Cursor, table: sql.Identifier, group_id: UUID, user_key: str) -> int:
    """How many users the group has less: one when no other occurrence is this user's."""
    cursor.execute(
        sql.SQL("SELECT FROM {} WHERE group_id = %s AND user_key = %s LIMIT 1").format(table),
        (group_id, user_key),
    )
    if cursor.rowcount:
        return 0
    cursor.execute(
        "DELETE FROM group_users WHERE group_id = %s AND user_key_hash = %s",
        (group_id, user_hash(user_key)),
    )
    return cursor.rowcount


def _see_anew(cursor: Cursor, table: sql.Identifier, group_id: UUID) -> None:
    """First and last seen, from the occurrences there are. Retention may have dropped them all."""
    ends = []
    for order in ("ASC", "DESC"):
        cursor.execute(
            sql.SQL("SELECT id FROM {} WHERE group_id = %s ORDER BY id {} LIMIT 1").format(
                table, sql.SQL(order)
            ),
            (group_id,),
        )
        ends += [id_time(found) for (found,) in cursor]
    if ends:
        cursor.execute(
            "UPDATE groups SET first_seen = %s, last_seen = %s WHERE id = %s", (*ends, group_id)
        )
