"""``bench pages``: first bytes of the dashboard's pages, with a million occurrences of one group.

Events are written into the three stores as the stages write them, spread over a month; five hundred
other groups have a tenth of them. Each page is asked for in turn, as somebody does who reads.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import random
import statistics
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from bench.ground import Ground, ground, wait_until
from bench.payloads import CrashSource
from bench.workload import Run, measured
from events.envelope import Envelope
from events.ids import new_id, now_ms
from events.record import Record
from events.registry import event_type
from ops.stack.readiness import web_trouble
from storage.files.store import FileStore
from storage.search.store import SearchStore
from storage.sql.database import Database
from storage.sql.group_filter import GroupFilter
from storage.sql.groups import Groups
from storage.sql.packs import Packs
from storage.sql.tokens import Tokens

EVENTS, SHORT_EVENTS = 1_000_000, 10_000
OTHER_GROUPS = 500
PACK_EVENTS = 2_000
TELL_EVENTS = 100_000
"""How far apart it tells of its progress."""
CALLS, SHORT_CALLS = 200, 20
MONTH_MS = 30 * 86_400_000
TOKEN = "bench-token-of-pages"
LIST_MS, CRASH_MS, OPERATIONS_MS = 150, 200, 100
"""What a list, a crash and an operators' page may take, 95 of 100 times."""


def main(options: argparse.Namespace) -> None:
    events = options.events or (SHORT_EVENTS if options.short else EVENTS)

    def once(run: Run) -> list[dict[str, Any]]:
        with ground(lambda _: None) as place:
            run.say(f"storing {events:,} occurrences of a group, and a tenth more of others")
            ids = Filling(place, options.seed, run).fill(events)
            return read_pages(place, ids, SHORT_CALLS if options.short else CALLS, run)

    options.runs = 1  # a run stores a million
    measured("pages", options, once)


