"""Merged groups: their members go on to count their own events, and a merge is their sum.

So nothing is rewritten when groups are merged or split, members of a merge can be told apart for
ever, and whatever counts events by fingerprint need not know of merges: it ends with
:func:`recount_merges`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from events.record import Column
from storage.sql.arrays import array_literal, insert_rows
from storage.sql.connection import Cursor
from storage.sql.group_rows import delete_groups
from storage.sql.growth import Growth

_USERS = (Column("group_id", "uuid"), Column("user_key_hash", "bytea"))

_GROW = """
UPDATE groups SET count = groups.count + grown.events, users = groups.users + grown.users,
    first_seen = least(groups.first_seen, grown.first), last_seen = greatest(last_seen, grown.last)
FROM unnest(%s::uuid[], %s::int8[], %s::int8[], %s::timestamptz[], %s::timestamptz[])
    AS grown (id, events, users, first, last)
WHERE groups.id = grown.id
RETURNING groups.id, count, groups.users, status
"""

_LEAVE_USERS = """
DELETE FROM group_users USING unnest(%s::uuid[]) AS merge (id)
WHERE group_users.group_id = merge.id AND NOT EXISTS (
    SELECT FROM groups AS member JOIN group_users AS met ON met.group_id = member.id
    WHERE member.merged_into = merge.id AND met.user_key_hash = group_users.user_key_hash
)
"""

_MEET_USERS = """
INSERT INTO group_users (group_id, user_key_hash)
SELECT DISTINCT member.merged_into, met.user_key_hash
FROM groups AS member JOIN group_users AS met ON met.group_id = member.id
WHERE member.merged_into = ANY(%s::uuid[]) ORDER BY 1, 2
ON CONFLICT DO NOTHING
"""

# Whose words a merge shows is its lead's; when that went, of the member met first.
_SUM = """
UPDATE groups AS merge SET
    count = summed.count, dropped = summed.dropped, first_seen = summed.first_seen,
    last_seen = summed.last_seen, lead_id = shown.id, title = shown.title,
    culprit = shown.culprit,
    users = (SELECT count(*) FROM group_users WHERE group_id = merge.id)
FROM (
    SELECT merged_into, sum(count)::int8 AS count, sum(dropped)::int8 AS dropped,
        min(first_seen) AS first_seen, max(last_seen) AS last_seen
    FROM groups WHERE merged_into = ANY(%(ids)s::uuid[]) GROUP BY merged_into
) AS summed, LATERAL (
    SELECT member.id, member.title, member.culprit FROM groups AS member
        JOIN groups AS own ON own.id = member.merged_into
    WHERE member.merged_into = summed.merged_into
    ORDER BY member.id <> own.lead_id, member.first_seen, member.id LIMIT 1
) AS shown
WHERE merge.id = summed.merged_into
"""


def merges_of(cursor: Cursor, ids: Iterable[UUID]) -> list[UUID]:
    """The merges that groups are members of."""
    cursor.execute(
        "SELECT DISTINCT merged_into FROM groups"
        " WHERE id = ANY(%s::uuid[]) AND merged_into IS NOT NULL",
        (array_literal(ids),),
    )
    return [merge_id for (merge_id,) in cursor]


def members_of(cursor: Cursor, ids: Iterable[UUID]) -> list[UUID]:
    """The fingerprints' groups that groups consist of: themselves, or a merge's members."""
    cursor.execute(
        "SELECT id FROM groups WHERE id = ANY(%(ids)s::uuid[]) AND lead_id IS NULL"
        " UNION SELECT id FROM groups WHERE merged_into = ANY(%(ids)s::uuid[]) ORDER BY 1",
        {"ids": array_literal(ids)},
    )
    return [group_id for (group_id,) in cursor]


def grow_merges(
    cursor: Cursor, grown: Mapping[UUID, Sequence[Growth]]
) -> list[tuple[UUID, int, int, str]]:
    """Add what members grew by to their merges; id, count, users and status of each merge.

    The members' rows are locked: so is who is in which merge. Merges follow, in their order.
    """
    ids = sorted(grown)
    met = [(merge_id, user) for merge_id in ids for one in grown[merge_id] for user in one.users]
    fresh = dict.fromkeys(ids, 0)
    if met:
        then = "ON CONFLICT DO NOTHING RETURNING group_id"
        insert_rows(cursor, "group_users", _USERS, met, key=2, then=then)
        for (merge_id,) in cursor:
            fresh[merge_id] += 1
    cursor.execute(
        "SELECT FROM groups WHERE id = ANY(%s::uuid[]) ORDER BY id FOR UPDATE",
        (array_literal(ids),),
    )
    columns = (
        ids,
        [sum(one.count for one in grown[merge_id]) for merge_id in ids],
        [fresh[merge_id] for merge_id in ids],
        [min(one.first_seen for one in grown[merge_id]) for merge_id in ids],
        [max(one.last_seen for one in grown[merge_id]) for merge_id in ids],
    )
    cursor.execute(_GROW, [array_literal(column) for column in columns])
    return cursor.fetchall()


def recount_merges(cursor: Cursor, ids: Sequence[UUID]) -> None:
    """Make merges the sum of their members again; one that has none goes."""
    if not ids:
        return
    given = (array_literal(ids),)
    cursor.execute(_LEAVE_USERS, given)
    cursor.execute(_MEET_USERS, given)
    cursor.execute(_SUM, {"ids": given[0]})
    cursor.execute(
        "SELECT id FROM unnest(%s::uuid[]) AS merge (id)"
        " WHERE NOT EXISTS (SELECT FROM groups WHERE merged_into = merge.id)",
        given,
    )
    delete_groups(cursor, [merge_id for (merge_id,) in cursor.fetchall()])
