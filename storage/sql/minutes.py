"""Reading what was counted by the minute: series, and what they add up to over a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from psycopg2 import sql

from events.ids import first_id
from events.origin import AHEAD_MINUTES, PAST_MINUTES
from storage.distribution import Distribution, distribution, together
from storage.sql.connection import Cursor
from storage.sql.database import Database
from storage.sql.slots import MINUTE, RAW, WIDEST, WIDTHS, Piece, Stale, pieces
from storage.sql.tables import derived_tables
from storage.sql.terms import Terms

#: Most points that one answer holds.
MAX_SUMS = 5_000
#: Before what is asked for, how far back a count that accumulates is looked for, in minutes.
_BEFORE = 60
#: How many minutes a count may have gone on before it was first heard of.
_FRESH = 5

_CHOSEN = """
chosen AS MATERIALIZED (
    SELECT key, name, labels, made_at, {by} AS groups,
        dense_rank() OVER (ORDER BY {by})::integer AS number
    FROM series
    WHERE project_id = %(project)s AND type = %(type)s AND cumulative = %(cumulative)s
        AND (%(name)s::text IS NULL OR name = %(name)s)
        AND labels @> %(labels)s::jsonb
        AND (%(kind)s::text IS NULL OR kind = %(kind)s){narrowed}
)
"""
_AMONG = """
        AND name = ANY(%(names)s::text[])
        AND jsonb_build_array({groups}) = ANY(%(among)s::jsonb[])"""
_ONE_OF = """
        AND labels ->> %(label)s = ANY(%(one_of)s::text[])"""

# Rows that tell of a time. Ids are of about then, so that most partitions are left alone.
_FROM = """
    SELECT chosen.number, chosen.key, chosen.made_at, kept.{at} AS at, kept.{last} AS last,
        kept.count, kept.total, kept.least, kept.most, kept.sketch
    FROM {table} AS kept JOIN {known} ON {same}
    WHERE kept.project_id = %(project)s AND ({when})
        AND kept.day_id >= day_of_id(%(oldest)s)
        AND kept.day_id <= day_of_id(%(youngest)s)
"""

# Grouped by numbers: to compare lists of texts for each row took most of the time.
_SUMS = """
WITH {chosen}, {told}, sums AS (
    SELECT number, bucket, sum(count) AS count, sum(total) AS total, min(least) AS least,
        max(most) AS most
    FROM told GROUP BY 1, 2 ORDER BY count DESC LIMIT %(limit)s
){sketches}
SELECT groups, bucket, count, total, least, most, {bins}
FROM sums {joined}
JOIN (SELECT DISTINCT ON (number) number, groups FROM chosen) AS named USING (number)
"""
_SKETCHES = """, sketches AS (
    SELECT number, bucket, array_agg(bin) AS bins, array_agg(weight) AS weights
    FROM (
        SELECT number, bucket, bin, sum(weight) AS weight FROM ({parts}) AS part GROUP BY 1, 2, 3
    ) AS added
    GROUP BY 1, 2
)"""

_ADDED = """
told AS NOT MATERIALIZED (
    SELECT number, at / %(every)s AS bucket, count, total, least, most, sketch
    FROM ({rows}) AS kept
)
"""
_ADDED_PARTS = """
SELECT number, bucket, bin, weight
FROM told, unnest((sketch).bins, (sketch).weights) AS part (bin, weight)
"""

# What accumulates, by what it gained: of each series and step what it had counted at its end, less
# what it had before. One that is smaller began anew, and what was first heard of about then began
# then: all that it had counted is new.
_GAINED = """
furthest AS (
    SELECT DISTINCT ON (key, bucket) number, key, last, count, total, least, most, sketch,
        last >= extract(epoch FROM made_at) / 60 - %(fresh)s AS fresh,
        CASE WHEN last < %(start)s THEN -1 ELSE last / %(every)s END AS bucket
    FROM ({rows}) AS kept
    ORDER BY key, bucket, last DESC, count DESC
), paired AS (
    SELECT *, lag(count) OVER earlier AS counted, lag(total) OVER earlier AS totalled,
        lag(sketch) OVER earlier AS sketched
    FROM furthest WINDOW earlier AS (PARTITION BY key ORDER BY bucket)
), judged AS (
    SELECT *, coalesce(count < counted OR total < totalled, true) AS anew
    FROM paired WHERE bucket >= 0 AND (fresh OR counted IS NOT NULL)
), gained AS (
    SELECT number, key, bucket, count - CASE WHEN anew THEN 0 ELSE counted END AS count,
        total - CASE WHEN anew THEN 0 ELSE totalled END AS total, least, most, sketch,
        CASE WHEN NOT anew THEN sketched END AS earlier
    FROM judged
), told AS MATERIALIZED (
    SELECT * FROM gained WHERE count <> 0 OR total <> 0
)
"""
_GAINED_PARTS = """
SELECT number, bucket, bin, sum(weight) AS weight
FROM (
    SELECT number, key, bucket, bin, weight
    FROM told, unnest((sketch).bins, (sketch).weights) AS part (bin, weight)
    UNION ALL
    SELECT number, key, bucket, bin, -weight
    FROM told, unnest((earlier).bins, (earlier).weights) AS part (bin, weight)
) AS signed
GROUP BY number, key, bucket, bin HAVING sum(weight) > 0
"""

_STALE = """
SELECT DISTINCT width, at FROM stale_rollups
WHERE type = %s AND project_id = %s AND at > %s AND at < %s
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
        self._tables = _tables_of(type_name)

    @contextmanager
    def snapshot(self, project_id: int) -> Iterator[Snapshot]:
        """All that is asked of it is of one moment."""
        with self._database.transaction() as cursor:
            # The lock comes before the moment: so no day is made anew between the two. In the order
            # in which partitions come and go.
            tables = (table for table in self._tables if table is not None)
            names = sql.SQL(", ").join(sql.SQL("ONLY {}").format(sql.Identifier(t)) for t in tables)
            cursor.execute(
                sql.SQL(
                    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;"
                    " LOCK TABLE {} IN ACCESS SHARE MODE"
                ).format(names)
            )
            kept = self._terms.floors_of(cursor).first_id(project_id, self._type)
            yield Snapshot(cursor, self._type, self._tables, project_id, kept)

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
        with self.snapshot(project_id) as snapshot:
            return snapshot.sums(span, by=by, name=name, labels=labels, kind=kind)

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


