"""Reading releases: when each was there, and what of it is new, came back, or was solved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from events.text import storable
from events.versions import VersionOrder
from storage.model import Page
from storage.sql.arrays import array_literal
from storage.sql.connection import Cursor
from storage.sql.cursors import bad_cursor, decode_cursor, encode_cursor
from storage.sql.database import Database
from storage.sql.growth import HOUR_MS

#: Releases that are compared to find the latest: those first seen last.
_LATEST_OF = 1000

_LIST = """
SELECT version, first_seen, last_seen FROM releases
WHERE project_id = %s AND (%s::timestamptz IS NULL OR (first_seen, version) < (%s, %s))
ORDER BY first_seen DESC, version DESC LIMIT %s
"""

_SHOWN = """
SELECT coalesce(member.merged_into, member.id) AS shown, seen.version, seen.events,
    seen.first_seen, least(member.first_seen, merge.first_seen) AS group_first
FROM group_versions AS seen JOIN groups AS member ON member.id = seen.group_id
    LEFT JOIN groups AS merge ON merge.id = member.merged_into
WHERE seen.project_id = %(project)s
"""

# A group is new in the version of its first events: of those that are kept, if they are these.
_COUNTS = f"""
WITH shown AS ({_SHOWN}), first AS (
    SELECT DISTINCT ON (shown) shown, version FROM shown
    WHERE first_seen < group_first + interval '1 hour' ORDER BY shown, first_seen, version
)
SELECT version, sum(events)::int8, count(DISTINCT shown),
    (SELECT count(*) FROM first WHERE first.version = shown.version)
FROM shown WHERE version = ANY(%(versions)s::text[]) GROUP BY version
"""  # noqa: S608 - statements of our own

_REGRESSED = """
SELECT detail ->> 'version', count(DISTINCT group_id) FROM group_history
    JOIN groups ON groups.id = group_id
WHERE action = 'regressed' AND detail ->> 'version' = ANY(%(versions)s::text[])
    AND project_id = %(project)s GROUP BY 1
"""

_RESOLVED = """
SELECT resolved_version, count(*) FROM groups
WHERE project_id = %(project)s AND status = 'resolved' AND merged_into IS NULL
    AND resolved_version = ANY(%(versions)s::text[]) GROUP BY 1
"""

_RECENT = """
SELECT version, sum(events)::int8 FROM groups JOIN group_hours ON group_id = groups.id
WHERE project_id = %(project)s AND last_seen >= to_timestamp(%(since)s * 3600.0)
    AND hour >= %(since)s GROUP BY version
"""


@dataclass(frozen=True, slots=True)
class Release:
    """A version of a project. ``events`` are its occurrences that are kept, of ``groups`` groups,
    of which ``new`` ones were first seen in it. ``regressed`` counts groups that came back in it,
    ``resolved`` those that stand as resolved in it. ``recent`` are occurrences of the last day, of
    ``recent_of`` in all versions. ``last_seen`` is told to the hour.
    """

    version: str
    first_seen: datetime
    last_seen: datetime
    events: int
    groups: int
    new: int
    regressed: int
    resolved: int
    recent: int
    recent_of: int


@dataclass(frozen=True, slots=True)
class Mark:
    """When a release was first seen: a mark on a trend."""

    version: str
    first_seen: datetime


_Listed: TypeAlias = Page[Release]


class Releases:
    """Every method raises :class:`StoreDown` while PostgreSQL is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(
        self, project_id: int, now: datetime, cursor: str | None = None, limit: int = 50
    ) -> _Listed:
        """Releases of a project, the one first seen last first; ``ValueError`` for a bad cursor."""
        after = _decode(cursor)
        with self._database.transaction() as execute:
            execute.execute(_LIST, (project_id, after[0], *after, limit + 1))
            rows = execute.fetchall()
            items = _counted(execute, project_id, rows[:limit], now)
        more = len(rows) > limit
        last = items[-1] if more else None
        return Page(
            items, encode_cursor(last.first_seen.isoformat(), last.version) if last else None
        )

    def find(self, project_id: int, version: str, now: datetime) -> Release | None:
        """A release of a project."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT version, first_seen, last_seen FROM releases"
                " WHERE project_id = %s AND version = %s",
                (project_id, storable(version)),
            )
            found = _counted(cursor, project_id, cursor.fetchall(), now)
        return found[0] if found else None

    def marks(
        self, project_id: int, start: datetime, end: datetime, limit: int = 20
    ) -> Sequence[Mark]:
        """Releases first seen in a time, the last ones if they are many, in their order."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT version, first_seen FROM releases WHERE project_id = %s"
                " AND first_seen >= %s AND first_seen < %s"
                " ORDER BY first_seen DESC, version DESC LIMIT %s",
                (project_id, start, end, limit),
            )
            return [Mark(*row) for row in cursor][::-1]

    def latest(self, project_id: int) -> str | None:
        """The latest version of a project by its order; null when it has none."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT version, first_seen FROM releases WHERE project_id = %s"
                " ORDER BY first_seen DESC, version DESC LIMIT %s",
                (project_id, _LATEST_OF),
            )
            return VersionOrder(dict(cursor.fetchall())).latest()


def _counted(
    cursor: Cursor, project_id: int, rows: Sequence[tuple[Any, ...]], now: datetime
) -> list[Release]:
    if not rows:
        return []
    since = int(now.timestamp()) // (HOUR_MS // 1000) - 23
    values = {
        "project": project_id,
        "versions": array_literal(version for version, _, _ in rows),
        "since": since,
    }
    cursor.execute(_COUNTS, values)
    counts = {version: counts for version, *counts in cursor}
    found: list[dict[str, int]] = []
    for statement in (_REGRESSED, _RESOLVED, _RECENT):
        cursor.execute(statement, values)
        found.append(dict(cursor.fetchall()))
    regressed, resolved, recent = found
    releases = []
    for row in rows:
        version = row[0]
        numbers: list[Any] = [*row, *counts.get(version, (0, 0, 0))]
        numbers += [part.get(version, 0) for part in (regressed, resolved, recent)]
        numbers.append(sum(recent.values()))
        releases.append(Release(*numbers))
    return releases


def _decode(cursor: str | None) -> tuple[Any, Any]:
    if cursor is None:
        return None, None
    at, version = decode_cursor(cursor, 2)
    try:
        return datetime.fromisoformat(str(at)), str(version)
    except ValueError:
        raise bad_cursor() from None
