"""Series of a project, bounded: what would be one too many counts under the rest of its like.

Which series an event counts under is decided once, when its row is made, and stands in the row: so
what is added to the minutes can be taken off again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
from psycopg2 import sql

from events.record import Column, Record
from events.series import OTHER, Series
from events.series import series as make_series
from storage.sql.arrays import array_literal, insert_rows
from storage.sql.connection import Cursor
from storage.sql.tables import derived_tables, own_columns

_COLUMNS = (
    Column("project_id", "int4"),
    Column("type", "text"),
    Column("key", "int8"),
    Column("name", "text"),
    Column("kind", "text"),
    Column("unit", "text"),
    Column("labels", "jsonb"),
    Column("cumulative", "boolean"),
)
_KEY = 3

_KNOWN = """
SELECT known.project_id, known.key FROM series AS known
JOIN unnest(%s::int4[], %s::int8[]) AS wanted (project_id, key) USING (project_id, key)
WHERE type = %s
"""
_REFUSED = """
INSERT INTO series_refused AS kept (project_id, type, times) VALUES (%s, %s, %s)
ON CONFLICT (project_id, type) DO UPDATE SET times = kept.times + excluded.times, last_at = now()
"""

_Of = dict[int, dict[int, Series]]
"""Series by project and key."""

MAX_SERIES = 10_000
"""Of one type and project. A tenth more is kept for the rests of names."""
_RESTS = MAX_SERIES // 10


def admit_series(cursor: Cursor, type_name: str, records: Sequence[Record]) -> Sequence[Record]:
    """The records, each of whose entries names a series that is known from now on.

    While new series come, projects take turns until their transaction ends.
    """
    wanted: _Of = defaultdict(dict)
    for record in records:
        if record.series:
            wanted[record.project_id].update(record.series)
    if not wanted:
        return records
    place = [column.name for column in own_columns(type_name)].index("series")
    moved = _admit(cursor, type_name, wanted)
    return [
        _renamed(record, place, moved[record.project_id]) if record.project_id in moved else record
        for record in records
    ]


def forget_unused(cursor: Cursor, type_name: str) -> None:
    """Forget series of which no minute is left, so that they count for no bound."""
    for table in derived_tables(type_name):
        if table == f"{type_name}_minutes":
            cursor.execute(
                sql.SQL(
                    "DELETE FROM series WHERE type = %s AND made_at < now() - interval '1 hour'"
                    " AND NOT EXISTS (SELECT FROM {} AS kept"
                    " WHERE kept.project_id = series.project_id AND kept.series = series.key)"
                ).format(sql.Identifier(table)),
                (type_name,),
            )


def _renamed(record: Record, place: int, moved: Mapping[int, int]) -> Record:
    keys = record.row[place]
    if moved.keys().isdisjoint(keys):
        return record
    renamed = tuple(moved.get(key, key) for key in keys)
    return replace(record, row=(*record.row[:place], renamed, *record.row[place + 1 :]))


def _admit(cursor: Cursor, type_name: str, wanted: _Of) -> dict[int, dict[int, int]]:
    """Make what is not known yet; which keys count under others, by project."""
    missing = _missing(cursor, type_name, wanted)
    moved: dict[int, dict[int, int]] = {}
    for project_id in sorted(missing):
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('series ' || %s, %s))",
            (type_name, project_id),
        )
        left = _missing(cursor, type_name, {project_id: missing[project_id]}).get(project_id, {})
        moved[project_id] = _make(cursor, type_name, project_id, left)
    return {project_id: keys for project_id, keys in moved.items() if keys}


def _missing(cursor: Cursor, type_name: str, wanted: Mapping[int, Mapping[int, Series]]) -> _Of:
    pairs = [(project_id, key) for project_id, named in wanted.items() for key in named]
    if not pairs:
        return {}
    projects, keys = zip(*pairs, strict=True)
    cursor.execute(_KNOWN, (array_literal(projects), array_literal(keys), type_name))
    known = set(cursor.fetchall())
    missing: _Of = defaultdict(dict)
    for project_id, key in pairs:
        if (project_id, key) not in known:
            missing[project_id][key] = wanted[project_id][key]
    return missing


def _make(
    cursor: Cursor, type_name: str, project_id: int, missing: Mapping[int, Series]
) -> dict[int, int]:
    """Make series up to the bound, and rests a tenth beyond it."""
    if not missing:
        return {}
    cursor.execute(
        "SELECT count(*) FROM series WHERE project_id = %s AND type = %s", (project_id, type_name)
    )
    ((count,),) = cursor.fetchall()
    room = max(0, MAX_SERIES - count)
    made = dict(list(missing.items())[:room])
    over = {key: series for key, series in missing.items() if key not in made}
    rests: dict[int, Series] = {}
    moved: dict[int, int] = {}
    if over:
        cursor.execute(_REFUSED, (project_id, type_name, len(over)))
        wanted = {one.rest.key: one.rest for one in over.values() if one.rest is not None}
        new = _missing(cursor, type_name, {project_id: wanted}).get(project_id, {})
        left = max(0, MAX_SERIES + _RESTS - count - len(made))
        rests, moved = _rests(over, set(list(new)[left:]))
    rows = [_row(project_id, type_name, key, one) for key, one in {**made, **rests}.items()]
    if rows:
        insert_rows(cursor, "series", _COLUMNS, rows, key=_KEY, then="ON CONFLICT DO NOTHING")
    return moved


def _rests(
    over: Mapping[int, Series], refused: Collection[int]
) -> tuple[dict[int, Series], dict[int, int]]:
    """The series that take the place of those that are too many, and which takes whose. ``refused``
    are rests that are too many themselves: for them, one takes all.
    """
    rests: dict[int, Series] = {}
    moved: dict[int, int] = {}
    for key, one in over.items():
        rest = one.rest
        if rest is None or rest.key in refused:
            rest = make_series(OTHER, one.kind, None, (), cumulative=one.cumulative)
        rests[rest.key] = rest
        moved[key] = rest.key
    return rests, moved


def _row(project_id: int, type_name: str, key: int, series: Series) -> tuple[Any, ...]:
    labels = orjson.dumps(dict(series.labels)).decode()
    own = (series.name, series.kind, series.unit, labels, series.cumulative)
    return (project_id, type_name, key, *own)