class Snapshot:
    """What a project's events of a type were counted to at one moment (:meth:`Minutes.snapshot`).

    Of a time it reads the widest slots that are exact, and minutes for the rest, so that nothing is
    counted twice or missing (:mod:`storage.sql.slots`).
    """

    def __init__(
        self, cursor: Cursor, type_name: str, tables: _Tables, project_id: int, kept: UUID
    ) -> None:
        self._cursor = cursor
        self._type = type_name
        self._tables = tables
        self._project = project_id
        self._kept = kept
        self._known_stale: dict[tuple[int, int], Collection[Stale]] = {}

    def sums(
        self,
        span: Span,
        *,
        by: Sequence[str] = (),
        name: str | None = None,
        labels: Mapping[str, str] | None = None,
        kind: str | None = None,
        one_of: tuple[str, Collection[str]] | None = None,
        among: Collection[tuple[str | None, ...]] | None = None,
        quantiles: bool = True,
    ) -> list[Sum]:
        """What was counted, added up by labels (or ``name``) and time; the larger sums first.

        ``one_of`` is a label and the values that it may have. ``among`` are the only groups wanted,
        by the first labels of ``by``, of which the first is ``name``. Without ``quantiles`` the
        sums have no distribution, and are read much faster.
        """
        values = {
            "project": self._project,
            "type": self._type,
            "name": name,
            "kind": kind,
            "labels": orjson.dumps(dict(labels or {})).decode(),
            "start": span.first,
            "every": span.every,
            "limit": MAX_SUMS,
            "fresh": _FRESH,
        }
        chosen = _chosen(by, one_of, among, values)
        whole = name is None and kind is None and among is None and "name" not in by
        totals = self._tables.totals if whole else None
        told = self._pieces(span, span.first, span.after, totals=totals is not None)
        rows = self._rows(told, wider=totals or self._tables.rollups)
        added = sql.SQL(_ADDED).format(rows=rows)
        statement = _sums(chosen, added, _ADDED_PARTS if quantiles else None)
        found = self._found(statement, {**values, "cumulative": False}, span, span.first)
        # What is totalled over names never accumulates.
        if self._tables.totals is None:
            before = span.first - _BEFORE
            told = self._pieces(span, before, span.first)
            told += self._pieces(span, span.first, span.after)
            gained = sql.SQL(_GAINED).format(rows=self._rows(told, wider=self._tables.rollups))
            statement = _sums(chosen, gained, _GAINED_PARTS if quantiles else None)
            found += self._found(statement, {**values, "cumulative": True}, span, before)
        return _joined(found)

    def _found(
        self, statement: sql.Composed, values: Mapping[str, Any], span: Span, first: int
    ) -> list[Sum]:
        """The sums of a statement about what was counted from ``first`` on."""
        # The ids of events that may tell of that time (:func:`events.origin.minute_of`).
        oldest = first_id(max(0, first - AHEAD_MINUTES) * 60_000)
        youngest = first_id((span.after + PAST_MINUTES) * 60_000)
        bounds = {"oldest": max(oldest, self._kept), "youngest": youngest}
        self._cursor.execute(statement, {**values, **bounds})
        return [
            Sum(tuple(groups), _at(bucket, span), distribution(*value))
            for groups, bucket, *value in self._cursor
        ]

    def _pieces(self, span: Span, first: int, after: int, *, totals: bool = False) -> list[Piece]:
        """What tells of a time; slots only where each lies in one step of the span."""
        if self._tables.rollups is None:
            return [Piece(RAW, first, after)]
        one = first // span.every == (after - 1) // span.every
        widths = {width for width in WIDTHS if one or not span.every % width}
        widths |= {MINUTE} if totals else set()
        return pieces(first, after, widths, self._stale(first, after))

    def _stale(self, first: int, after: int) -> Collection[Stale]:
        """Slots of a time that are not exact: the same for all that is asked of a snapshot."""
        if (first, after) not in self._known_stale:
            self._cursor.execute(_STALE, (self._type, self._project, first - WIDEST, after))
            self._known_stale[first, after] = {Stale(*row) for row in self._cursor}
        return self._known_stale[first, after]

    def _rows(self, told: Sequence[Piece], wider: str | None) -> sql.Composable:
        """All rows that tell: minutes, and what ``wider`` has of slots."""
        raw = [_within("minute", piece) for piece in told if piece.width == RAW]
        slots = [
            sql.SQL("kept.width = {} AND {}").format(sql.Literal(piece.width), _within("at", piece))
            for piece in told
            if piece.width != RAW
        ]
        totals = wider is not None and wider == self._tables.totals
        parts = []
        if raw:
            parts.append(_from(self._tables.minutes, raw, at="minute", last="minute"))
        if wider is not None and slots:
            parts.append(
                _from(wider, slots, at="at", last="at" if totals else "last", totals=totals)
            )
        return sql.SQL("UNION ALL").join(parts)


