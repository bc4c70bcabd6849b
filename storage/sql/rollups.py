"""Rollups: minutes added up for slots of 10 minutes to a day, made anew whenever they changed.

Whatever changes a minute notes its slot in ``stale_rollups``, in the same transaction (triggers on
the event tables, and the procedure that derives a day). A slot is made anew in one transaction:
first the notes that it sees are taken off, then its minutes are read, so a note is gone only when
what it told of is in the slot. A kill leaves the notes, or all of it done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from psycopg2 import sql

from config.policy import EVENT_TYPES
from events.ids import Clock, now_ms
from storage.sql.connection import Cursor
from storage.sql.database import Database
from storage.sql.locks import PARTITIONS, ROLLUPS, hold_alone, hold_shared
from storage.sql.slots import MINUTE, NARROWEST, WIDEST, WIDTHS
from storage.sql.tables import derived_tables

#: A slot is left alone for so many minutes after its end: what is on its way comes in.
SETTLED = 2
#: One that ended longer ago waits for more of what is late: for this part of its age,
_PATIENCE = 16
#: and so many minutes at most.
_LONGEST = 60
_AT_ONCE = 200

_DUE = """
SELECT day_id, project_id, at FROM (
    SELECT day_id, project_id, at, min(made_at) AS since,
        %(now)s - at - %(width)s AS age
    FROM stale_rollups WHERE type = %(type)s AND width = %(width)s AND at <= %(now)s - %(width)s
    GROUP BY 1, 2, 3
) AS slot
WHERE age >= %(settled)s
    AND since <= to_timestamp(%(now)s * 60) - make_interval(mins => least(age / %(part)s, %(most)s))
    AND NOT EXISTS (
        SELECT FROM stale_rollups AS within
        WHERE within.type = %(type)s AND within.project_id = slot.project_id
            AND within.day_id = slot.day_id AND within.width < %(width)s
            AND within.at >= slot.at AND within.at < slot.at + %(width)s
    )
ORDER BY at DESC LIMIT %(limit)s
"""
_WAITING = """
SELECT count(DISTINCT (day_id, project_id, at)) FROM stale_rollups WHERE type = %s AND width = %s
"""
_TAKE_OFF = """
WITH gone AS (
    DELETE FROM stale_rollups
    WHERE type = %(type)s AND width = %(slot)s AND day_id = %(day)s AND project_id = %(project)s
        AND at = %(at)s
    RETURNING made_at
)
SELECT min(made_at)::text FROM gone
"""
# Since the same time: what was waited for need not be waited for again.
_NOTE = """
INSERT INTO stale_rollups (type, width, day_id, project_id, at, made_at)
VALUES (%(type)s, %(wider)s, %(day)s, %(project)s, %(at)s / %(wider)s * %(wider)s,
    %(since)s)
"""
_CLEAR = """
DELETE FROM {target}
WHERE day_id = %(day)s AND project_id = %(project)s AND width = ANY(%(widths)s::int2[])
    AND at >= %(at)s AND at < %(at)s + %(slot)s
"""

# Rows of ``told`` as one, told apart by {who}.
_ADDED = """
sums AS (
    SELECT {who}, max(last) AS last, sum(count) AS count, sum(total) AS total,
        min(least) AS least, max(most) AS most
    FROM told GROUP BY {who}
), sketches AS (
    SELECT {who}, ROW(array_agg(bin ORDER BY bin), array_agg(weight ORDER BY bin))::sketch AS sketch
    FROM (
        SELECT {who}, bin, sum(weight) AS weight
        FROM told, unnest((sketch).bins, (sketch).weights) AS part (bin, weight)
        GROUP BY {who}, bin
    ) AS added
    GROUP BY {who}
)
"""
_SERIES = """
INSERT INTO {target}
    (day_id, project_id, series, width, at, last, count, total, least, most, sketch)
WITH every AS MATERIALIZED (
    SELECT kept.series, kept.{last} AS last, kept.count, kept.total, kept.least, kept.most,
        kept.sketch, series.cumulative
    FROM {source} AS kept JOIN series ON series.project_id = %(project)s
        AND series.type = %(type)s AND series.key = kept.series
    WHERE {slot}
), told AS (
    SELECT * FROM every WHERE NOT cumulative
), {added}, furthest AS (
    SELECT DISTINCT ON (series) series, last, count, total, least, most, sketch
    FROM every WHERE cumulative ORDER BY series, last DESC
)
SELECT %(day)s, %(project)s, series, %(width)s, %(at)s, last, count, total, least, most, sketch
FROM (
    SELECT series, last, count, total, least, most, sketch
    FROM sums LEFT JOIN sketches USING (series)
    UNION ALL SELECT * FROM furthest
) AS made
"""
# Of minutes: by labels and minute.
_TOTALS = """
INSERT INTO {target} (day_id, project_id, labels, width, at, count, total, least, most, sketch)
WITH named AS MATERIALIZED (
    SELECT key, labels, dense_rank() OVER (ORDER BY labels)::integer AS number
    FROM series WHERE project_id = %(project)s AND type = %(type)s AND NOT cumulative
), told AS MATERIALIZED (
    SELECT named.number, kept.minute AS last, kept.minute, kept.count, kept.total, kept.least,
        kept.most, kept.sketch
    FROM {source} AS kept JOIN named ON named.key = kept.series
    WHERE {slot}
), {added}
SELECT %(day)s, %(project)s, labels, %(width)s, minute, count, total, least, most, sketch
FROM sums LEFT JOIN sketches USING (number, minute)
JOIN (SELECT DISTINCT number, labels FROM named) AS known USING (number)
"""
# Of narrower slots: by labels.
_WIDER_TOTALS = """
INSERT INTO {target} (day_id, project_id, labels, width, at, count, total, least, most, sketch)
WITH told AS MATERIALIZED (
    SELECT labels, at AS last, count, total, least, most, sketch FROM {source} AS kept WHERE {slot}
), {added}
SELECT %(day)s, %(project)s, labels, %(width)s, %(at)s, count, total, least, most, sketch
FROM sums LEFT JOIN sketches USING (labels)
"""
_SLOT = """
kept.day_id = %(day)s AND kept.project_id = %(project)s
    AND kept.{at} >= %(at)s AND kept.{at} < %(at)s + %(slot)s
