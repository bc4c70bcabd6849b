"""Groups grow by the events a transaction really inserted: aggregated, then upserted in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from events.record import Column, Record
from events.triage import Arrivals
from storage.sql.arrays import insert_rows
from storage.sql.connection import Cursor
from storage.sql.group_rows import number_groups
from storage.sql.group_triage import MAY_END, decide_on_arrivals
from storage.sql.growth import Growth, growths
from storage.sql.merged_groups import grow_merges
from storage.sql.releases import note_releases
from storage.sql.trend import grow_trend

GROUP_COLUMNS = (
    Column("id", "uuid"),
    Column("project_id", "int4"),
    Column("type", "text"),
    Column("fingerprint", "text"),
    Column("title", "text"),
    Column("culprit", "text"),
    Column("count", "int8"),
    Column("users", "int8"),
    Column("first_seen", "timestamptz"),
    Column("last_seen", "timestamptz"),
)
_USER_COLUMNS = (Column("group_id", "uuid"), Column("user_key_hash", "bytea"))

_GROW = """
ON CONFLICT (id) DO UPDATE SET
    count = kept.count + excluded.count,
    users = kept.users + excluded.users,
    first_seen = least(kept.first_seen, excluded.first_seen),
    last_seen = greatest(kept.last_seen, excluded.last_seen)
RETURNING id, count, users, status, merged_into, number
"""


def grow_groups(cursor: Cursor, type_name: str, records: Sequence[Record]) -> None:
    """Count inserted records into their groups. Call it last: hot rows are locked from here on.

    A group keeps the title of the first batch that made it. Rows are locked in this order: groups
    by id, merges by id, releases, numbers.
    """
    grown = {growth.id: growth for growth in growths(type_name, records)}
    rows = _upsert(cursor, type_name, grown.values()) if grown else []
    if grown:
        grow_trend(cursor, grown.values())
    members: dict[UUID, list[Growth]] = {}
    for group_id, *_, merge_id, _ in rows:
        members.setdefault(merge_id or group_id, []).append(grown[group_id])
    merges = {merge_id: members[merge_id] for *_, merge_id, _ in rows if merge_id is not None}
    standing = [row[:4] for row in rows if row[4] is None]
    if merges:
        standing += grow_merges(cursor, merges)
    note_releases(cursor, type_name, records)
    arrived = {
        group_id: _arrivals(members[group_id], count, users)
        for group_id, count, users, status in standing
        if status in MAY_END
    }
    if arrived:
        decide_on_arrivals(cursor, arrived)
    if unnumbered := {group_id for group_id, *_, number in rows if number is None}:
        number_groups(cursor, [group_id for group_id in grown if group_id in unnumbered])


def _upsert(cursor: Cursor, type_name: str, grown: Iterable[Growth]) -> list[tuple[Any, ...]]:
    new_users = _new_users(cursor, grown)
    rows = [
        (
            *(g.id, g.project_id, type_name, g.key.fingerprint, g.key.title, g.key.culprit),
            *(g.count, new_users[str(g.id)], g.first_seen, g.last_seen),
        )
        for g in grown
    ]
    insert_rows(cursor, "groups", GROUP_COLUMNS, rows, key=1, then=_GROW)
    return cursor.fetchall()


def _new_users(cursor: Cursor, grown: Iterable[Growth]) -> Counter[str]:
    """How many users each group had not met before, by its id's text; they are met now."""
    rows = [(growth.id, user) for growth in grown for user in growth.users]
    if not rows:
        return Counter()
    then = (
        "ON CONFLICT DO NOTHING RETURNING group_id::text"  # a text is read in a tenth of the time
    )
    insert_rows(cursor, "group_users", _USER_COLUMNS, rows, key=2, then=then)
    return Counter(group_id for (group_id,) in cursor)


def _arrivals(grown: Sequence[Growth], count: int, users: int) -> Arrivals:
    return Arrivals(
        newest=max(one.last_seen for one in grown),
        versions=frozenset(version for one in grown for version in one.versions if version),
        count=count,
        users=users,
    )
