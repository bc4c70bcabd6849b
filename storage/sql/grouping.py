"""Groups grow by the events a transaction really inserted: aggregated, then upserted in order."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from events.ids import id_time
from events.record import Column, GroupKey, Record
from storage.sql.arrays import insert_rows
from storage.sql.connection import Cursor

_GROUP_COLUMNS = (
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
_USER_HASH_BYTES = 16

_GROW = """
ON CONFLICT (id) DO UPDATE SET
    count = kept.count + excluded.count,
    users = kept.users + excluded.users,
    first_seen = least(kept.first_seen, excluded.first_seen),
    last_seen = greatest(kept.last_seen, excluded.last_seen)
"""


@dataclass(frozen=True, slots=True)
class Growth:
    """What a batch adds to one group."""

    id: UUID
    project_id: int
    key: GroupKey
    count: int
    first_seen: datetime
    last_seen: datetime
    users: frozenset[bytes]


def user_hash(user_key: str) -> bytes:
    """A user of a group, in few bytes: 128 bits of SHA-256."""
    digest = hashlib.sha256(user_key.encode("utf-8", "surrogatepass")).digest()
    return digest[:_USER_HASH_BYTES]


def growths(records: Iterable[Record]) -> list[Growth]:
    """What the records add to their groups; those without a group add nothing. Pure."""
    grouped: dict[tuple[int, str], list[Record]] = {}
    for record in records:
        if record.group is not None:
            grouped.setdefault((record.project_id, record.group.fingerprint), []).append(record)
    return [_growth(members) for members in grouped.values()]


def _growth(members: Sequence[Record]) -> Growth:
    ids = [record.id for record in members]
    first = min(members, key=lambda record: record.id)
    if first.group is None:
        raise ValueError("a record without a group")
    return Growth(
        id=first.group.group_id(first.project_id),
        project_id=first.project_id,
        key=first.group,
        count=len(members),
        first_seen=id_time(min(ids)),
        last_seen=id_time(max(ids)),
        users=frozenset(user_hash(r.user_key) for r in members if r.user_key is not None),
    )


def grow_groups(cursor: Cursor, type_name: str, records: Iterable[Record]) -> None:
    """Count inserted records into their groups. Call it last: hot rows are locked from here on.

    A group keeps the title of the first batch that made it.
    """
    grown = growths(records)
    if not grown:
        return
    new_users = _new_users(cursor, grown)
    rows = [
        (
            *(g.id, g.project_id, type_name, g.key.fingerprint, g.key.title, g.key.culprit),
            *(g.count, new_users[g.id], g.first_seen, g.last_seen),
        )
        for g in grown
    ]
    insert_rows(cursor, "groups", _GROUP_COLUMNS, rows, key=1, then=_GROW)


def _new_users(cursor: Cursor, grown: Iterable[Growth]) -> Counter[UUID]:
    """How many users each group had not met before; they are met now."""
    rows = [(growth.id, user) for growth in grown for user in growth.users]
    if not rows:
        return Counter()
    then = "ON CONFLICT DO NOTHING RETURNING group_id"
    insert_rows(cursor, "group_users", _USER_COLUMNS, rows, key=2, then=then)
    return Counter(group_id for (group_id,) in cursor)
