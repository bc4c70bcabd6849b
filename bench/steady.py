"""``bench steady``: the highest rate at which accepting and storing run together.

At each rate events are posted one by one over 64 connections, paced by the clock. The rate holds
when the backlog at the end is no larger than a few seconds of it; then a higher one is tried. One
event of each second is looked for in search until it is found. Servers are warmed first, as for
``drain``.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from uuid import UUID

from elasticsearch import ApiError

from bench.backlog import waiting
from bench.drain import warm
from bench.ground import Ground, ground, wait_until
from bench.load import finish_load, http_request, start_load, write_requests
from bench.payloads import CrashSource
from bench.processes import CpuMeter
from bench.workers import start_pools, wait_for_pools
from bench.workload import Run, measured
from ops.stack.readiness import web_trouble
from storage.search.store import SearchStore

SECONDS, SHORT_SECONDS = 180, 15
FIRST_RATE, SHORT_FIRST_RATE = 3000, 200
WARM_EVENTS, SHORT_WARM_EVENTS = 150_000, 1_000
STEP = 1.2
MOST_RATES = 8
BACKLOG_SECONDS = 5
"""How much of a rate may wait at the end and the rate still count as held."""
_DOWN = 1 / STEP


def main(options: argparse.Namespace) -> None:
    before = SHORT_WARM_EVENTS if options.short else WARM_EVENTS

    def once(run: Run) -> list[dict[str, Any]]:
        with ground(lambda _: None) as place:
            warm(place, before, options.seed)
            return Steady(place, options, run).climb()

    options.runs = 1  # a run is a search over rates, each of minutes
    measured("steady", options, once, events_before_to_warm_the_servers=before)


class Steady:
    """The web tier and the workers up together, and loads upon them."""

    def __init__(self, place: Ground, options: argparse.Namespace, run: Run) -> None:
        self._place = place
        self._run = run
        self._seconds = SHORT_SECONDS if options.short else SECONDS
        self._first = options.events or (SHORT_FIRST_RATE if options.short else FIRST_RATE)
        self._source = CrashSource(options.seed)
        requests = (http_request("/entries", self._source.crash(), place.key) for _ in range(2000))
        self._requests = write_requests(place.logs / "steady.requests", requests)

    def climb(self) -> list[dict[str, Any]]:
        """Rates from the first on, up while they hold, else down until one does."""
        web = self._place.start("web", self._place.part("web"))
        pools = start_pools(self._place)
        wait_for_pools(self._place, len(pools))
        wait_until("the web tier is ready", lambda: web_trouble(self._url) is None)
        meters = [web, *pools, *self._place.servers.values()]
        rows: list[dict[str, Any]] = []
        rate, held = float(self._first), None
        while len(rows) < MOST_RATES:
            row = self._at(round(rate), CpuMeter(meters))
            rows.append(row)
            self._run.say(f"{row}")
            wait_until("the backlog is stored", lambda: waiting(self._place) == 0, 3600)
            if held is not None and held != row["held"]:
                break
            held = row["held"]
            rate *= STEP if held else _DOWN
        return rows

    def _at(self, rate: int, meter: CpuMeter) -> dict[str, Any]:
        probes = Probes(self._place, self._source, self._url)
        running = start_load(
            self._url, self._requests, seconds=self._seconds, connections=64, rate=rate
        )
        probes.start()
        load = finish_load(running, self._seconds)
        left = waiting(self._place)
        probes.stop()
        if load.refused or load.broken:
            raise RuntimeError(f"{load.refused} refused, {load.broken} broken")
        return {
            "rate_asked": rate,
            "accepted_per_s": round(load.rate, 1),
            "backlog_at_end": left,
            "held": load.rate > 0.98 * rate and left <= BACKLOG_SECONDS * rate,
            "post_p99_ms": load.p99_ms,
            **probes.result(),
            "cpu": meter.per_thousand(load.requests),
        }

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self._place.environment['SLUICE_WEB_PORT']}"


@dataclass(slots=True)
class Probes:
    """One event a second, and how long after its 202 a search finds it."""

    place: Ground
    source: CrashSource
    url: str
    _sent: dict[str, float] = field(default_factory=dict)
    _took: list[float] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        self._threads = [threading.Thread(target=run) for run in (self._send, self._look)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def result(self) -> dict[str, float]:
        """Seconds from accepted to searchable; what was not found at all raises."""
        if self._sent or len(self._took) < 2:
            raise RuntimeError(f"{len(self._sent)} probes were not found")
        cuts = statistics.quantiles(self._took, n=100, method="inclusive")
        return {"searchable_p50_s": round(cuts[49], 2), "searchable_p99_s": round(cuts[98], 2)}

    def _send(self) -> None:
        while not self._ended.wait(1):
            request = urllib.request.Request(
                f"{self.url}/entries", self.source.crash(), {"X-ApiKey": self.place.key}
            )
            with urllib.request.urlopen(request, timeout=60) as answer:
                self._sent[answer.headers["Sluice-Event-Id"]] = time.monotonic()

    def _look(self) -> None:
        search = SearchStore(self.place.settings)
        deadline = None
        while not self._ended.is_set() or self._sent:
            if self._ended.is_set():
                deadline = deadline or time.monotonic() + 600
                if time.monotonic() > deadline:
                    return
            time.sleep(0.1)
            self._take_out(search)

    def _take_out(self, search: SearchStore) -> None:
        ids = list(self._sent)
        if not ids:
            return
        try:
            found = search._client.search(
                index=f"{self.place.settings.search_prefix}-crash-*",
                query={"ids": {"values": ids}},
                size=len(ids),
                source=False,
                ignore_unavailable=True,
            )
        except ApiError as error:
            if error.meta.status != HTTPStatus.SERVICE_UNAVAILABLE:  # a new index is not open yet
                raise
            return
        now = time.monotonic()
        for hit in found["hits"]["hits"]:
            self._took.append(now - self._sent.pop(str(UUID(hit["_id"]))))
