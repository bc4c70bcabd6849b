"""Exact groups after a day's rows were made anew: counts, users, trend, first and last seen.

A group counts the rows that exist, and those that retention dropped. So a day's rebuild adds the
difference between the day's new and old rows, and takes off what the counter was wrong by before:
that drift is found against all partitions without holding anybody up, and stays the same however
many rows are added meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from psycopg2 import sql

from events.ids import id_time
from storage.sql.arrays import array_literal
from storage.sql.connection import Cursor
from storage.sql.database import Database
from storage.sql.group_rows import delete_groups, number_groups
from storage.sql.merged_groups import merges_of, recount_merges
from storage.sql.rebuilds import Rebuild
from storage.sql.trend import count_day

Tables = tuple[str, str]
"""The old and the new table of a day."""

_DRIFTS = """
WITH met AS (
    SELECT group_id FROM {old} WHERE group_id IS NOT NULL
    UNION SELECT group_id FROM {new} WHERE group_id IS NOT NULL
), counted AS (
    SELECT group_id, count(*) AS events FROM {parent}
    WHERE group_id IN (SELECT group_id FROM met) GROUP BY 1
), waiting AS (
    SELECT group_id, sum(events)::int8 AS events FROM retired_groups GROUP BY 1
)
SELECT group_id, coalesce(groups.count - groups.dropped, 0)
    - coalesce(waiting.events, 0) - coalesce(counted.events, 0)
FROM met LEFT JOIN counted USING (group_id) LEFT JOIN waiting USING (group_id)
    LEFT JOIN groups ON groups.id = group_id
WHERE coalesce(groups.count - groups.dropped, 0)
    <> coalesce(waiting.events, 0) + coalesce(counted.events, 0)
"""

_CHANGES = """
SELECT group_id, sum(events)::int8 FROM (
    SELECT group_id, count(*) AS events FROM {new} WHERE group_id IS NOT NULL GROUP BY 1
    UNION ALL
    SELECT group_id, -count(*) FROM {old} WHERE group_id IS NOT NULL GROUP BY 1
    UNION ALL
    SELECT group_id, -events FROM unnest(%s::uuid[], %s::int8[]) AS drift (group_id, events)
) AS parts GROUP BY 1 HAVING sum(events) <> 0
"""

_OF_DAY = """
SELECT group_id FROM {old} WHERE group_id IS NOT NULL
UNION SELECT group_id FROM {new} WHERE group_id IS NOT NULL
"""

_MAKE = """
INSERT INTO groups
    (id, project_id, type, fingerprint, title, culprit, count, users, first_seen, last_seen)
SELECT id, project_id, %s, fingerprint, title, culprit, 0, 0, now(), '-infinity'
FROM rebuild_groups WHERE rebuild_id = %s AND id = ANY(%s::uuid[])
ON CONFLICT (id) DO NOTHING
"""

# The hash is storage.sql.growth.user_hash.
_MEET = """
INSERT INTO group_users (group_id, user_key_hash)
SELECT DISTINCT group_id, substring(sha256(convert_to(user_key, 'UTF8')) FOR 16) FROM {new}
WHERE group_id IS NOT NULL AND user_key IS NOT NULL
ON CONFLICT DO NOTHING RETURNING group_id
"""

_LEFT = """
SELECT DISTINCT group_id, user_key FROM {old}
WHERE group_id IS NOT NULL AND user_key IS NOT NULL
EXCEPT
SELECT group_id, user_key FROM {new}
"""

_PART = """
DELETE FROM group_users USING unnest(%s::uuid[], %s::text[]) AS gone (group_id, user_key)
WHERE group_users.group_id = gone.group_id 
    AND user_key_hash = substring(sha256(convert_to(user_key, 'UTF8')) FOR 16)
    AND NOT EXISTS (
        SELECT FROM {parent} AS event
        WHERE event.group_id = gone.group_id AND event.user_key = gone.user_key
    )
RETURNING group_users.group_id
"""

_SEEN = """
SELECT changed.id,
    (SELECT id FROM {parent} WHERE group_id = changed.id ORDER BY id LIMIT 1),
    (SELECT id FROM {parent} WHERE group_id = changed.id ORDER BY id DESC LIMIT 1)
