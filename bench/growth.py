"""``bench growth``: storing and reading as what is stored grows.

At each size a part is drained, and the API is asked through the web tier: the list of groups, an
event in full, and a search.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import psycopg2

from bench.drain import drain
from bench.ground import Ground, ground, wait_until
from bench.workers import stored
from bench.workload import Run, measured
from ops.stack.readiness import web_trouble
from storage.sql.database import Database
from storage.sql.tokens import Tokens

SIZES = (10_000, 100_000, 1_000_000, 3_000_000)
SHORT_SIZES = (1_000, 5_000)
DRAINED, SHORT_DRAINED = 20_000, 1_000
CALLS, SHORT_CALLS = 200, 20
TOKEN = "bench-token-of-growth"


def main(options: argparse.Namespace) -> None:
    sizes: tuple[int, ...] = SHORT_SIZES if options.short else SIZES
    if options.events:
        sizes = tuple(size for size in sizes if size <= options.events)

    def once(run: Run) -> list[dict[str, Any]]:
        with ground(lambda _: None) as place:
            return grow(place, sizes, options, run)

    options.runs = 1  # a run stores millions
    measured("growth", options, once)


def grow(
    place: Ground, sizes: tuple[int, ...], options: argparse.Namespace, run: Run
) -> list[dict[str, Any]]:
    """One row a size; what lacks is filled in by drains."""
    part = SHORT_DRAINED if options.short else DRAINED
    calls = SHORT_CALLS if options.short else CALLS
    _allow(place)
    place.start("web", place.part("web"))
    wait_until("the web tier is ready", lambda: web_trouble(_url(place)) is None)
    rows = []
    for number, size in enumerate(sizes):
        missing = size - part - stored(place)
        while missing > 0:
            drain(place, min(missing, 200_000), options.seed + number)
            missing = size - part - stored(place)
        row = drain(place, part, options.seed + number + 100)
        rows.append(
            {
                "stored": stored(place),
                "drain_events_per_s": row["events_per_s"],
                **_reading(place, calls, random.Random(number)),
                "cpu": row["cpu"],
            }
        )
        run.say(f"{rows[-1]}")
    return rows


def _allow(place: Ground) -> None:
    database = Database(place.settings.postgres_dsn, max_connections=1)
    try:
        Tokens(database).create("bench", TOKEN)
    finally:
        database.close()


def _reading(place: Ground, calls: int, pick: random.Random) -> dict[str, float]:
    ids = _some_ids(place, calls, pick)
    words = ("class:TimeoutError", "shop", "tag:region-3", "user:user-17", "failed AND checkout")
    paths = {
        "groups": ["/api/v1/groups?project=bench"] * calls,
        "event": [f"/api/v1/events/{event_id}" for event_id in ids],
        "search": [
            f"/api/v1/search?project=bench&q={urllib.parse.quote(pick.choice(words))}"
            for _ in range(calls)
        ],
    }
    return {f"{name}_p95_ms": _p95(place, asked) for name, asked in paths.items()}


def _some_ids(place: Ground, count: int, pick: random.Random) -> list[str]:
    connection = psycopg2.connect(place.settings.postgres_dsn.reveal())
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id::text FROM crash_events TABLESAMPLE SYSTEM (%s) LIMIT 20000",
                (min(100.0, 100 * 20_000 / max(1, stored(place))),),
            )
            found = [row[0] for row in cursor]
    finally:
        connection.close()
    return pick.choices(found, k=count)


def _p95(place: Ground, paths: list[str]) -> float:
    took = []
    for path in paths:
        begun = time.perf_counter()
        _get(place, path)
        took.append((time.perf_counter() - begun) * 1000)
    return round(statistics.quantiles(took, n=20, method="inclusive")[18], 2)


def _get(place: Ground, path: str) -> Any:
    request = urllib.request.Request(
        _url(place) + path, headers={"Authorization": f"Bearer {TOKEN}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{path}: {error.code} {error.read()[:300]!r}") from error


def _url(place: Ground) -> str:
    return f"http://127.0.0.1:{place.environment['SLUICE_WEB_PORT']}"