class Filling:
    """Writes events into all three stores. Bodies repeat from pack to pack, for the sake of time:
    stores do not know.
    """

    def __init__(self, place: Ground, seed: int, run: Run) -> None:
        self._place = place
        self._run = run
        self._stored = 0
        self._files = FileStore(place.settings)
        self._search = SearchStore(place.settings, 60.0)
        self._random = random.Random(seed)
        self._one = self._bodies(CrashSource(seed, bugs=1))
        self._others = self._bodies(CrashSource(seed + 1, bugs=OTHER_GROUPS))

    def fill(self, events: int) -> list[UUID]:
        """Some of the ids of the large group."""
        self._search.ensure_schema()
        database = Database(self._place.settings.postgres_dsn, max_connections=2)
        try:
            packs = Packs(database)
            kept: list[UUID] = []
            for size in _sizes(events):
                kept += self._pack(packs, self._one, size)[:5]
            for size in _sizes(events // 10):
                self._pack(packs, self._others, size)
        finally:
            database.close()
            self._search.close()
        return kept

    def _bodies(self, source: CrashSource) -> list[tuple[bytes, Record]]:
        kind = event_type("crash")
        made = []
        for _ in range(PACK_EVENTS):
            body = source.crash()
            envelope = Envelope(
                new_id(now_ms()), self._place.project_id, "crash", "raygun.entry", body
            )
            made.append((body, kind.normalise(envelope)))
        return made

    def _pack(self, packs: Packs, bodies: Sequence[tuple[bytes, Record]], size: int) -> list[UUID]:
        """Events of about one time, as a pack has them."""
        at = now_ms() - self._random.randrange(MONTH_MS)
        envelopes = [
            Envelope(new_id(at + n), self._place.project_id, "crash", "raygun.entry", body)
            for n, (body, _) in enumerate(bodies[:size])
        ]
        records = [
            replace(record, id=envelope.id)
            for envelope, (_, record) in zip(envelopes, bodies, strict=False)
        ]
        ref, locations = self._files.write_pack(envelopes, new_id(at))
        items = [(one, "raygun.entry", locations[one.id]) for one in records]
        packs.store(ref, datetime.now(UTC), items)
        self._search.index("crash", records)
        packs.mark_searched(ref.id, datetime.now(UTC))
        self._tell(size)
        return [envelope.id for envelope in envelopes]

    def _tell(self, size: int) -> None:
        before, self._stored = self._stored, self._stored + size
        if self._stored // TELL_EVENTS > before // TELL_EVENTS:
            self._run.say(f"{self._stored:,} stored")


def _sizes(events: int) -> Iterator[int]:
    for start in range(0, events, PACK_EVENTS):
        yield min(PACK_EVENTS, events - start)


def read_pages(place: Ground, ids: Sequence[UUID], calls: int, run: Run) -> list[dict[str, Any]]:
    """One row a page: milliseconds to the first byte, what it weighs, and what it asked."""
    number = _prepare(place)
    place.start("web", place.part("web"))
    url = f"http://127.0.0.1:{place.environment['SLUICE_WEB_PORT']}"
    wait_until("the web tier is ready", lambda: web_trouble(url) is None)
    pick = random.Random(1)
    group = f"/p/bench/g/{number}"
    some = pick.choices(list(ids), k=calls)
    pages: dict[str, tuple[list[str], int]] = {
        "groups": (["/p/bench/groups"] * calls, LIST_MS),
        "groups by users": (["/p/bench/groups?sort=users&status=new"] * calls, LIST_MS),
        "groups by their events": (["/p/bench/groups?query=tag:region-3"] * calls, LIST_MS),
        "releases": (["/p/bench/releases"] * calls, LIST_MS),
        "occurrences": ([f"{group}/occurrences"] * calls, LIST_MS),
        "occurrences filtered": ([f"{group}/occurrences?q=tag:region-3"] * calls, LIST_MS),
        "group": ([group] * calls, CRASH_MS),
        "occurrence in its group": ([f"{group}/o/{one}" for one in some], CRASH_MS),
        "occurrence filtered": ([f"{group}/o/{one}?q=tag:region-3" for one in some], CRASH_MS),
        "occurrence": ([f"/o/{one}" for one in some], CRASH_MS),
        "operations": (["/ops"] * calls, OPERATIONS_MS),
        "queue": (["/ops/queues/crash.files"] * calls, OPERATIONS_MS),
        "dead letters": (["/ops/dead"] * calls, OPERATIONS_MS),
        "ledger": (["/ops/ledger"] * calls, OPERATIONS_MS),
    }
    rows = []
    for name, (paths, budget) in pages.items():
        rows.append({"page": name, "budget_ms": budget, **first_bytes(place, paths)})
        run.say(f"{rows[-1]}")
    return rows


def _prepare(place: Ground) -> int:
    """A token to read with, statistics as autovacuum makes them; the large group's number."""
    database = Database(place.settings.postgres_dsn, max_connections=1)
    try:
        Tokens(database).create("bench", TOKEN)
        with database.transaction() as cursor:
            cursor.execute("ANALYZE")
        wanted = GroupFilter(datetime.now(UTC), place.project_id)
        found = Groups(database).list(wanted, "count", limit=1).items[0]
    finally:
        database.close()
    return found.number or 0


def first_bytes(place: Ground, paths: Sequence[str]) -> dict[str, Any]:
    """How long pages take to begin, asked for in turn by who holds :data:`TOKEN`."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", int(place.environment["SLUICE_WEB_PORT"]), timeout=60
    )
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept": "text/html"}
    _ask(connection, paths[0], headers)  # the first opens connections, which is no part of it
    took, body, asked = [], b"", ""
    for path in paths:
        begun = time.perf_counter()
        connection.request("GET", urllib.parse.quote(path, safe="/?=&:"), headers=headers)
        answer = connection.getresponse()
        took.append((time.perf_counter() - begun) * 1000)
        body, asked = answer.read(), answer.headers.get("Server-Timing", "")
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:200]!r}")
    connection.close()
    cuts = statistics.quantiles(took, n=20, method="inclusive")
    return {
        "p50_ms": round(statistics.median(took), 1),
        "p95_ms": round(cuts[18], 1),
        "bytes": len(body),
        "packed_bytes": len(gzip.compress(body)),
        "asked": asked,
    }


def _ask(connection: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> None:
    connection.request("GET", path, headers=headers)
    connection.getresponse().read()