"""


class Slot(NamedTuple):
    """What was counted for a project in ``width`` minutes from ``at`` on, of a day of ids."""

    width: int
    day_id: UUID
    project_id: int
    at: int


def rolled_types() -> tuple[str, ...]:
    """Names of the types of which there are rollups."""
    names = (policy.name for policy in EVENT_TYPES)
    return tuple(name for name in names if f"{name}_rollups" in derived_tables(name))


class Rollups:
    """Makes the slots of a type anew. Every method raises :class:`StoreDown`; any number of
    processes may call it at once.
    """

    def __init__(self, database: Database, type_name: str, clock: Clock = now_ms) -> None:
        self._database = database
        self.type = type_name
        self._clock = clock
        self._totals = f"{type_name}_totals" in derived_tables(type_name)

    def roll(self, go_on: Callable[[], bool]) -> int:
        """Make what is due anew, narrow slots first, while ``go_on`` says so; how many."""
        made = 0
        for width in WIDTHS:
            while due := self.due(width):
                for slot in due:
                    if not go_on():
                        return made
                    made += self.make(slot)
        return made

    def due(self, width: int) -> list[Slot]:
        """Slots to be made anew now, the youngest first: not all, where there are many."""
        values = {
            "type": self.type,
            "width": width,
            "now": self._clock() // 60_000,
            "settled": SETTLED,
            "part": _PATIENCE,
            "most": _LONGEST,
            "limit": _AT_ONCE,
        }
        with self._database.transaction() as cursor:
            cursor.execute(_DUE, values)
            return [Slot(width, *row) for row in cursor]

    def waiting(self) -> int:
        """How many narrow slots are not as their minutes are, those of just now among them."""
        with self._database.transaction() as cursor:
            cursor.execute(_WAITING, (self.type, NARROWEST))
            ((count,),) = cursor.fetchall()
            return int(count)

    def make(self, slot: Slot) -> bool:
        """Make a slot anew from what is narrower; false when another process did."""
        values = {
            "type": self.type,
            "day": slot.day_id,
            "project": slot.project_id,
            "at": slot.at,
            "slot": slot.width,
        }
        with self._database.transaction() as cursor:
            # No partition comes or goes meanwhile.
            hold_shared(cursor, PARTITIONS)
            hold_alone(cursor, ROLLUPS)
            cursor.execute(_TAKE_OFF, values)
            ((since,),) = cursor.fetchall()
            if since is None:
                return False
            self._roll_series(cursor, slot.width, values)
            if self._totals:
                self._roll_totals(cursor, slot.width, values)
            if slot.width != WIDEST:
                wider = WIDTHS[WIDTHS.index(slot.width) + 1]
                cursor.execute(_NOTE, {**values, "wider": wider, "since": since})
        return True

    def _roll_series(self, cursor: Cursor, width: int, values: Mapping[str, Any]) -> None:
        table = f"{self.type}_rollups"
        narrower = _narrower(width)
        cursor.execute(_clear(table), {**values, "widths": [width]})
        statement = _statement(
            _SERIES,
            table,
            who="series",
            last="last" if narrower else "minute",
            source=table if narrower else f"{self.type}_minutes",
            at="at" if narrower else "minute",
            narrower=narrower,
        )
        cursor.execute(statement, {**values, "width": width})

    def _roll_totals(self, cursor: Cursor, width: int, values: Mapping[str, Any]) -> None:
        table = f"{self.type}_totals"
        narrower = _narrower(width)
        made = [width] if narrower else [MINUTE, width]
        cursor.execute(_clear(table), {**values, "widths": made})
        if not narrower:
            minutes = f"{self.type}_minutes"
            by_minute = _statement(
                _TOTALS, table, who="number, minute", source=minutes, at="minute"
            )
            cursor.execute(by_minute, {**values, "width": MINUTE})
        wider = _statement(
            _WIDER_TOTALS, table, who="labels", source=table, at="at", narrower=narrower or MINUTE
        )
        cursor.execute(wider, {**values, "width": width})


def _narrower(width: int) -> int | None:
    """The width of the slots that one is made of; null: of minutes."""
    return None if width == NARROWEST else WIDTHS[WIDTHS.index(width) - 1]


def _clear(table: str) -> sql.Composed:
    return sql.SQL(_CLEAR).format(target=sql.Identifier(table))


def _statement(
    text: str,
    target: str,
    *,
    who: str,
    source: str,
    at: str,
    last: str = "last",
    narrower: int | None = None,
) -> sql.Composed:
    """A statement that fills ``target`` from ``source``, or from its slots of a narrower width."""
    slot = sql.SQL(_SLOT).format(at=sql.Identifier(at))
    if narrower is not None:
        slot += sql.SQL(" AND kept.width = {}").format(sql.Literal(narrower))
    return sql.SQL(text).format(
        target=sql.Identifier(target),
        source=sql.Identifier(source),
        last=sql.Identifier(last),
        slot=slot,
        added=sql.SQL(_ADDED).format(who=sql.SQL(who)),
    )
