"""Reading what was counted by the minute: series, and what they add up to over a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson
from psycopg2 import sql

from storage.distribution import Distribution, distribution, since, together
from storage.sql.connection import Cursor
from storage.sql.database import Database
from storage.sql.tables import derived_tables
from storage.sql.terms import Terms

#: Most points that one answer holds.
MAX_SUMS = 5_000
#: Before what is asked for, how far back a count that accumulates is looked for, in minutes.
_BEFORE = 60
#: How many minutes a count may have gone on before it was first heard of.
_FRESH = 5

_WHERE = """
FROM series JOIN {minutes} AS minutes
    ON minutes.project_id = series.project_id AND minutes.series = series.key
WHERE series.project_id = %(project)s AND series.type = %(type)s
    AND (%(name)s::text IS NULL OR series.name = %(name)s)
    AND series.labels @> %(labels)s::jsonb
    AND (%(kind)s::text IS NULL OR series.kind = %(kind)s)
    AND minutes.minute >= %(first)s AND minutes.minute < %(after)s
    AND minutes.day_id >= day_of_id(%(kept)s)
"""

_ADDED = """
WITH chosen AS (
    SELECT {by} AS groups, minutes.minute / %(every)s AS bucket, minutes.count, minutes.total,
        minutes.least, minutes.most, minutes.sketch
    {where} AND NOT series.cumulative
), sums AS (
    SELECT groups, bucket, sum(count) AS count, sum(total) AS total, min(least) AS least,
        max(most) AS most
    FROM chosen GROUP BY 1, 2
), sketches AS (
    SELECT groups, bucket, array_agg(bin) AS bins, array_agg(weight) AS weights
    FROM (
        SELECT groups, bucket, bin, sum(weight) AS weight
        FROM chosen, unnest((sketch).bins, (sketch).weights) AS part (bin, weight)
        GROUP BY 1, 2, 3
    ) AS added
    GROUP BY 1, 2
)
SELECT groups, bucket, count, total, least, most, bins, weights
FROM sums LEFT JOIN sketches USING (groups, bucket)
ORDER BY count DESC LIMIT %(limit)s
"""

# Of each series and bucket what it had counted at its end, and what it had before all of them. What
# was first heard of about then began then: all that it had counted is new.
_COUNTED = """
SELECT DISTINCT ON (series.key, bucket)
    series.key, {by} AS groups,
    CASE WHEN minutes.minute < %(start)s THEN -1 ELSE minutes.minute / %(every)s END AS bucket,
    minutes.minute >= %(start)s AS wanted,
    minutes.minute >= extract(epoch FROM series.made_at) / 60 - %(fresh)s AS fresh, minutes.count,
    minutes.total, minutes.least, minutes.most, (minutes.sketch).bins, (minutes.sketch).weights
{where} AND series.cumulative
ORDER BY series.key, bucket, minutes.minute DESC, minutes.count DESC LIMIT %(limit)s
"""

_SERIES = """
SELECT name, kind, unit, cumulative, count(*) FROM series
WHERE project_id = %s AND type = %s GROUP BY 1, 2, 3, 4 ORDER BY name, kind LIMIT %s
"""
_LABELS = """
SELECT label.key, array_agg(DISTINCT label.value) FROM series, jsonb_each_text(labels) AS label
WHERE project_id = %s AND type = %s AND (%s::text IS NULL OR name = %s)
GROUP BY 1 ORDER BY 1
"""
_REFUSED = "SELECT times, last_at FROM series_refused WHERE project_id = %s AND type = %s"


@dataclass(frozen=True, slots=True)
class Span:
    """Minutes from ``first`` on and before ``after``, since 1970; ``every`` so many are one sum."""

    first: int
    after: int
    every: int


class Sum(NamedTuple):
    """What series of the same ``groups`` values add up to, from a time on."""

    groups: tuple[str | None, ...]
    at: datetime
    value: Distribution


class Known(NamedTuple):
    """A name under which something is counted, and how many series it has."""

    name: str
    kind: str
    unit: str | None
    cumulative: bool
    series: int


class Limited(NamedTuple):
    """How often a project had one series too many, and when last."""

    times: int
    last_at: datetime | None


class Minutes:
    """What a project's events of a type are counted to; days that are past their term are left out.

    Every method raises :class:`StoreDown` while PostgreSQL is away.
    """

    def __init__(self, database: Database, type_name: str, terms: Terms | None = None) -> None:
        self._database = database
        self._terms = terms or Terms(database)
        self._type = type_name
        (self._table,) = (
            table for table in derived_tables(type_name) if table == f"{type_name}_minutes"
        )

    def sums(
        self,
        project_id: int,
        span: Span,
        *,
        by: Sequence[str] = (),
        name: str | None = None,
        labels: Mapping[str, str] | None = None,
        kind: str | None = None,
    ) -> list[Sum]:
        """What was counted, added up by labels (or ``name``) and time; the larger sums first."""
        values = {
            "project": project_id,
            "type": self._type,
            "name": name,
            "kind": kind,
            "labels": orjson.dumps(dict(labels or {})).decode(),
            "start": span.first,
            "first": span.first,
            "after": span.after,
            "every": span.every,
            "limit": MAX_SUMS,
            "fresh": _FRESH,
        }
        with self._database.transaction() as cursor:
            values["kept"] = self._terms.floors_of(cursor).first_id(project_id, self._type)
            found = self._added(cursor, by, values, span)
            found += self._counted(cursor, by, {**values, "first": span.first - _BEFORE}, span)
        return _joined(found)

    def known(self, project_id: int, limit: int = 1_000) -> list[Known]:
        """Names that are counted."""
        with self._database.transaction() as cursor:
            cursor.execute(_SERIES, (project_id, self._type, limit))
            return [Known(*row) for row in cursor]

    def labels(self, project_id: int, name: str | None = None) -> dict[str, list[str]]:
        """Labels and their values, of one name or all."""
        with self._database.transaction() as cursor:
            cursor.execute(_LABELS, (project_id, self._type, name, name))
            return {label: sorted(values) for label, values in cursor}

    def limited(self, project_id: int) -> Limited:
        """Whether there were too many series."""
        with self._database.transaction() as cursor:
            cursor.execute(_REFUSED, (project_id, self._type))
            row = cursor.fetchone()
        return Limited(*row) if row else Limited(0, None)

    def _added(
        self, cursor: Cursor, by: Sequence[str], values: dict[str, Any], span: Span
    ) -> list[Sum]:
        cursor.execute(self._statement(_ADDED, by), values)
        return [
            Sum(tuple(groups), _at(bucket, span), distribution(*told))
            for groups, bucket, *told in cursor
        ]

    def _counted(
        self, cursor: Cursor, by: Sequence[str], values: dict[str, Any], span: Span
    ) -> list[Sum]:
        cursor.execute(self._statement(_COUNTED, by), values)
        found: list[Sum] = []
        before: tuple[int, Distribution] | None = None
        for key, groups, bucket, wanted, fresh, *told in cursor:
            value = distribution(*told)
            earlier = before[1] if before is not None and before[0] == key else None
            if wanted and (earlier is not None or fresh):
                gained = since(value, earlier)
                if gained.count or gained.total:
                    found.append(Sum(tuple(groups), _at(bucket, span), gained))
            before = (key, value)
        return found

    def _statement(self, text: str, by: Sequence[str]) -> sql.Composed:
        parts = [
            sql.SQL("series.name")
            if label == "name"
            else sql.SQL("series.labels ->> {}").format(sql.Literal(label))
            for label in by
        ]
        where = sql.SQL(_WHERE).format(minutes=sql.Identifier(self._table))
        chosen = sql.SQL("ARRAY[{}]::text[]").format(sql.SQL(", ").join(parts))
        return sql.SQL(text).format(by=chosen, where=where)


def _at(bucket: int, span: Span) -> datetime:
    return datetime.fromtimestamp(bucket * span.every * 60, UTC)


def _joined(found: Sequence[Sum]) -> list[Sum]:
    """Sums of the same groups and time as one."""
    parts: dict[tuple[tuple[str | None, ...], datetime], list[Distribution]] = defaultdict(list)
    for one in found:
        parts[one.groups, one.at].append(one.value)
    sums = [Sum(groups, at, together(values)) for (groups, at), values in parts.items()]
    return sorted(sums, key=lambda one: -one.value.count)[:MAX_SUMS]
