"""How many events groups have by hour and by version: exact, of the rows that there are.

``group_hours`` is the truth, ``group_versions`` its sum. Both change in the transaction that stores
or removes the rows, and by fingerprint: members of a merge keep their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from uuid import UUID

from psycopg2 import sql

from events.record import Column
from storage.floors import day_start_ms
from storage.sql.arrays import array_literal, insert_rows
from storage.sql.connection import Cursor
from storage.sql.growth import HOUR_MS, Growth, Slot
from storage.sql.tables import version_column

_HOURS = (
    Column("group_id", "uuid"),
    Column("hour", "int4"),
    Column("version", "text"),
    Column("events", "int8"),
)
_VERSIONS = (
    Column("group_id", "uuid"),
    Column("version", "text"),
    Column("project_id", "int4"),
    Column("events", "int8"),
    Column("first_seen", "timestamptz"),
    Column("last_seen", "timestamptz"),
)

_GROW_HOURS = """
ON CONFLICT (group_id, hour, version) DO UPDATE SET events = kept.events + excluded.events
"""
_GROW_VERSIONS = """
ON CONFLICT (group_id, version) DO UPDATE SET
    events = kept.events + excluded.events,
    first_seen = least(kept.first_seen, excluded.first_seen),
    last_seen = greatest(kept.last_seen, excluded.last_seen)
"""

_SHRINK = """
UPDATE group_hours SET events = group_hours.events - gone.events
FROM unnest(%s::uuid[], %s::int4[], %s::text[], %s::int8[])
    AS gone (group_id, hour, version, events)
WHERE group_hours.group_id = gone.group_id AND group_hours.hour = gone.hour
    AND group_hours.version = gone.version
"""

# Of groups that changed: what the hours say, and times no further out than the hours do.
_SUM = """
WITH summed AS (
    SELECT group_id, version, sum(events)::int8 AS events,
        to_timestamp(min(hour) * 3600.0) AS first,
        to_timestamp(max(hour) * 3600.0 + 3599.999) AS last
    FROM group_hours WHERE group_id = ANY(%(ids)s::uuid[]) GROUP BY 1, 2
), gone AS (
    DELETE FROM group_versions WHERE group_id = ANY(%(ids)s::uuid[]) AND NOT EXISTS (
        SELECT FROM summed WHERE summed.group_id = group_versions.group_id
            AND summed.version = group_versions.version)
)
INSERT INTO group_versions AS kept
    (group_id, version, project_id, events, first_seen, last_seen)
SELECT group_id, version, project_id, events, first, last
FROM summed JOIN groups ON groups.id = group_id
ON CONFLICT (group_id, version) DO UPDATE SET
    events = excluded.events,
    first_seen = least(greatest(kept.first_seen, excluded.first_seen), excluded.last_seen),
    last_seen = greatest(least(kept.last_seen, excluded.last_seen), excluded.first_seen)
"""

_COUNT_DAY = """
INSERT INTO group_hours (group_id, hour, version, events)
SELECT group_id, id_hour(id), {version}, count(*) FROM {table}
WHERE group_id = ANY(%s::uuid[]) GROUP BY 1, 2, 3
"""


def grow_trend(cursor: Cursor, grown: Collection[Growth]) -> None:
    """Count stored events. The caller has the groups' rows locked."""
    hours = [
        (one.id, hour, version, events)
        for one in grown
        for (hour, version), events in one.hours.items()
    ]
    insert_rows(cursor, "group_hours", _HOURS, hours, key=3, then=_GROW_HOURS)
    versions = [
        (one.id, version, one.project_id, events, *one.versions[version])
        for one in grown
        for version, events in _by_version(one).items()
    ]
    insert_rows(cursor, "group_versions", _VERSIONS, versions, key=2, then=_GROW_VERSIONS)


def _by_version(grown: Growth) -> Counter[str]:
    summed: Counter[str] = Counter()
    for (_, version), events in grown.hours.items():
        summed[version] += events
    return summed


def shrink_trend(cursor: Cursor, removed: Counter[Slot]) -> None:
    """Count removed rows off. The caller holds ``SETTLING`` alone."""
    if not removed:
        return
    ids, hours, versions = zip(*removed, strict=True)
    columns = (ids, hours, versions, removed.values())
    cursor.execute(_SHRINK, [array_literal(column) for column in columns])
    touched = array_literal(set(ids))
    cursor.execute(
        "DELETE FROM group_hours WHERE group_id = ANY(%s::uuid[]) AND events <= 0", (touched,)
    )
    cursor.execute(_SUM, {"ids": touched})


def drop_trend_of_day(cursor: Cursor, group_ids: Iterable[UUID], day: date) -> None:
    """Count off what groups had on a day, all of whose rows were dropped."""
    ids = array_literal(group_ids)
    _clear_day(cursor, ids, day)
    cursor.execute(_SUM, {"ids": ids})


def count_day(
    cursor: Cursor, type_name: str, table: str, group_ids: Sequence[UUID], day: date
) -> None:
    """Count a day of groups of a type anew, from the table that has all rows of it."""
    ids = array_literal(group_ids)
    _clear_day(cursor, ids, day)
    names = {"table": sql.Identifier(table), "version": sql.SQL(version_column(type_name))}
    cursor.execute(sql.SQL(_COUNT_DAY).format(**names), (ids,))
    cursor.execute(_SUM, {"ids": ids})


def _clear_day(cursor: Cursor, ids: str, day: date) -> None:
    first = day_start_ms(day) // HOUR_MS
    cursor.execute(
        "DELETE FROM group_hours WHERE group_id = ANY(%s::uuid[]) AND hour >= %s AND hour < %s",
        (ids, first, first + 24),
    )
