"""``bench performance``: first bytes of pages of performance over an hour to 14 days.

A project has 1,000 series that count in every minute, as 10 services with 50 operations have, each
with spans that went well and that failed. Their minutes are written into SQL, and rolled up as the
periodic task does.
"""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from bench.ground import Ground, ground, wait_until
from bench.pages import TOKEN, first_bytes
from bench.workload import Run, measured
from events.series import Series, labels_of, series
from ops.stack.readiness import web_trouble
from storage.sql.database import Database
from storage.sql.partitions import Partitions
from storage.sql.rollups import Rollups
from storage.sql.tokens import Tokens

HOURS, SHORT_HOURS = 336, 12
CALLS, SHORT_CALLS = 50, 5
BUDGET_MS = 300
"""What a page may take, 95 of 100 times."""
_SERVICES, _OPERATIONS = 10, 50
_CATEGORIES = ("http.server", "db", "http.client", "cache", "function")
_STATEMENT_SECONDS = 300.0

_SERIES = """
INSERT INTO series (project_id, type, key, name, kind, unit, labels, cumulative)
VALUES (%s, 'trace', %s, %s, %s, %s, %s, false)
"""
# An hour. Each minute of a series has 30 spans in 12 bins of its own.
_MINUTES = """
INSERT INTO trace_minutes
    (day_id, project_id, series, minute, count, total, least, most, sketch)
SELECT day_of_id((lpad(to_hex(minute::bigint * 60000), 12, '0') || '70008000000000000000')::uuid),
    %(project)s, key, minute, 30, 3000, 20, 900,
    ROW(
        ARRAY(SELECT base + step FROM unnest(ARRAY[0,2,3,5,6,7,8,10,11,12,15,30]) AS step),
        ARRAY[1 + random() / 1000, 1, 2, 4, 5, 5, 4, 3, 2, 1, 1, 1]
    )::sketch
FROM (
    SELECT key, minute, 2150 + (abs(key) %% 200)::int + ((minute * 7 + abs(key)) %% 20)::int AS base
    FROM series, generate_series(%(first)s, %(first)s + 59) AS minute
    WHERE type = 'trace' AND project_id = %(project)s
) AS told
"""


def main(options: argparse.Namespace) -> None:
    hours = SHORT_HOURS if options.short else HOURS

    def once(run: Run) -> list[dict[str, Any]]:
        with ground(lambda _: None) as place:
            fill(place, hours, run)
            return read_pages(place, hours, SHORT_CALLS if options.short else CALLS, run)

    options.runs = 1  # a run stores 20 million minutes
    measured("performance", options, once)


def fill(place: Ground, hours: int, run: Run) -> None:
    """Write the minutes of so many hours, and roll up those that are over."""
    database = Database(place.settings.postgres_dsn, max_connections=1, timeout=_STATEMENT_SECONDS)
    try:
        Tokens(database).create("bench", TOKEN)
        now = datetime.now(UTC)
        days = {(now - timedelta(hours=hour)).date() for hour in range(hours + 1)}
        Partitions(database).ensure("trace", days)
        with database.transaction() as cursor:
            for one in _all_series():
                labels = orjson.dumps(dict(one.labels)).decode()
                row = (place.project_id, one.key, one.name, one.kind, one.unit, labels)
                cursor.execute(_SERIES, row)
        minute = int(now.timestamp()) // 60
        for hour in range(hours, 0, -1):
            values = {"project": place.project_id, "first": minute - 60 * hour}
            with database.transaction() as cursor:
                cursor.execute(_MINUTES, values)
        with database.transaction() as cursor:
            cursor.execute("CALL mark_rollups_of('trace')")
            cursor.execute("ANALYZE")
        run.say(f"{60 * hours * _SERVICES * _OPERATIONS * 2:,} minutes of series are stored")
        begun = time.monotonic()
        slots = Rollups(database, "trace").roll(lambda: True)
        run.say(f"{slots:,} slots were rolled up in {time.monotonic() - begun:.0f} s")
        with database.transaction() as cursor:
            cursor.execute("ANALYZE")
    finally:
        database.close()


def read_pages(place: Ground, hours: int, calls: int, run: Run) -> list[dict[str, Any]]:
    """One row a page and time."""
    place.start("web", place.part("web"))
    url = f"http://127.0.0.1:{place.environment['SLUICE_WEB_PORT']}"
    wait_until("the web tier is ready", lambda: web_trouble(url) is None)
    rows = []
    for page in ("apm", "apm?sort=p95", "health", "apm/op-1"):
        for length in (1, 6, 24, 168, 336):
            if length > hours:
                continue
            path = f"/p/bench/{page}{'&' if '?' in page else '?'}hours={length}"
            told = first_bytes(place, [path] * calls)
            rows.append({"page": page, "hours": length, "budget_ms": BUDGET_MS, **told})
            run.say(f"{rows[-1]}")
    return rows


def _all_series() -> list[Series]:
    return [
        series(
            f"op-{operation}",
            "span",
            "ms",
            labels_of(
                [
                    ("service", f"service-{service}"),
                    ("environment", "production"),
                    ("category", _CATEGORIES[operation % len(_CATEGORIES)]),
                    ("status", status),
                ]
            ),
        )
        for service in range(_SERVICES)
        for operation in range(_OPERATIONS)
        for status in ("ok", "error")
    ]
