"""What groups become when retention drops their events: they go on to count all ever seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from psycopg2 import sql

from storage.sql.arrays import array_literal
from storage.sql.connection import Cursor
from storage.sql.group_rows import delete_groups
from storage.sql.merged_groups import merges_of, recount_merges
from storage.sql.tables import events_table

_DROP = """
UPDATE groups SET dropped = groups.dropped + gone.events
FROM unnest(%s::uuid[], %s::int8[]) AS gone (id, events) WHERE groups.id = gone.id
RETURNING groups.id, groups.count <= groups.dropped
"""


def drop_from_groups(cursor: Cursor, type_name: str, events: Mapping[UUID, int]) -> int:
    """Note how many events of each group were dropped, after they were and the trend was counted
    anew; how many groups went.

    A group goes, with its users, when no occurrence of it is left. The caller holds ``SETTLING``
    alone, so that no new occurrence comes meanwhile.
    """
    if not events:
        return 0
    ids = sorted(events)
    merges = merges_of(cursor, ids)
    cursor.execute(_DROP, (array_literal(ids), array_literal(events[one] for one in ids)))
    spent = [group_id for group_id, over in cursor if over]
    gone = delete_groups(cursor, _without_rows(cursor, type_name, spent))
    recount_merges(cursor, merges)
    return gone


def _without_rows(cursor: Cursor, type_name: str, spent: Sequence[UUID]) -> list[UUID]:
    if not spent:
        return []
    cursor.execute(
        sql.SQL(
            "SELECT id FROM unnest(%s::uuid[]) AS spent (id)"
            " WHERE NOT EXISTS (SELECT FROM {} AS event WHERE event.group_id = spent.id)"
        ).format(sql.Identifier(events_table(type_name))),
        (array_literal(spent),),
    )
    return [group_id for (group_id,) in cursor]
