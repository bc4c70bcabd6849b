"""Releases: versions of a project's application that events came in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypeAlias

from events.ids import id_time
from events.record import Column, Record
from events.versions import VersionOrder, ordering
from storage.sql.arrays import array_literal, insert_rows
from storage.sql.connection import Cursor
from storage.sql.tables import version_of

_COLUMNS = (
    Column("project_id", "int4"),
    Column("version", "text"),
    Column("ordering", "text"),
    Column("first_seen", "timestamptz"),
    Column("last_seen", "timestamptz"),
)

# A row that tells the hour already is left alone, so that writers do not wait for each other.
_KNOWN = """
SELECT releases.project_id, releases.version FROM releases JOIN unnest(
    %s::int4[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::text[]
) AS seen (project_id, version, first_seen, last_seen, ordering)
    ON releases.project_id = seen.project_id AND releases.version = seen.version
WHERE releases.first_seen <= seen.first_seen
    AND releases.last_seen >= date_trunc('hour', seen.last_seen, 'UTC')
    AND releases.ordering IS NOT DISTINCT FROM seen.ordering
"""
_SEE = """
ON CONFLICT (project_id, version) DO UPDATE SET
    ordering = excluded.ordering,
    first_seen = least(kept.first_seen, excluded.first_seen),
    last_seen = greatest(kept.last_seen, excluded.last_seen)
"""

_Release: TypeAlias = tuple[int, str]


def note_releases(cursor: Cursor, type_name: str, records: Iterable[Record]) -> None:
    """Note the versions that stored events came in."""
    seen: dict[_Release, list[Record]] = {}
    for record in records:
        if version := version_of(type_name, record):
            seen.setdefault((record.project_id, version), []).append(record)
    if not seen:
        return
    rows = {
        release: (id_time(min(one.id for one in came)), id_time(max(one.id for one in came)))
        for release, came in seen.items()
    }
    known = _known(cursor, rows)
    fresh = [
        (project_id, version, ordering(version), *times)
        for (project_id, version), times in rows.items()
        if (project_id, version) not in known
    ]
    if fresh:
        insert_rows(cursor, "releases", _COLUMNS, fresh, key=2, then=_SEE)


def _known(cursor: Cursor, rows: Mapping[_Release, tuple[datetime, datetime]]) -> set[_Release]:
    projects, versions = zip(*rows, strict=True)
    first, last = zip(*rows.values(), strict=True)
    columns = (projects, versions, first, last, map(ordering, versions))
    cursor.execute(_KNOWN, [array_literal(column) for column in columns])
    return set(cursor.fetchall())


def version_order(cursor: Cursor, project_id: int, versions: Iterable[str]) -> VersionOrder:
    """What is needed to compare these versions of a project."""
    cursor.execute(
        "SELECT version, first_seen FROM releases"
        " WHERE project_id = %s AND version = ANY(%s::text[])",
        (project_id, array_literal(versions)),
    )
    return VersionOrder(dict(cursor.fetchall()))
