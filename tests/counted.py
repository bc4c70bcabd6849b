"""What SQL counts of groups, held against the rows that there are."""

from __future__ import annotations

from collections import Counter
from typing import Any

from storage.sql.database import Database

_ROWS = """
SELECT group_id::text, id_hour(id), coalesce(version, ''), count(*) FROM crash_events
WHERE group_id IS NOT NULL GROUP BY 1, 2, 3
"""
_HOURS = "SELECT group_id::text, hour, version, events FROM group_hours"
_VERSIONS = "SELECT group_id::text, version, events FROM group_versions"
_GROUPS = "SELECT id::text, count - dropped FROM groups WHERE lead_id IS NULL"
_MERGES = """
SELECT merge.id::text, merge.count, merge.dropped, merge.users, merge.first_seen, merge.last_seen
FROM groups AS merge WHERE lead_id IS NOT NULL
"""
_MEMBERS = """
SELECT merged_into::text, sum(count)::int8, sum(dropped)::int8,
    (SELECT count(DISTINCT user_key_hash) FROM group_users JOIN groups AS one ON one.id = group_id
     WHERE one.merged_into = member.merged_into),
    min(first_seen), max(last_seen)
FROM groups AS member WHERE merged_into IS NOT NULL GROUP BY merged_into
"""


def assert_counted_as_rows(database: Database) -> None:
    """Hours and versions count each row once; groups count their rows, and merges their members."""
    rows = _counts(database, _ROWS)
    assert _counts(database, _HOURS) == rows
    by_version: Counter[Any] = Counter()
    by_group: Counter[Any] = Counter()
    for (group_id, _, version), events in rows.items():
        by_version[group_id, version] += events
        by_group[group_id,] += events
    assert _counts(database, _VERSIONS) == by_version
    assert _counts(database, _GROUPS) == by_group
    assert sorted(_read(database, _MERGES)) == sorted(_read(database, _MEMBERS))


def _counts(database: Database, statement: str) -> Counter[Any]:
    return Counter({tuple(key): events for *key, events in _read(database, statement)})


def _read(database: Database, statement: str) -> list[tuple[Any, ...]]:
    with database.transaction() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()
