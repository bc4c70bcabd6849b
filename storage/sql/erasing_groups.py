"""Groups after occurrences of them were erased: counts, users, times, and whose words they show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from psycopg2 import sql

from events.fingerprint import title_of
from events.ids import id_time
from storage.sql.arrays import array_literal
from storage.sql.connection import Cursor
from storage.sql.group_rows import delete_groups
from storage.sql.growth import id_hour, user_hash
from storage.sql.merged_groups import merges_of, recount_merges
from storage.sql.tables import events_table, own_columns
from storage.sql.trend import shrink_trend

_TITLED_BY = frozenset({"class_name", "message", "culprit"})

_COUNT = """
UPDATE groups SET count = count - gone.events
FROM unnest(%s::uuid[], %s::int8[]) AS gone (id, events) WHERE groups.id = gone.id
"""

_PART = """
DELETE FROM group_users USING unnest(%s::uuid[], %s::text[], %s::bytea[])
    AS gone (group_id, user_key, user_key_hash)
WHERE group_users.group_id = gone.group_id AND group_users.user_key_hash = gone.user_key_hash
    AND NOT EXISTS (
        SELECT FROM {table} AS event
        WHERE event.group_id = gone.group_id AND event.user_key = gone.user_key
    )
RETURNING group_users.group_id
"""

# What is discarded keeps the words of its group, or of none that is erased.
_RENAME_DISCARDED = """
UPDATE discarded_fingerprints AS gone
SET title = coalesce(groups.title, '(erased)'), culprit = groups.culprit
FROM unnest(%s::uuid[]) AS changed (id) LEFT JOIN groups ON groups.id = changed.id
WHERE gone.group_id = changed.id
"""

_LEFT = """
SELECT changed.id,
    (SELECT id FROM {table} WHERE group_id = changed.id ORDER BY id LIMIT 1),
    (SELECT id FROM {table} WHERE group_id = changed.id ORDER BY id DESC LIMIT 1)
FROM unnest(%s::uuid[]) AS changed (id)
"""


class Occurrence(NamedTuple):
    """A row that was taken out."""

    id: UUID
    project_id: int
    pack_id: UUID
    group_id: UUID | None
    user_key: str | None
    version: str


def leave_groups(cursor: Cursor, type_name: str, rows: Sequence[Occurrence]) -> int:
    """Count rows off their groups, after they were deleted; how many groups went with their last.

    A group that stays shows the words of its oldest occurrence: its title may have been taken from
    one that is gone.
    """
    lost = Counter(row.group_id for row in rows if row.group_id is not None)
    if not lost:
        return 0
    ids = sorted(lost)
    merges = merges_of(cursor, ids)
    table = sql.Identifier(events_table(type_name))
    cursor.execute(_COUNT, (array_literal(ids), array_literal(lost[one] for one in ids)))
    _forget_users(cursor, table, rows)
    cursor.execute(sql.SQL(_LEFT).format(table=table), (array_literal(ids),))
    left = {group: (first, last) for group, first, last in cursor if first is not None}
    _see_anew(cursor, left)
    if _TITLED_BY.issubset(column.name for column in own_columns(type_name)):
        _retitle(cursor, table, left)
    hours = ((row.group_id, id_hour(row.id), row.version) for row in rows if row.group_id)
    shrink_trend(cursor, Counter(hours))
    gone = delete_groups(cursor, [group for group in ids if group not in left])
    recount_merges(cursor, merges)
    cursor.execute(_RENAME_DISCARDED, (array_literal(ids),))
    return gone


def _forget_users(cursor: Cursor, table: sql.Identifier, rows: Iterable[Occurrence]) -> None:
    """Users all of whose occurrences of a group are gone."""
    met = sorted({(row.group_id, row.user_key) for row in rows if row.group_id and row.user_key})
    if not met:
        return
    groups, users = zip(*met, strict=True)
    cursor.execute(
        sql.SQL(_PART).format(table=table),
        (array_literal(groups), array_literal(users), array_literal(map(user_hash, users))),
    )
    fewer = Counter(group for (group,) in cursor)
    cursor.execute(
        "UPDATE groups SET users = groups.users - gone.users"
        " FROM unnest(%s::uuid[], %s::int8[]) AS gone (id, users) WHERE groups.id = gone.id",
        (array_literal(fewer), array_literal(fewer.values())),
    )


def _see_anew(cursor: Cursor, left: dict[UUID, tuple[UUID, UUID]]) -> None:
    """When groups were first and last seen, by the occurrences that are left."""
    cursor.execute(
        "UPDATE groups SET first_seen = seen.first, last_seen = seen.last"
        " FROM unnest(%s::uuid[], %s::timestamptz[], %s::timestamptz[]) AS seen (id, first, last)"
        " WHERE groups.id = seen.id",
        (
            array_literal(left),
            array_literal(id_time(first) for first, _ in left.values()),
            array_literal(id_time(last) for _, last in left.values()),
        ),
    )


def _retitle(cursor: Cursor, table: sql.Identifier, left: dict[UUID, tuple[UUID, UUID]]) -> None:
    cursor.execute(
        sql.SQL(
            "SELECT group_id, class_name, message, culprit FROM {} WHERE id = ANY(%s::uuid[])"
        ).format(table),
        (array_literal(first for first, _ in left.values()),),
    )
    titled = [(group, title_of(name, message), place) for group, name, message, place in cursor]
    if titled:
        cursor.execute(
            "UPDATE groups SET title = shown.title, culprit = shown.culprit"
            " FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS shown (id, title, culprit)"
            " WHERE groups.id = shown.id",
            [array_literal(column) for column in zip(*titled, strict=True)],
        )
