"""Reading how groups went over time and versions; exact, of the events that are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import UUID

from events.versions import ordering
from storage.floors import Floors
from storage.sql.arrays import array_literal
from storage.sql.connection import Cursor
from storage.sql.database import Database
from storage.sql.growth import HOUR_MS
from storage.sql.terms import Terms

HOUR_SECONDS = HOUR_MS // 1000

_BY_GROUP = """
SELECT coalesce(member.merged_into, member.id), (hour - %s) / %s, sum(events)::int8
FROM groups AS member JOIN group_hours ON group_id = member.id
WHERE (member.id = ANY(%s::uuid[]) OR member.merged_into = ANY(%s::uuid[]))
    AND hour >= %s AND hour < %s AND {kept}
GROUP BY 1, 2
"""

_BY_VERSION = """
SELECT version, (hour - %s) / %s, sum(events)::int8
FROM groups AS member JOIN group_hours ON group_id = member.id
WHERE (member.id = %s OR member.merged_into = %s) AND hour >= %s AND hour < %s AND {kept}
GROUP BY 1, 2
"""

_KEPT_OF_TYPE = "NOT (member.type = %s AND hour < %s)"
_KEPT_OF_PROJECTS = """
NOT EXISTS (
    SELECT FROM unnest(%s::int4[], %s::text[], %s::int4[]) AS past (project_id, type, hour)
    WHERE past.project_id = member.project_id AND past.type = member.type
        AND group_hours.hour < past.hour
)
"""

_VERSIONS = """
SELECT version, sum(events)::int8, min(seen.first_seen), max(seen.last_seen)
FROM groups AS member JOIN group_versions AS seen ON group_id = member.id
WHERE member.id = %(id)s OR member.merged_into = %(id)s
GROUP BY version ORDER BY 3, 1 LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Window:
    """So many spans of time, each of ``step`` whole hours, from hour ``first`` since 1970 on."""

    first: int
    step: int
    spans: int

    @property
    def last(self) -> int:
        """The first hour after it."""
        return self.first + self.step * self.spans

    @property
    def start(self) -> datetime:
        return hour_time(self.first)

    @property
    def end(self) -> datetime:
        return hour_time(self.last)


def window_until(now: datetime, spans: int, step: int) -> Window:
    """The window of which the hour of ``now`` is in the last span; spans of a day are UTC's."""
    hour = int(now.timestamp()) // HOUR_SECONDS
    last = (hour // step + 1) * step
    return Window(last - step * spans, step, spans)


def hour_time(hour: int) -> datetime:
    """When an hour since 1970 began."""
    return datetime.fromtimestamp(hour * HOUR_SECONDS, UTC)


@dataclass(frozen=True, slots=True)
class GroupVersion:
    """A version in which a group occurred, empty for events without one."""

    version: str
    events: int
    first_seen: datetime
    last_seen: datetime


_Trend: TypeAlias = Mapping[str, Sequence[int]]


class Trends:
    """What is past its term is left out to the hour. Every method raises :class:`StoreDown` while
    PostgreSQL is away.
    """

    def __init__(self, database: Database, terms: Terms | None = None) -> None:
        self._database = database
        self._terms = terms or Terms(database)

    def of_groups(self, ids: Iterable[UUID], window: Window) -> dict[UUID, list[int]]:
        """Events of each group by span; groups without any in the window too."""
        wanted = list(ids)
        given = array_literal(wanted)
        counts = {one: [0] * window.spans for one in wanted}
        with self._database.transaction() as cursor:
            for group_id, span, events in self._spans(cursor, _BY_GROUP, given, window):
                counts[group_id][span] = events
        return counts

    def of_group(self, group_id: UUID, window: Window) -> _Trend:
        """Events of a group by version and span, the latest version first."""
        found: dict[str, list[int]] = {}
        with self._database.transaction() as cursor:
            for version, span, events in self._spans(cursor, _BY_VERSION, group_id, window):
                found.setdefault(version, [0] * window.spans)[span] = events
        return {name: found[name] for name in sorted(found, key=_rank, reverse=True)}

    def versions(self, group_id: UUID, limit: int = 1000) -> Sequence[GroupVersion]:
        """The versions in which a group occurred, in the order of their first sight."""
        with self._database.transaction() as cursor:
            cursor.execute(_VERSIONS, {"id": group_id, "limit": limit})
            return [GroupVersion(*row) for row in cursor]

    def _spans(
        self, cursor: Cursor, statement: str, groups: object, window: Window
    ) -> list[tuple[Any, ...]]:
        kept, values = _kept(self._terms.floors_of(cursor))
        bounds = (window.first, window.last)
        cursor.execute(
            statement.format(kept=" AND ".join(["true", *kept])),
            (window.first, window.step, groups, groups, *bounds, *values),
        )
        return cursor.fetchall()


def _kept(floors: Floors) -> tuple[list[str], list[Any]]:
    """Conditions of hours of which everything is kept."""
    conditions = [_KEPT_OF_TYPE for _ in floors.types]
    values: list[Any] = []
    for type_name, floor in floors.types.items():
        values += [type_name, _first_whole_hour(floor)]
    if floors.projects:
        conditions.append(_KEPT_OF_PROJECTS)
        projects, types = zip(*floors.projects, strict=True)
        hours = map(_first_whole_hour, floors.projects.values())
        values += [array_literal(part) for part in (projects, types, hours)]
    return conditions, values


def _first_whole_hour(floor_ms: int) -> int:
    return -(-floor_ms // HOUR_MS)


def _rank(version: str) -> tuple[str, str]:
    """Latest last; those without an order of their own before all that have one."""
    return ordering(version) or "", version