FROM unnest(%s::uuid[]) AS changed (id)
"""


def drifts(database: Database, parent: str, tables: Tables) -> dict[UUID, int]:
    """By how much groups of a day count more than they have rows, where they do not count right.

    Reads the groups' rows of all partitions. Raises :class:`StoreDown`.
    """
    with database.transaction() as cursor:
        cursor.execute(_format(_DRIFTS, parent, tables))
        return dict(cursor.fetchall())


@dataclass(frozen=True, slots=True)
class Recounted:
    """Groups that changed; what is left to do once the new table is in its place."""

    parent: str
    changed: list[UUID]
    met: set[UUID]
    left: list[tuple[UUID, str]]
    merges: list[UUID]

    def finish(self, cursor: Cursor) -> None:
        """Users, times, the end of groups without rows, and the merges that they are members of."""
        touched = self.met | set(self.changed)
        if self.left:
            groups, users = zip(*self.left, strict=True)
            cursor.execute(
                _format(_PART, self.parent), (array_literal(groups), array_literal(users))
            )
            touched |= {group_id for (group_id,) in cursor}
        ids = array_literal(sorted(touched))
        cursor.execute(
            "UPDATE groups SET users = ("
            " SELECT count(*) FROM group_users WHERE group_id = groups.id"
            ") WHERE id = ANY(%s::uuid[])",
            (ids,),
        )
        self._see(cursor)
        cursor.execute(
            "SELECT id FROM groups WHERE id = ANY(%s::uuid[]) AND count <= dropped", (ids,)
        )
        delete_groups(cursor, [group_id for (group_id,) in cursor.fetchall()])
        recount_merges(cursor, self.merges)
        number_groups(cursor, touched)

    def _see(self, cursor: Cursor) -> None:
        """A group was never first seen later than it was, and last when its last row says."""
        cursor.execute(_format(_SEEN, self.parent), (array_literal(self.changed),))
        seen = [(group, id_time(first), id_time(last)) for group, first, last in cursor if first]
        if seen:
            cursor.execute(
                "UPDATE groups SET first_seen = least(groups.first_seen, seen.first),"
                " last_seen = seen.last"
                " FROM unnest(%s::uuid[], %s::timestamptz[], %s::timestamptz[])"
                " AS seen (id, first, last) WHERE groups.id = seen.id",
                [array_literal(column) for column in zip(*seen, strict=True)],
            )


def recount(
    cursor: Cursor,
    rebuild: Rebuild,
    parent: str,
    tables: Tables,
    drift: Mapping[UUID, int],
) -> Recounted:
    """Count the new table's rows instead of the old one's; both must still be there."""
    values = (array_literal(drift), array_literal(drift.values()))
    cursor.execute(_format(_CHANGES, parent, tables), values)
    changes: dict[UUID, int] = dict(cursor.fetchall())
    ids = array_literal(changes)
    cursor.execute(_MAKE, (rebuild.part.type, rebuild.id, ids))
    cursor.execute(
        "UPDATE groups SET count = count + changed.events"
        " FROM unnest(%s::uuid[], %s::int8[]) AS changed (id, events)"
        " WHERE groups.id = changed.id",
        (ids, array_literal(changes.values())),
    )
    cursor.execute(_format(_MEET, parent, tables))
    met = {group_id for (group_id,) in cursor}
    cursor.execute(_format(_OF_DAY, parent, tables))
    of_day = [group_id for (group_id,) in cursor]
    count_day(cursor, rebuild.part.type, tables[1], of_day, rebuild.part.first)
    merges = merges_of(cursor, of_day)
    cursor.execute(_format(_LEFT, parent, tables))
    return Recounted(parent, list(changes), met, cursor.fetchall(), merges)


def _format(statement: str, parent: str, tables: Tables = ("", "")) -> sql.Composed:
    names = {"parent": parent, "old": tables[0], "new": tables[1]}
    return sql.SQL(statement).format(
        **{name: sql.Identifier(table) for name, table in names.items() if table}
    )