class _Tables(NamedTuple):
    """Tables of what is counted; null what a type has not. In the order of their partitions."""

    minutes: str
    rollups: str | None
    totals: str | None


def _tables_of(type_name: str) -> _Tables:
    minutes, rollups, totals = (f"{type_name}_{name}" for name in ("minutes", "rollups", "totals"))
    derived = derived_tables(type_name)
    if minutes not in derived:
        raise ValueError(f"events of type {type_name} are not counted by the minute")
    return _Tables(
        minutes, rollups if rollups in derived else None, totals if totals in derived else None
    )


def _chosen(
    by: Sequence[str],
    one_of: tuple[str, Collection[str]] | None,
    among: Collection[tuple[str | None, ...]] | None,
    values: dict[str, Any],
) -> sql.Composed:
    """The series that are asked for; adds to the statement's values."""
    parts = [
        sql.SQL("series.name")
        if label == "name"
        else sql.SQL("series.labels ->> {}").format(sql.Literal(label))
        for label in by
    ]
    narrowed = sql.Composed([])
    if one_of is not None:
        narrowed += sql.SQL(_ONE_OF)
        values["label"], values["one_of"] = one_of[0], list(one_of[1])
    if among is not None:
        listed = sorted(among, key=str)
        values["names"] = [groups[0] for groups in listed]
        values["among"] = [orjson.dumps(groups).decode() for groups in listed]
        wanted = parts[: len(listed[0])] if listed else parts
        narrowed += sql.SQL(_AMONG).format(groups=sql.SQL(", ").join(wanted))
    chosen = sql.SQL("ARRAY[{}]::text[]").format(sql.SQL(", ").join(parts))
    return sql.SQL(_CHOSEN).format(by=chosen, narrowed=narrowed)


def _sums(chosen: sql.Composed, told: sql.Composed, parts: str | None) -> sql.Composed:
    """The statement of sums; of their distributions too where it has ``parts`` to add up."""
    sketches: sql.Composable = sql.SQL("")
    if parts is not None:
        sketches = sql.SQL(_SKETCHES).format(parts=sql.SQL(parts))
    return sql.SQL(_SUMS).format(
        chosen=chosen,
        told=told,
        sketches=sketches,
        joined=sql.SQL("LEFT JOIN sketches USING (number, bucket)" if parts else ""),
        bins=sql.SQL("bins, weights" if parts else "NULL, NULL"),
    )


def _from(
    table: str, when: Sequence[sql.Composed], *, at: str, last: str, totals: bool = False
) -> sql.Composed:
    known, same = sql.SQL("chosen"), sql.SQL("chosen.key = kept.series")
    if totals:
        known = sql.SQL("(SELECT DISTINCT ON (labels) * FROM chosen) AS chosen")
        same = sql.SQL("chosen.labels = kept.labels")
    return sql.SQL(_FROM).format(
        table=sql.Identifier(table),
        at=sql.Identifier(at),
        last=sql.Identifier(last),
        known=known,
        same=same,
        when=sql.SQL(" OR ").join(when),
    )


def _within(column: str, piece: Piece) -> sql.Composed:
    return sql.SQL("kept.{column} >= {first} AND kept.{column} < {after}").format(
        column=sql.Identifier(column),
        first=sql.Literal(piece.first),
        after=sql.Literal(piece.after),
    )


def _at(bucket: int, span: Span) -> datetime:
    return datetime.fromtimestamp(bucket * span.every * 60, UTC)


def _joined(found: Sequence[Sum]) -> list[Sum]:
    """Sums of the same groups and time as one."""
    parts: dict[tuple[tuple[str | None, ...], datetime], list[Distribution]] = defaultdict(list)
    for one in found:
        parts[one.groups, one.at].append(one.value)
    sums = [Sum(groups, at, together(values)) for (groups, at), values in parts.items()]
    return sorted(sums, key=lambda one: -one.value.count)[:MAX_SUMS]
