"""``bench ingest``: durable single events a second at 64 connections, and events by bulk.

No worker runs: what is measured is HTTP, the rules and the broker's disk. The baseline ``echo`` is
a WSGI callable under the same server with as many processes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from bench.ground import Ground, ground, wait_until
from bench.kinds import Source
from bench.load import JSON, Load, http_request, run_load, write_requests
from bench.payloads import CrashSource
from bench.processes import CpuMeter, Watched
from bench.telemetry import POINTS, SPANS, PointSource, SpanSource
from bench.workload import Run, measured
from ops.ports import is_free
from ops.stack.readiness import web_trouble

BULK = 100
CONNECTIONS = 64
BULK_CONNECTIONS = 8
_KINDS = dict.fromkeys(("/v1/traces", "/v1/metrics"), "application/x-protobuf")


def main(options: argparse.Namespace) -> None:
    with ground(options.say) as place:
        Ingest(place, options).run()


class Ingest:
    """One ground, its web tier and its echo, loaded one after the other."""

    def __init__(self, place: Ground, options: argparse.Namespace) -> None:
        self._place = place
        self._options = options
        self._seconds = 4 if options.short else options.seconds
        self._files = _request_files(place, options)

    def run(self) -> None:
        measured("ingest", self._options, self._once, _ratios, payload=self._payload())

    def _once(self, run: Run) -> list[dict[str, Any]]:
        echo = self._echo()
        rows = [echo, *self._product()]
        for row in rows:
            row["of_echo"] = round(row["requests_per_s"] / echo["requests_per_s"], 3)
            run.say(f"{row['what']}: {row['events_per_s']:,.0f} events/s, p99 {row['p99_ms']} ms")
        return rows

    def _echo(self) -> dict[str, Any]:
        env = self._place.environment
        port = int(env["SLUICE_WEB_PORT"])
        argv = [sys.executable, "-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws"]
        argv += ["--port", str(port), "--workers", env["SLUICE_WEB_WORKERS"]]
        argv += ["--blocking-threads", env["SLUICE_WEB_THREADS"], "--backlog", "2048"]
        watched = self._place.start("echo", [*argv, "bench.echo:app"])
        wait_until("echo listens", lambda: not is_free(port, "127.0.0.1"))
        try:
            return self._load("echo", "single", watched, CONNECTIONS)
        finally:
            self._place.stop("echo")

    def _product(self) -> list[dict[str, Any]]:
        self._place.empty_broker()
        watched = self._place.start("web", self._place.part("web"))
        wait_until("the web tier is ready", lambda: web_trouble(self._url) is None)
        try:
            return [
                self._accepted("single", "single", watched, CONNECTIONS, 1),
                self._accepted(f"bulk of {BULK}", "bulk", watched, BULK_CONNECTIONS, BULK),
                self._accepted("single 50 KB", "large", watched, CONNECTIONS, 1),
                self._accepted(f"RUM batch of {BULK}", "rum", watched, BULK_CONNECTIONS, BULK),
                self._accepted(f"{SPANS} spans", "spans", watched, CONNECTIONS, 1),
                self._accepted(f"{POINTS} points", "points", watched, CONNECTIONS, 1),
            ]
        finally:
            self._place.stop("web")

    def _accepted(
        self, what: str, file: str, watched: Watched, connections: int, events: int
    ) -> dict[str, Any]:
        """Load, and hold what the sender was told against what the broker counted."""
        self._place.empty_broker()
        row = self._load(what, file, watched, connections, events)
        counted = self._place.broker.totals().get("accepted", 0)
        told = row["answered"] * events
        # wrk leaves requests unanswered when its time is over: they may be accepted besides.
        if not told <= counted <= told + 2 * connections * events:
            raise RuntimeError(f"{what}: {told} events answered 202, the broker counts {counted}")
        return row

    def _load(
        self, what: str, file: str, watched: Watched, connections: int, events: int = 1
    ) -> dict[str, Any]:
        servers = [self._place.servers["valkey"]] if what != "echo" else []
        run_load(self._url, self._files[file], seconds=1, connections=connections)
        if servers:
            self._place.empty_broker()
        meter = CpuMeter([watched, *servers])
        load = run_load(
            self._url, self._files[file], seconds=self._seconds, connections=connections
        )
        _require_clean(what, load)
        return {
            "what": what,
            "requests_per_s": round(load.rate, 1),
            "events_per_s": round(load.rate * events, 1),
            "p50_ms": load.p50_ms,
            "p99_ms": load.p99_ms,
            "answered": load.requests,
            "cpu": meter.per_thousand(load.requests * events),
        }

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self._place.environment['SLUICE_WEB_PORT']}"

    def _payload(self) -> dict[str, Any]:
        source = CrashSource(self._options.seed)
        sizes = [len(source.crash()) for _ in range(1000)]
        return {"crash_bytes_mean": sum(sizes) // len(sizes), "seed": self._options.seed}


def _require_clean(what: str, load: Load) -> None:
    if load.refused or load.broken:
        raise RuntimeError(f"{what}: {load.refused} refused, {load.broken} broken")


def _request_files(place: Ground, options: argparse.Namespace) -> dict[str, Path]:
    source, key = CrashSource(options.seed), place.key
    count = 500 if options.short else 3000
    bodies: dict[str, tuple[str, list[bytes]]] = {
        "single": ("/entries", [source.crash() for _ in range(count)]),
        "large": ("/entries", [source.large_crash() for _ in range(count // 10)]),
        "rum": ("/events", [source.rum_batch(BULK) for _ in range(count // 50)]),
        "bulk": ("/entries/bulk", [_bulk(source) for _ in range(count // 50)]),
        "spans": ("/v1/traces", _bodies(SpanSource(options.seed), count // 5)),
        "points": ("/v1/metrics", _bodies(PointSource(options.seed), count // 5)),
    }
    return {
        name: write_requests(
            place.logs / f"{name}.requests",
            (http_request(path, body, key, _KINDS.get(path, JSON)) for body in found),
        )
        for name, (path, found) in bodies.items()
    }


def _bodies(source: Source, count: int) -> list[bytes]:
    return [source.body() for _ in range(count)]


def _bulk(source: CrashSource) -> bytes:
    return b"[" + b",".join(source.crash() for _ in range(BULK)) + b"]"


def _ratios(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"ratios": {f"{row['what']} / echo": row["of_echo"] for row in rows[1:]}}
