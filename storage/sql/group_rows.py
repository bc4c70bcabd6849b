"""A group's rows in SQL: its end, with all that hangs on it, and numbers for new ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from uuid import UUID

from events.record import Column
from storage.sql.arrays import array_literal, insert_rows
from storage.sql.connection import Cursor

_OF_GROUPS = ("group_users", "group_hours", "group_versions", "group_history")

_NUMBERS = (Column("project_id", "int4"), Column("last", "int8"))

_UNNUMBERED = """
SELECT project_id, groups.id FROM unnest(%s::uuid[]) WITH ORDINALITY AS given (id, place)
    JOIN groups ON groups.id = given.id
WHERE number IS NULL AND lead_id IS NULL ORDER BY place FOR UPDATE OF groups
"""


def delete_groups(cursor: Cursor, ids: Collection[UUID]) -> int:
    """Delete groups that have no event any more; how many there were."""
    if not ids:
        return 0
    given = (array_literal(ids),)
    for table in _OF_GROUPS:
        cursor.execute(
            f"DELETE FROM {table} WHERE group_id = ANY(%s::uuid[])",  # noqa: S608 - ours
            given,
        )
    cursor.execute("DELETE FROM groups WHERE id = ANY(%s::uuid[])", given)
    return cursor.rowcount


def number_groups(cursor: Cursor, ids: Iterable[UUID]) -> None:
    """Give groups without a number the next ones of their project, in the order given.

    Call it as the last of a transaction: who makes groups of the same project waits from here on.
    """
    cursor.execute(_UNNUMBERED, (array_literal(ids),))
    found = cursor.fetchall()
    if not found:
        return
    counts = Counter(project_id for project_id, _ in found)
    then = (
        "ON CONFLICT (project_id) DO UPDATE SET last = kept.last + excluded.last"
        " RETURNING project_id, last"
    )
    insert_rows(cursor, "group_numbers", _NUMBERS, list(counts.items()), key=1, then=then)
    following = {project_id: last - counts[project_id] for project_id, last in cursor}
    numbered = []
    for project_id, group_id in found:
        following[project_id] += 1
        numbered.append((group_id, following[project_id]))
    columns = [array_literal(column) for column in zip(*numbered, strict=True)]
    cursor.execute(
        "UPDATE groups SET number = numbered.number"
        " FROM unnest(%s::uuid[], %s::int8[]) AS numbered (id, number)"
        " WHERE groups.id = numbered.id",
        columns,
    )
